//! From errors of this crate to errors of a backend.

#![expect(clippy::needless_pass_by_value, reason = "they are made for `map_err`")]

use std::path::Path;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;

use crate::apply;
use crate::archive;
use crate::blob;
use crate::layout;
#[cfg(feature = "registry")]
use crate::registry;
pub(super) use crate::tree::error::at;
pub(super) use crate::tree::error::errno_at;
pub(super) use crate::tree::error::from_io;

/// The error of a blob. Its text and cause become those of the backend's error.
pub(super) fn from_blob(error: blob::Error) -> Error {
    outward(error.kind(), &error)
}

/// As [`from_blob`], of a layout.
pub(super) fn from_layout(error: layout::Error) -> Error {
    outward(error.kind(), &error)
}

/// As [`from_blob`], of a registry.
#[cfg(feature = "registry")]
pub(super) fn from_registry(error: registry::Error) -> Error {
    let outer = match error.requester() {
        // Not as text alone: it decides what to do.
        Some(requester) => Error::new(error.kind(), error.to_string()).with_source(requester.clone()),
        None => outward(error.kind(), &error),
    };
    if error.is_retryable() { outer.retryable() } else { outer }
}

/// As [`from_blob`], of an archive.
pub(super) fn from_archive(error: archive::Error) -> Error {
    outward(error.kind(), &error)
}

/// As [`from_blob`], of a layer that was applied to a directory.
pub(super) fn from_apply(error: apply::Error, into: &Path) -> Error {
    outward(error.kind(), &error).with("directory", into.display())
}

/// Says at once what an error says, then its causes.
fn outward(kind: ErrorKind, error: &dyn std::error::Error) -> Error {
    let outer = Error::new(kind, error.to_string());
    let causes: Vec<_> =
        std::iter::successors(error.source(), |error| error.source()).map(ToString::to_string).collect();
    if causes.is_empty() { outer } else { outer.with_source(causes.join(": ")) }
}

#[cfg(all(test, feature = "registry"))]
mod tests {
    use super::*;
    use crate::registry::Requester;

    #[test]
    fn who_a_registry_refuses_is_known() {
        let (registry, repository) = ("registry.test".to_owned(), "app".to_owned());
        let requester = Requester { registry, repository, is_anonymous: true };
        let refusal = registry::Error::Status {
            method: "GET".to_owned(),
            url: "https://registry.test/v2/".to_owned(),
            status: 401,
            message: "who are you".to_owned(),
            retry_after: None,
            source: Some(Box::new(requester.clone())),
        };
        let error = from_registry(refusal);
        assert_eq!((error.kind(), Requester::of(&error)), (ErrorKind::Denied, Some(&requester)));
        assert_eq!(error.to_string(), "GET https://registry.test/v2/: 401: who are you");
    }
}
