//! How the program ends.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use cnb_core::diagnostic::Diagnostics;

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
    /// The machine lacks something: an OCI runtime, user namespaces, a helper program.
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
    /// Whether the message says itself what is an error in it and what a warning.
    pub(crate) is_rendered: bool,
}

impl Failure {
    /// A failure with a text of its own.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), is_rendered: false }
    }

    /// A failure that is errors in a file, with the warnings about it.
    pub(crate) fn invalid(errors: &Diagnostics) -> Self {
        let message = errors.render(std::io::stderr().is_terminal());
        Self { exit: Exit::InvalidInput, message, is_rendered: true }
    }

    /// A failure that tells an error and its causes, each on a line.
    pub(crate) fn caused(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str("\n  caused by: ");
            message.push_str(&cause.to_string().replace('\n', "\n  "));
            source = cause.source();
        }
        Self::new(exit, message)
    }
}

/// What a command returns.
pub(crate) type Result<T> = std::result::Result<T, Failure>;
