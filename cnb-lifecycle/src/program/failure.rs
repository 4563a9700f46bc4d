//! Why a phase failed, as the last line of its output and as its exit code.
//!
//! Source: `cmd/exit.go` and `platform/exit.go` of the Go lifecycle.

use std::error::Error;
use std::fmt;

use crate::causes::with_causes;

/// Exit codes.
pub(super) mod code {
    /// Anything that has no code of its own.
    pub(crate) const FAILED: u8 = 1;
    /// A flag that does not exist or has a bad value.
    pub(crate) const BAD_FLAG: u8 = 2;
    /// Arguments or inputs that make no sense.
    pub(crate) const INVALID_ARGUMENTS: u8 = 3;
    /// A Platform API that is not supported.
    pub(crate) const PLATFORM_API: u8 = 11;
    /// A Buildpack API that is not supported.
    pub(crate) const BUILDPACK_API: u8 = 12;
    /// No group passed.
    pub(crate) const DETECT_NONE: u8 = 20;
    /// No group passed, and a buildpack had an error.
    pub(crate) const DETECT_BUILDPACK: u8 = 21;
    /// Detection could not be done.
    pub(crate) const DETECT: u8 = 22;
    /// The analysis could not be done.
    pub(crate) const ANALYZE: u8 = 32;
    /// The restoration could not be done.
    pub(crate) const RESTORE: u8 = 42;
    /// A buildpack failed to build.
    pub(crate) const BUILD_BUILDPACK: u8 = 51;
    /// The build could not be done.
    pub(crate) const BUILD: u8 = 52;
    /// The export could not be done.
    pub(crate) const EXPORT: u8 = 62;
    /// The rebase could not be done.
    pub(crate) const REBASE: u8 = 72;
    /// No process was started.
    pub(crate) const LAUNCH: u8 = 82;
    /// An extension failed.
    pub(crate) const GENERATE_EXTENSION: u8 = 91;
    /// Generation could not be done.
    pub(crate) const GENERATE: u8 = 92;
    /// The extension of an image could not be done.
    pub(crate) const EXTEND: u8 = 102;
}

/// Why no image can be based on another one.
pub(super) const NO_LAYERS: &str = "image has no layers";

/// Shown as `failed to <action>: <cause>`.
#[derive(Debug)]
pub(super) struct Failure {
    /// The exit code.
    pub(super) code: u8,
    text: String,
}

impl Failure {
    /// What was being done, as in "failed to ...", and why it failed, with all its sources.
    pub(super) fn new(action: impl fmt::Display, cause: impl Into<Box<dyn Error>>) -> Self {
        Self::message(format!("{action}: {}", with_causes(cause.into().as_ref())))
    }

    /// What was being done, as in "failed to ...", when there is nothing to add.
    pub(super) fn message(action: impl fmt::Display) -> Self {
        Self { code: code::FAILED, text: format!("failed to {action}") }
    }

    /// A failure that has a text of its own, without "failed to".
    pub(super) fn verbatim(text: impl Into<String>) -> Self {
        Self { code: code::FAILED, text: text.into() }
    }

    /// The failure as the cause of a larger one.
    pub(super) fn while_doing(self, action: &str) -> Self {
        Self { text: format!("failed to {action}: {}", self.text), ..self }
    }

    /// The failure with another exit code.
    pub(super) fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_show_every_source() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        let failure = Failure::new("detect", Outer(std::io::Error::other("inner"))).with_code(code::DETECT);
        assert_eq!(failure.to_string(), "failed to detect: outer: inner");
        assert_eq!(failure.code, 22);
    }
}
