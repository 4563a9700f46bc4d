//! From errors of the system to errors of a backend.

use std::io;
use std::path::Path;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;

/// The error for something that could not be done to a path.
pub(super) fn at(action: &str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let message = format!("could not {action} {}", path.display());
    move |error| from_io(message, error)
}

/// [`at`] for calls that return a bare error number.
pub(super) fn errno_at(action: &str, path: &Path) -> impl FnOnce(rustix::io::Errno) -> Error {
    let at = at(action, path);
    move |errno| at(errno.into())
}

pub(super) fn from_io(message: impl Into<String>, error: io::Error) -> Error {
    Error::new(kind(&error), message).with_source(error)
}

fn kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::OutOfMemory | io::ErrorKind::QuotaExceeded | io::ErrorKind::StorageFull => {
            ErrorKind::Exhausted
        }
        io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => ErrorKind::Corrupt,
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => ErrorKind::InvalidInput,
        _ => ErrorKind::Other,
    }
}
