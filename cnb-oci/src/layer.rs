//! Layers of images: exact tars, diffIDs, compression.
//!
//! [`LayerWriter`] writes one tar stream in a [`Dialect`] and hashes it on the way, out of files or out of another tar,
//! [`slices`] divides an application into several layers, [`launcher`] has the layers of the launcher.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::ErrorKind;
use rustix::io::Errno;

use crate::blob;

mod dialect;
pub(crate) mod directory;
mod glob;
pub(crate) mod header;
pub mod launcher;
mod normalize;
pub mod slices;
mod snapshot;
mod writer;

pub use dialect::Dialect;
pub use directory::Selection;
pub use directory::entries;
pub use directory::parents_on_disk;
pub use glob::BadPattern;
pub use writer::LayerWriter;
pub use writer::Written;

/// Why a layer could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file got smaller while it was read.
    #[error("{} changed while it was added to a layer", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A path to select is absolute or has a part `..`.
    #[error("the path `{}` leaves the directory of the layer", path.display())]
    Outside {
        /// The path as given.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot add {} to a layer", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A tar to add cannot be read.
    #[error("cannot read the tar of a layer, after `{after}`")]
    Tar {
        /// The last entry that could be read.
        after: String,
        /// Why not.
        source: io::Error,
    },
    /// The tar cannot be written.
    #[error("cannot write a layer")]
    Write {
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// What kind of error this is for a backend.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Outside { .. } => ErrorKind::InvalidInput,
            Self::Read { source, .. } if Errno::from_io_error(source) == Some(Errno::LOOP) => {
                ErrorKind::InvalidInput
            }
            Self::Read { source, .. } | Self::Write { source } => blob::kind_of(source),
            Self::Changed { .. } | Self::Tar { .. } => ErrorKind::Other,
        }
    }

    fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }
}
