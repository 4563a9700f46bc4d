//! How the errors of a build end the program.

use cnb_core::backend;
use cnb_core::backend::ErrorKind;
use cnb_lifecycle::platform::Error;

use crate::exit::Exit;
use crate::exit::Failure;

/// The failure that an error of a build is.
pub(super) fn failure(error: &Error) -> Failure {
    Failure::caused(exit(error), error).with_help(help(error))
}

fn exit(error: &Error) -> Exit {
    match error {
        Error::Backend { source, .. } => of_backend(source),
        Error::Builder { .. } | Error::RunImage(_) => Exit::Image,
        Error::Export(_) => Exit::Export,
        Error::Lifecycle(_) => Exit::InvalidInput,
        Error::Phase { phase, code } => of_phase(phase, *code),
        Error::PlatformApi { .. } => Exit::PlatformApi,
        _ => Exit::Other,
    }
}

/// The exit code of a failure of the backend.
pub(crate) fn of_backend(error: &backend::Error) -> Exit {
    let is_of_output = || error.context().iter().any(|(key, _)| *key == "output");
    Exit::of_kind(error.kind()).unwrap_or_else(|| if is_of_output() { Exit::Export } else { Exit::Other })
}

/// The phases' own codes where the specification has them, else one that names the phase.
fn of_phase(phase: &str, code: i32) -> Exit {
    match (phase, code) {
        (_, 11) => Exit::PlatformApi,
        ("detect", 20) => Exit::NoGroup,
        ("detect", 21) => Exit::NoGroupWithErrors,
        ("detect", _) => Exit::Detect,
        ("restore", _) => Exit::Restore,
        ("build", 51) => Exit::Buildpack,
        ("build", _) => Exit::Build,
        _ => Exit::Export,
    }
}

fn help(error: &Error) -> Option<&'static str> {
    match error {
        Error::Phase { code: 20, .. } => Some(
            "check that PATH is the application, and that the builder or the descriptor has buildpacks for it",
        ),
        Error::Phase { .. } => Some("the output of the phase above says what went wrong"),
        Error::RunImage(_) => Some("pass --run-image IMAGE"),
        Error::PlatformApi { .. } => Some("use another builder, or another lifecycle with --lifecycle PATH"),
        Error::Backend { source, .. } if source.kind() == ErrorKind::Exhausted => {
            Some("make room; --cache-dir DIR puts the state of local builds elsewhere")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_that_cannot_be_written_is_told_from_an_image_that_cannot_be_read() {
        let error = |kind| backend::Error::new(kind, "no");
        assert_eq!(of_backend(&error(ErrorKind::Denied)), Exit::Other);
        assert_eq!(of_backend(&error(ErrorKind::Denied).with("output", "oci:out")), Exit::Export);
        assert_eq!(of_backend(&error(ErrorKind::Exhausted).with("output", "oci:out")), Exit::Exhausted);
    }
}
