//! What a person or a program sees of a running build.
//!
//! Progress goes to standard error, results to standard output.

use std::fmt::Debug;
use std::io::IsTerminal as _;
use std::sync::Arc;

use cnb_core::backend::Exported;
use cnb_core::diagnostic::Diagnostics;
use cnb_core::event::Event;
use cnb_core::event::EventSink;

use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

mod explain;
mod json;
mod lines;
mod plain;
mod quiet;
mod terminal;

/// How to show progress.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// One JSON object a line, on standard output.
    Json,
    /// A line per phase and the output of the steps.
    Lines,
    /// Nothing unless something is wrong.
    Quiet,
}

/// Shows events.
pub(crate) trait Progress: EventSink {
    /// Tells that nothing more comes, and why if the build failed.
    fn finish(&self, failure: Option<&Failure>);

    /// Whether programs were told everything that they wait for.
    fn is_told(&self) -> Result<()> {
        Ok(())
    }
}

/// The progress display for a style and for what standard error is. It may explain at the end what was used again.
pub(crate) fn start(style: Style, explains: bool) -> Arc<dyn Progress> {
    let shown: Arc<dyn Progress> = match style {
        Style::Json => return Arc::new(json::Json::default()),
        Style::Quiet => Arc::new(quiet::Quiet::default()),
        Style::Lines if has_terminal() => terminal::start(has_colors()),
        Style::Lines => Arc::new(plain::Plain::default()),
    };
    if explains { Arc::new(explain::Explained::new(shown)) } else { shown }
}

/// Prints what was made, on standard output. For [`Style::Json`] the events have said it.
pub(crate) fn results(style: Style, images: &[Exported]) -> Result<()> {
    let Some(first) = images.first() else { return Ok(()) };
    match style {
        Style::Json => Ok(()),
        Style::Quiet => print(&format!("{}\n", first.digest)),
        Style::Lines => {
            let outputs = images.iter().map(|image| format!("Saved     {}\n", image.output));
            let outputs = outputs.collect::<Vec<_>>().concat();
            print(&format!("Image ID  {}\nDigest    {}\n{outputs}", first.image_id, first.digest))
        }
    }
}

/// Prints the result of a command on standard output. A reader that went away wants nothing more.
pub(crate) fn print(result: &str) -> Result<()> {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(result.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Other, format!("failed to write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// What somebody wrote into a store or an image may be anything; a terminal shall not obey it.
pub(crate) fn readable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Tells a failure of a command without progress.
pub(crate) fn failure(failure: &Failure) {
    diagnostics(&failure.warnings);
    tell(&error_text(failure, has_colors()));
}

/// Tells a warning of a command without progress.
pub(crate) fn warning(message: &str) {
    tell(&format!("warning: {message}"));
}

/// Tells what is suspect in a file that a person wrote.
pub(crate) fn diagnostics(diagnostics: &Diagnostics) {
    if !diagnostics.is_empty() {
        tell(&diagnostics.render(has_colors()));
    }
}

/// The text of a failure, for standard error.
fn error_text(failure: &Failure, colors: bool) -> String {
    match &failure.diagnostics {
        Some(diagnostics) => diagnostics.render(colors),
        None => format!("error: {}", failure.message),
    }
}

/// Whether standard error is a terminal that can move its cursor.
fn has_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether standard error shows colours: in a terminal, unless `NO_COLOR` is set, as <https://no-color.org> has it.
fn has_colors() -> bool {
    has_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes a line to standard error; nobody is left to tell when that fails.
fn tell(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// What a finished layer or image is worth to a reader.
fn describe(event: &Event) -> Option<String> {
    match event {
        Event::Layer { id, reused: true, .. } => Some(format!("Reusing layer '{id}'")),
        Event::Layer { id, reused: false, .. } => Some(format!("Adding layer '{id}'")),
        Event::Decided { phase, reused: true, .. } => {
            Some(format!("===> {}: nothing that it reads has changed", phase.to_uppercase()))
        }
        Event::Warning { message } => Some(format!("warning: {message}")),
        _ => None,
    }
}

/// Seconds as people read them: `0.4s`, `12.3s`, `3m07s`.
fn seconds(elapsed: std::time::Duration) -> String {
    let tenths = elapsed.as_millis() / 100;
    if tenths < 600 {
        return format!("{}.{}s", tenths / 10, tenths % 10);
    }
    let seconds = elapsed.as_secs();
    format!("{}m{:02}s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cnb_core::diagnostic::SourceFile;
    use cnb_core::project::Descriptor;

    use super::*;

    #[test]
    fn a_failure_is_an_error_once() {
        let source = SourceFile::new("project.toml", "[_]\nschema-version = '0.2'\nnmae = 'x'\nname = 1\n");
        let errors = Descriptor::read(&source).expect_err("a name is text");
        let failure = Failure::invalid(&errors);
        let text = error_text(&failure, false);
        assert!(text.starts_with("warning[unknown-key]") && text.contains("\nerror[wrong-type]"), "{text}");
        assert_eq!(failure.message, text, "programs get no colours");
        assert!(error_text(&failure, true).contains("\x1b["));
        assert_eq!(error_text(&Failure::new(Exit::Other, "errors happen"), true), "error: errors happen");
    }

    #[test]
    fn elapsed_time_is_short() {
        for (millis, expected) in [(40, "0.0s"), (450, "0.4s"), (59_990, "59.9s"), (187_000, "3m07s")] {
            assert_eq!(seconds(Duration::from_millis(millis)), expected);
        }
    }
}
