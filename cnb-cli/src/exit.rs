//! How the program ends.

use std::process::ExitCode;

use cnb_core::backend::ErrorKind;
use cnb_core::diagnostic::Diagnostics;

use crate::login;

/// What an exit code means. Codes of the phases are those of the lifecycle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Anything without a code of its own.
    Other = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A file that a person wrote is wrong: descriptor, builder.toml, env file.
    InvalidInput = 3,
    /// An image does not exist, or its bytes are not what their digests say.
    Image = 4,
    /// The machine lacks something: an OCI runtime, user namespaces, a helper program, a daemon or a registry that
    /// answers.
    Machine = 5,
    /// Disk or memory is used up.
    Exhausted = 6,
    /// The builder's lifecycle and this program have no Platform API in common.
    PlatformApi = 11,
    /// No group of buildpacks passed detection.
    NoGroup = 20,
    /// No group passed, and a buildpack failed in a way that is not a plain "no".
    NoGroupWithErrors = 21,
    /// Detection failed otherwise.
    Detect = 22,
    /// Restoring failed.
    Restore = 42,
    /// A buildpack failed to build.
    Buildpack = 51,
    /// Building failed otherwise.
    Build = 52,
    /// Writing the image failed.
    Export = 62,
    /// The image cannot be on the new run image.
    Rebase = 72,
    /// Ctrl-C.
    Interrupted = 130,
    /// SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// What an error of this kind is, whatever was being done. None where that decides.
    pub(crate) fn of_kind(kind: ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::Corrupt | ErrorKind::NotFound => Some(Self::Image),
            ErrorKind::Exhausted => Some(Self::Exhausted),
            ErrorKind::Unavailable => Some(Self::Machine),
            ErrorKind::Unsupported => Some(Self::Usage),
            _ => None,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error with the exit code it leads to. Its text is complete: causes are part of it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// What to print.
    pub(crate) message: String,
    /// What the message is of, when it is all that is wrong in a file that a person wrote.
    pub(crate) diagnostics: Option<Diagnostics>,
    /// What was to be told before; it may be why.
    pub(crate) warnings: Diagnostics,
}

impl Failure {
    /// A failure with a text of its own.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), diagnostics: None, warnings: Diagnostics::default() }
    }

    /// A failure that is errors in a file, with the warnings about it.
    pub(crate) fn invalid(errors: &Diagnostics) -> Self {
        Self { diagnostics: Some(errors.clone()), ..Self::new(Exit::InvalidInput, errors.render(false)) }
    }

    /// The same after warnings.
    pub(crate) fn after(mut self, warnings: Diagnostics) -> Self {
        self.warnings = warnings;
        self
    }

    /// A failure that tells an error and its causes, each on a line, and what to do when a registry refuses. What a
    /// cause only repeats is told once.
    pub(crate) fn caused(exit: Exit, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut last = error.to_string();
        let mut message = last.clone();
        for cause in std::iter::successors(error.source(), |error| error.source()).map(ToString::to_string) {
            if cause != last {
                message.push_str("\n  caused by: ");
                message.push_str(&cause.replace('\n', "\n  "));
            }
            last = cause;
        }
        Self::new(exit, message).with_help(login::help(error).as_deref())
    }

    /// The same with what to do about it, if there is something.
    pub(crate) fn with_help(mut self, help: Option<&str>) -> Self {
        if let Some(help) = help {
            self.message.push_str("\n  help: ");
            self.message.push_str(help);
        }
        self
    }
}

/// What a command returns.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Told(&'static str, #[source] Option<Box<Self>>);

    #[test]
    fn causes_are_told_once() {
        let cause = Told("gone", Some(Box::new(Told("gone", None))));
        let failure = Failure::caused(Exit::Other, &Told("cannot read", Some(Box::new(cause))));
        assert_eq!(failure.message, "cannot read\n  caused by: gone");
    }
}
