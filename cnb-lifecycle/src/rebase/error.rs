//! Why an image was not rebased.

use cnb_core::backend::ErrorKind;
use cnb_oci::archive;
use cnb_oci::blob;
use cnb_oci::layout;
use cnb_oci::registry;

use crate::phase::rebase::Objection;
use crate::phase::rebase::RebaseError;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// An image was not rebased.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An image cannot be read.
    #[error("failed to {action}")]
    Read {
        /// What was being done.
        action: String,
        /// What a caller may want to tell apart.
        kind: ErrorKind,
        /// Why it failed.
        source: Source,
    },
    /// The image cannot be on the new base.
    #[error("`{image}` cannot be rebased")]
    Rebase {
        /// The image.
        image: String,
        /// Why not.
        source: RebaseError,
    },
    /// Only a forced rebase would do this.
    #[error("`{image}` cannot be rebased: {objection}")]
    Refused {
        /// The image.
        image: String,
        /// What speaks against it.
        objection: Objection,
    },
    /// Nobody names a run image that can be found.
    #[error("no run image: {0}")]
    RunImage(String),
    /// What is asked for cannot be done.
    #[error("{0}")]
    Unsupported(String),
    /// An output cannot be written.
    #[error("failed to write `{output}`")]
    Write {
        /// The output.
        output: String,
        /// What a caller may want to tell apart.
        kind: ErrorKind,
        /// Why it failed.
        source: Source,
    },
}

/// What went wrong with an image, before it is said what was being done.
#[derive(Debug)]
pub(super) struct Cause {
    pub(super) kind: ErrorKind,
    source: Source,
}

impl Cause {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, source: message.into().into() }
    }

    /// The failure of an output.
    pub(super) fn of_output(self, output: &dyn std::fmt::Display) -> Error {
        Error::Write { output: output.to_string(), kind: self.kind, source: self.source }
    }

    /// Its text, with its causes.
    pub(super) fn text(&self) -> String {
        crate::causes::with_causes(&*self.source)
    }
}

/// An error that has a kind.
pub(super) trait Kinded: std::error::Error + Send + Sync + 'static {
    fn kind(&self) -> ErrorKind;
}

macro_rules! kinded {
    ($($error:ty),*) => {
        $(impl Kinded for $error {
            fn kind(&self) -> ErrorKind {
                Self::kind(self)
            }
        })*
    };
}

kinded!(archive::Error, blob::Error, layout::Error, registry::Error);

impl Kinded for std::io::Error {
    fn kind(&self) -> ErrorKind {
        blob::kind_of(self)
    }
}

impl<E: Kinded> From<E> for Cause {
    fn from(error: E) -> Self {
        Self { kind: Kinded::kind(&error), source: Box::new(error) }
    }
}

/// Says what was being done.
pub(super) trait During<T> {
    fn during(self, action: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: Into<Cause>> During<T> for Result<T, E> {
    fn during(self, action: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|error| {
            let Cause { kind, source } = error.into();
            Error::Read { action: action(), kind, source }
        })
    }
}
