//! Layers become files of a directory.
//!
//! Whatever a layer says, nothing outside of the directory is read or changed: names and the targets of hard
//! links are resolved with the directory as root, where links in the middle of a path are followed and the
//! last name never is. Nobody else may change the directory meanwhile.
//!
//! Source: "layer.md" of the OCI image specification; where it is silent, `archive` of containerd.

use std::io;
use std::io::Read;
use std::path::Path;

use cnb_core::backend::ErrorKind;
use cnb_core::backend::User;

use crate::blob::kind_of;
use crate::inside::Inside;

pub(crate) mod archive;
mod compression;
mod entry_path;
mod layer;
mod lower;
mod metadata;
mod pax;

pub use compression::UnsupportedCompression;
pub use compression::decompress;

/// Who gets the files of a layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Owners {
    /// Those that the layer says. An id that is not below `ids` does not exist in this user namespace: then
    /// the file stays with this process, without setuid and setgid, which is reported.
    Layer {
        /// How many ids there are.
        ids: u32,
    },
    /// This process.
    Process,
}

/// How to apply a layer.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Who gets the files.
    pub owners: Owners,
    /// Whether the layer is taken without those below it: its whiteouts mean nothing then.
    pub alone: bool,
}

impl Options {
    /// To apply a layer on top of those that the directory has already.
    pub fn new(owners: Owners) -> Self {
        Self { owners, alone: false }
    }

    /// To apply a layer without those below it to an empty directory. Its whiteouts are ignored.
    pub fn alone(owners: Owners) -> Self {
        Self { owners, alone: true }
    }
}

/// What could not be done as a layer says, though the layer was applied.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// In the order of the layer.
    pub skipped: Vec<Skipped>,
}

/// Something of an entry that was left out.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Skipped {
    /// The entry's name.
    pub entry: String,
    /// What of it.
    pub what: What,
}

/// What of an entry was left out.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// The extended attribute of this name: it is not permitted, the file system has none, or it would mean
    /// something to this machine.
    Attribute(String),
    /// All: devices are not permitted in user namespaces, and character device 0:0 hides files in overlays.
    Device,
    /// This owner.
    Owner(User),
}

/// Applies an uncompressed layer to the directory `root`. `layer` is its name in errors.
///
/// The whole stream is read, so that a reader that verifies it gets to the end. After an error the directory
/// has a part of the layer.
///
/// - A directory is merged with one that is there, and gets the layer's metadata. Everything else replaces
///   what is there.
/// - Whiteouts remove what earlier layers have, wherever in the layer they are.
/// - Directories above entries that are missing get mode 0755.
/// - The root itself keeps its metadata.
/// - Hard links get no metadata of their own.
///
/// # Errors
/// See [`Error`].
pub fn apply(root: &Path, layer: &str, tar: impl Read, options: &Options) -> Result<Report, Error> {
    let open = Inside::new(root).map_err(|errno| Error::Write {
        layer: layer.to_owned(),
        entry: "/".to_owned(),
        source: errno.into(),
    })?;
    layer::Applying::new(&open, layer, options).run(tar)
}

/// Why a layer could not be applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The layer has an entry that makes no sense.
    #[error("the entry `{entry}` of layer {layer} is invalid: {reason}")]
    Invalid {
        /// Name of the layer.
        layer: String,
        /// Name of the entry.
        entry: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The layer cannot be read, or is not a tar.
    #[error("cannot read layer {layer} behind the entry `{after}`")]
    Read {
        /// Name of the layer.
        layer: String,
        /// Name of the last entry that was read; empty at the start.
        after: String,
        /// Why not.
        source: io::Error,
    },
    /// An entry cannot be written.
    #[error("cannot write the entry `{entry}` of layer {layer}")]
    Write {
        /// Name of the layer.
        layer: String,
        /// Name of the entry.
        entry: String,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// What a backend says of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid { .. } => ErrorKind::InvalidInput,
            Self::Read { source, .. } | Self::Write { source, .. } => match source.kind() {
                io::ErrorKind::Unsupported | io::ErrorKind::NotADirectory => ErrorKind::InvalidInput,
                _ => kind_of(source),
            },
        }
    }
}
