//! From errors of the system to errors of a backend.

use std::io;
use std::path::Path;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use rustix::io::Errno;

use crate::blob;
use crate::layer;

/// The error for something that could not be done to a path.
pub(crate) fn at(action: &str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let message = format!("could not {action} {}", path.display());
    move |error| from_io(message, error)
}

/// [`at`] for calls that return a bare error number.
pub(crate) fn errno_at(action: &str, path: &Path) -> impl FnOnce(Errno) -> Error {
    let at = at(action, path);
    move |errno| at(errno.into())
}

pub(crate) fn from_io(message: impl Into<String>, error: io::Error) -> Error {
    Error::new(kind(&error), message).with_source(error)
}

/// The error for a path in a tree that could not be read.
pub(crate) fn unreadable(path: &str, errno: Errno) -> Error {
    let (kind, message) = match errno {
        Errno::NOENT => (ErrorKind::NotFound, format!("there is no {path}")),
        Errno::ISDIR => (ErrorKind::InvalidInput, format!("{path} is a directory")),
        Errno::NOTDIR => (ErrorKind::InvalidInput, format!("{path} is not a directory")),
        Errno::INVAL => (ErrorKind::InvalidInput, format!("{path} is not a regular file")),
        Errno::ILSEQ => (ErrorKind::InvalidInput, format!("a name in {path} is not UTF-8")),
        Errno::LOOP => (ErrorKind::InvalidInput, format!("{path} goes through too many links")),
        errno => return from_io(format!("could not read {path}"), errno.into()),
    };
    Error::new(kind, message)
}

/// The error for a layer that could not be made.
pub(crate) fn from_layer(error: layer::Error) -> Error {
    Error::new(error.kind(), "could not write a layer").with_source(error)
}

fn kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => ErrorKind::InvalidInput,
        _ => blob::kind_of(error),
    }
}
