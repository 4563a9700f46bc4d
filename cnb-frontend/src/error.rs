//! Errors and warnings as BuildKit and its clients show them: with the lines of the descriptor that they are about.

use std::error::Error;

use cnb_core::backend::ErrorKind;
use cnb_core::diagnostic::Diagnostic;
use cnb_core::diagnostic::Diagnostics;
use cnb_core::diagnostic::Severity;
use cnb_lifecycle::platform;
use cnb_llb::Warning;
use cnb_llb::errdefs::BuildError;
use cnb_llb::errdefs::Code;
use cnb_llb::errdefs::Detail;
use cnb_llb::errdefs::Source;

use crate::place::Place;
use crate::request::Asked;

/// An error about what somebody asked for.
pub fn invalid(error: &(dyn Error + 'static)) -> BuildError {
    BuildError::new(Code::InvalidArgument, with_causes(error))
}

/// The errors in a descriptor, each with its lines.
pub fn of_diagnostics(diagnostics: &Diagnostics) -> BuildError {
    let errors = || diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let message: Vec<String> = errors().map(text).collect();
    let error = BuildError::new(Code::InvalidArgument, message.join("\n"));
    errors().filter_map(source).fold(error, BuildError::with_source)
}

/// A warning about a descriptor. It is shown at the vertex that loads the descriptor; clients show its lines only when
/// they are asked to, so it says itself where it is.
pub fn warning(vertex: &str, diagnostic: &Diagnostic) -> Warning {
    Warning {
        vertex: vertex.to_owned(),
        level: 1,
        short: diagnostic.to_string(),
        detail: diagnostic.help.iter().chain(&diagnostic.notes).cloned().collect(),
        source: source(diagnostic),
        ..Warning::default()
    }
}

/// Why there is no image: the error of BuildKit if it is the cause, with what was being done.
///
/// What BuildKit says of places stays. Otherwise a phase that failed is at the buildpacks that are asked for, and
/// everything else at the builder.
pub fn of_build(error: &platform::Error, asked: &Asked<'_>) -> BuildError {
    let mut message = with_causes(error);
    if let Some(help) = help(error) {
        message = format!("{message}\n  help: {help}");
    }
    let cause = cause(error);
    let code = match (cause, error) {
        (Some(cause), _) => cause.code(),
        (None, platform::Error::Backend { source, .. }) => code(source.kind()),
        (None, platform::Error::Phase { .. }) => Code::Unknown,
        _ => Code::FailedPrecondition,
    };
    let details = cause.map(BuildError::details).unwrap_or_default().iter().cloned();
    let built = details.fold(BuildError::new(code, message), BuildError::with_detail);
    let place = match error {
        platform::Error::Phase { .. } => asked.place_of_work(),
        _ => asked.place_of_builder(),
    };
    placed(built, &place)
}

/// The same error, placed if it was not.
pub fn placed(error: BuildError, place: &Place) -> BuildError {
    if error.sources().next().is_some() { error } else { error.with_source(place.source()) }
}

/// An error and everything that caused it, outermost first.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| (**error).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// An error as it is shown best: every program that it comes by puts the word for its code before the message, if it has
/// one. Codes that programs understand stay.
pub fn shown(error: BuildError) -> BuildError {
    let is_for_programs =
        |detail: &Detail| matches!(detail, Detail::FrontendCapability(_) | Detail::Subrequest(_));
    if error.code() == Code::Cancelled || error.details().iter().any(is_for_programs) {
        return error;
    }
    let plain = BuildError::new(Code::Unknown, error.message());
    error.details().iter().cloned().fold(plain, BuildError::with_detail)
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a BuildError> {
    let mut all = std::iter::successors(Some(error), |error| (**error).source());
    all.find_map(|error| error.downcast_ref::<BuildError>())
}

fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Denied => Code::PermissionDenied,
        ErrorKind::Exhausted => Code::ResourceExhausted,
        ErrorKind::InvalidInput => Code::InvalidArgument,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Unsupported => Code::Unimplemented,
        _ => Code::Unknown,
    }
}

fn help(error: &platform::Error) -> Option<&'static str> {
    match error {
        platform::Error::Phase { code: 20, .. } => Some(
            "check that the context is the application, and that builder or descriptor have buildpacks for it",
        ),
        platform::Error::RunImage(_) => {
            Some("pass `--build-arg CNB_RUN_IMAGE=IMAGE` or `--build-context run-image=...`")
        }
        platform::Error::PlatformApi { .. } => Some("use another builder"),
        _ => None,
    }
}

/// What is wrong, where, and what could be done about it.
fn text(diagnostic: &Diagnostic) -> String {
    let help = diagnostic.help.iter().map(|help| format!("\n  help: {help}"));
    let notes = diagnostic.notes.iter().map(|note| format!("\n  note: {note}"));
    help.chain(notes).fold(diagnostic.to_string(), |text, line| text + &line)
}

fn source(diagnostic: &Diagnostic) -> Option<Source> {
    let file = diagnostic.source.as_ref()?;
    let first = diagnostic.labels.first()?;
    Some(Place::new(file, first.span).source())
}

#[cfg(test)]
mod tests {
    use cnb_core::backend;
    use cnb_core::diagnostic::SourceFile;
    use cnb_core::project::Descriptor;
    use cnb_llb::Platform;
    use cnb_llb::gateway::Options;

    use super::*;
    use crate::settings::Settings;

    const TEXT: &str = "# syntax=f\n[_]\nschema-version = '0.2'\n[io.buildpacks]\nbuilder = 'b'\n\
                        [[io.buildpacks.group]]\nid = 'a'\nversion = '1'\n";

    /// The error of a build of a descriptor, with build arguments.
    fn of_build(error: &platform::Error, text: &str, arguments: &[&str]) -> BuildError {
        let option = |name: &&str| (format!("build-arg:{name}"), "x".to_owned());
        let options = Options::read(&arguments.iter().map(option).collect()).expect("valid");
        let asked = Asked {
            options: &options,
            settings: &Settings::read(&options.build_args).expect("valid"),
            descriptor: &Descriptor::read(&SourceFile::new("project.toml", text)).expect("valid").0,
            platform: &Platform::new("linux", "amd64"),
            epoch: None,
        };
        super::of_build(error, &asked)
    }

    fn line(error: &BuildError) -> i32 {
        error.sources().next().expect("it has a place").ranges[0].start.line
    }

    #[test]
    fn every_error_of_a_descriptor_is_told_with_its_line() {
        let source = SourceFile::new("project.toml", "[_]\nschema-version = '9'\nname = 1\n");
        let error = of_diagnostics(&Descriptor::read(&source).expect_err("two errors"));
        assert_eq!(error.code(), Code::InvalidArgument);
        let expected = "project.toml:2:18: unknown schema version `9`\n  \
                        help: known versions are `0.1`, `0.2`, `0.3`";
        assert_eq!(error.message(), expected);
        assert_eq!(line(&error), 2);
        let excerpt = error.sources().next().expect("it has a place").excerpt();
        assert!(excerpt.contains(">>> schema-version = '9'"), "{excerpt}");
    }

    #[test]
    fn warnings_say_what_and_where() {
        let file = SourceFile::new("project.toml", "a\nb\n");
        let diagnostic = Diagnostic::warning("x", "odd").at(&file, 2..3, "").with_help("do not");
        let warning = warning("sha256:0", &diagnostic);
        assert_eq!((warning.vertex.as_str(), warning.short.as_str()), ("sha256:0", "project.toml:2:1: odd"));
        assert_eq!(warning.detail, ["do not"]);
        assert_eq!(warning.source.expect("a place").ranges[0].start.line, 2);
    }

    #[test]
    fn phases_are_placed_at_buildpacks_and_the_rest_at_the_builder() {
        let phase = platform::Error::Phase { phase: "build".to_owned(), code: 51 };
        let run_image = platform::Error::RunImage("none".to_owned());
        let (ungrouped, _) = TEXT.split_once("[[").expect("a group");
        for (error, text, arguments, expected) in [
            (&phase, TEXT, &[][..], 7),
            (&phase, ungrouped, &[], 5),
            (&phase, ungrouped, &["builder"], 1),
            (&run_image, TEXT, &[], 5),
            (&run_image, TEXT, &["builder"], 1),
            (&phase, "[_]\nschema-version = '0.2'\n", &[], 1),
        ] {
            assert_eq!(line(&of_build(error, text, arguments)), expected, "{error} {arguments:?} {text}");
        }
        assert_eq!(of_build(&phase, TEXT, &[]).message(), "a buildpack failed (exit code 51)");
        let error = of_build(&run_image, TEXT, &[]);
        assert!(error.message().starts_with("no run image: none\n  help: pass "), "{error}");
    }

    #[test]
    fn what_buildkit_says_is_kept() {
        let own = Place::start(&SourceFile::new("other", "x")).source();
        let build = |error: BuildError| platform::Error::Backend {
            action: "find it".to_owned(),
            source: backend::Error::new(ErrorKind::NotFound, "BuildKit cannot do it").with_source(error),
        };
        let error = build(BuildError::new(Code::NotFound, "nowhere").with_source(own.clone()));
        let error = of_build(&error, TEXT, &[]);
        assert_eq!(error.code(), Code::NotFound);
        assert_eq!(error.message(), "failed to find it: BuildKit cannot do it: nowhere");
        assert_eq!(error.sources().collect::<Vec<_>>(), [&own]);

        let vertex = Detail::Vertex("sha256:1".to_owned());
        let error = build(BuildError::new(Code::Unknown, "x").with_detail(vertex));
        let error = of_build(&error, TEXT, &[]);
        assert_eq!((error.vertex(), line(&error)), (Some("sha256:1"), 5));
    }

    #[test]
    fn only_programs_are_told_codes() {
        let place = Place::start(&SourceFile::new("f", "x"));
        let error = shown(placed(BuildError::new(Code::InvalidArgument, "odd"), &place));
        assert_eq!((error.code(), error.message(), error.sources().count()), (Code::Unknown, "odd", 1));
        let capability = Detail::FrontendCapability("x".to_owned());
        let error = shown(BuildError::new(Code::Unimplemented, "x").with_detail(capability));
        assert_eq!(error.code(), Code::Unimplemented);
    }

    #[test]
    fn errors_get_one_place() {
        let place = Place::start(&SourceFile::new("f", "x"));
        let error = placed(placed(BuildError::new(Code::Unknown, "x"), &place), &place);
        assert_eq!(error.sources().count(), 1);
    }
}
