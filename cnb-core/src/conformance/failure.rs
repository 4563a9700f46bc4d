//! Why a case failed.

use std::error::Error as _;
use std::fmt;
use std::fmt::Debug;

use crate::backend::Error;
use crate::backend::ErrorKind;

/// What a case found wrong, in a sentence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure(String);

/// What a case returns.
pub type Outcome = Result<(), Failure>;

impl Failure {
    /// A case found this wrong.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(format!("{:?}: {}", error.kind(), whole_text(&error)))
    }
}

/// An error and its causes.
pub(super) fn whole_text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Fails unless the two are equal.
#[expect(clippy::needless_pass_by_value, reason = "cases hand over what a method returned")]
pub(super) fn equal<A: Debug + PartialEq<B>, B: Debug>(what: &str, actual: A, expected: B) -> Outcome {
    if actual == expected {
        return Ok(());
    }
    Err(Failure(format!("{what}: expected {expected:?}, got {actual:?}")))
}

/// Fails with this text unless it holds.
pub(super) fn ensure(holds: bool, otherwise: impl Into<String>) -> Outcome {
    if holds { Ok(()) } else { Err(Failure(otherwise.into())) }
}

/// Fails unless a method returned an error of this kind.
pub(super) fn refused<T: Debug>(what: &str, result: Result<T, Error>, kind: ErrorKind) -> Outcome {
    match result {
        Ok(value) => Err(Failure(format!("{what}: expected {kind:?}, got {value:?}"))),
        Err(error) => equal(what, error.kind(), kind),
    }
}
