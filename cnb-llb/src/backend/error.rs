//! Errors of BuildKit as those of a backend.

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;

use crate::errdefs::BuildError;
use crate::errdefs::Code;

/// The kinds that BuildKit tells in words alone.
const WORDS: [(&str, ErrorKind); 12] = [
    ("insufficient_scope", ErrorKind::Denied),
    ("authorization failed", ErrorKind::Denied),
    ("unauthorized", ErrorKind::Denied),
    ("401 Unauthorized", ErrorKind::Denied),
    ("403 Forbidden", ErrorKind::Denied),
    ("no basic auth credentials", ErrorKind::Denied),
    ("no such file or directory", ErrorKind::NotFound),
    ("not found", ErrorKind::NotFound),
    ("is a directory", ErrorKind::InvalidInput),
    ("not a directory", ErrorKind::InvalidInput),
    ("not a regular file", ErrorKind::InvalidInput),
    ("no space left on device", ErrorKind::Exhausted),
];

/// The error of a backend, with that of BuildKit as its cause.
pub(super) fn from_build(error: BuildError) -> Error {
    let kind = kind(&error);
    let said = Error::new(kind, "BuildKit cannot do it");
    let said = if error.code() == Code::Unavailable { said.retryable() } else { said };
    said.with_source(error)
}

fn kind(error: &BuildError) -> ErrorKind {
    match error.code() {
        Code::NotFound => return ErrorKind::NotFound,
        Code::InvalidArgument => return ErrorKind::InvalidInput,
        Code::PermissionDenied | Code::Unauthenticated => return ErrorKind::Denied,
        Code::Unimplemented => return ErrorKind::Unsupported,
        Code::Unavailable => return ErrorKind::Unavailable,
        Code::ResourceExhausted => return ErrorKind::Exhausted,
        _ => {}
    }
    let has = |words: &str| error.message().contains(words);
    WORDS.iter().find(|(words, _)| has(words)).map_or(ErrorKind::Other, |(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_that_of_the_code_or_the_words() {
        for (code, message, kind) in [
            (Code::NotFound, "x", ErrorKind::NotFound),
            (Code::Unknown, "open /a: no such file or directory", ErrorKind::NotFound),
            (Code::Unknown, "read /a: is a directory", ErrorKind::InvalidInput),
            (Code::Unknown, "open /a: not a regular file", ErrorKind::InvalidInput),
            (
                Code::Unknown,
                "pull access denied, insufficient_scope: authorization failed",
                ErrorKind::Denied,
            ),
            (
                Code::Unknown,
                "failed to fetch oauth token: unexpected status from GET request to http://a/token: 401 Unauthorized: not found",
                ErrorKind::Denied,
            ),
            (
                Code::Unknown,
                "push access denied: authorization failed: no basic auth credentials",
                ErrorKind::Denied,
            ),
            (Code::Unknown, "strange", ErrorKind::Other),
        ] {
            assert_eq!(from_build(BuildError::new(code, message)).kind(), kind, "{message}");
        }
    }
}
