//! What a build tells while it runs: typed values, never text on a stream.

use std::fmt;
use std::fmt::Debug;

use serde::Serialize;

use crate::digest::DiffId;
use crate::digest::Digest;

/// Receives events, in order, from the task that runs the work.
///
/// An implementation returns quickly: whoever sends waits for it.
pub trait EventSink: Debug + Send + Sync {
    /// Takes one event.
    fn event(&self, event: Event);
}

/// A sink that forgets everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl EventSink for NoEvents {
    fn event(&self, _: Event) {}
}

/// One thing that happened.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A phase of the build begins.
    PhaseStarted {
        /// Its name: `analyze`, `detect`, `restore`, `build`, `export`, ...
        phase: String,
    },
    /// A phase ended.
    PhaseFinished {
        /// Its name.
        phase: String,
        /// Whether it did what it was there for.
        success: bool,
    },
    /// Whether a phase has to run: before it does, or afterwards where a backend finds that out by itself.
    Decided {
        /// Its name.
        phase: String,
        /// Whether what it left before is used instead of running it.
        reused: bool,
        /// Why it has to run; nothing when it need not.
        because: Vec<Reason>,
    },
    /// A step wrote to one of its streams. A piece ends anywhere, also inside a line or a character.
    Output {
        /// The name of the step.
        step: String,
        /// Where it wrote to.
        stream: Stream,
        /// What it wrote.
        #[serde(serialize_with = "lossy_text")]
        bytes: Vec<u8>,
    },
    /// A layer of the image is known.
    Layer {
        /// Its id, for example `example/pip:dependencies` or `app`.
        id: String,
        /// The digest of its tar.
        diff_id: DiffId,
        /// Whether the last build had it, too.
        reused: bool,
        /// Where it is from.
        origin: Origin,
    },
    /// An image was written.
    Exported {
        /// Where to.
        output: String,
        /// The digest of its config.
        image_id: Digest,
        /// The digest of its manifest.
        digest: Digest,
    },
    /// Something that a person should know and that does not end the build.
    Warning {
        /// What, and what to do.
        message: String,
    },
}

/// Why a phase has to run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// Nothing is known of an earlier run.
    NoRecord,
    /// What the earlier run left is not there any more, or not whole.
    Lost {
        /// What is wrong.
        what: String,
    },
    /// Whoever builds wants it.
    Asked,
    /// The backend does not have what such a run leaves, and does not say why.
    Unknown,
    /// Something that it reads was not there at the earlier run.
    Added {
        /// What, in words, for example `application: src/app.py`.
        input: String,
    },
    /// Something that it read is different.
    Changed {
        /// What.
        input: String,
    },
    /// Something that it read is not there any more.
    Removed {
        /// What.
        input: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecord => f.write_str("nothing is known of an earlier run"),
            Self::Lost { what } => f.write_str(what),
            Self::Asked => f.write_str("it was asked for"),
            Self::Unknown => f.write_str("the backend does not have what it leaves"),
            Self::Added { input } => write!(f, "{input} is new"),
            Self::Changed { input } => write!(f, "{input} changed"),
            Self::Removed { input } => write!(f, "{input} is gone"),
        }
    }
}

/// Where a layer of an image is from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Origin {
    /// It was made of what this build left.
    Made,
    /// The buildpack kept it without contents: it is the layer of the last image.
    Kept,
    /// The phase that makes it did not run: it is the layer of the last build.
    Recorded,
}

/// A stream of a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

fn lossy_text<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}
