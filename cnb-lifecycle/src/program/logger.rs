//! Log lines as the Go lifecycle writes them: on standard output, without times, with a prefix for warnings
//! and errors.
//!
//! The library speaks through `tracing`; [`Logger`] is the subscriber that writes.

use std::fmt;
use std::fmt::Write as _;
use std::io;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use tracing::Event;
use tracing::Level;
use tracing::Metadata;
use tracing::Subscriber;
use tracing::field::Field;
use tracing::field::Visit;
use tracing::span;
use tracing::subscriber::Interest;

use super::failure::Failure;

/// Writes lines in the order in which they come, from any thread.
#[derive(Clone, Debug)]
pub(super) struct Logger(Arc<Mutex<Settings>>);

#[derive(Debug)]
struct Settings {
    /// Lines below this level are not written.
    level: Level,
    /// Nothing but fatal errors is asked for.
    only_fatal: bool,
    color: bool,
}

impl Logger {
    /// Writes everything from info upwards, in colour.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Settings { level: Level::INFO, only_fatal: false, color: true })))
    }

    /// Makes the logger the one of the process. A second installation has no effect.
    pub(super) fn install(&self) {
        let _ = tracing::subscriber::set_global_default(TracingLogger(self.clone()));
    }

    /// Takes one of the names of levels of the Go lifecycle.
    pub(super) fn set_level(&self, name: &str) -> Result<(), Failure> {
        let (level, only_fatal) = match name.to_lowercase().as_str() {
            "debug" => (Level::DEBUG, false),
            "info" => (Level::INFO, false),
            "warn" | "warning" => (Level::WARN, false),
            "error" => (Level::ERROR, false),
            "fatal" => (Level::ERROR, true),
            _ => return Err(Failure::new("parse log level", "invalid level")),
        };
        let mut settings = self.settings();
        (settings.level, settings.only_fatal) = (level, only_fatal);
        Ok(())
    }

    /// Chooses whether the prefixes are coloured.
    pub(super) fn set_color(&self, color: bool) {
        self.settings().color = color;
    }

    /// Writes a line that says what happened, if its level is asked for.
    pub(super) fn info(&self, text: &str) {
        self.log(Level::INFO, text);
    }

    /// Writes a line that says what went wrong, if its level is asked for.
    pub(super) fn error(&self, text: &str) {
        self.log(Level::ERROR, text);
    }

    /// Writes a line if its level is asked for.
    pub(super) fn log(&self, level: Level, text: &str) {
        if self.shows(level) {
            self.write(level, text);
        }
    }

    /// Writes a line whatever level is asked for.
    pub(super) fn write(&self, level: Level, text: &str) {
        let settings = self.settings();
        let line = line(level, text, settings.color);
        // Nobody is left to tell when standard output is closed.
        let _ = io::stdout().lock().write_all(line.as_bytes());
    }

    fn shows(&self, level: Level) -> bool {
        let settings = self.settings();
        level <= settings.level && !settings.only_fatal
    }

    fn settings(&self) -> std::sync::MutexGuard<'_, Settings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(level: Level, text: &str, color: bool) -> String {
    let (prefix, style) = match level {
        Level::ERROR => ("ERROR: ", "\x1b[31;1m"),
        Level::WARN => ("Warning: ", "\x1b[33;1m"),
        _ => ("", ""),
    };
    let line_feed = if text.ends_with('\n') { "" } else { "\n" };
    if color && !prefix.is_empty() {
        format!("{style}{prefix}\x1b[0m{text}{line_feed}")
    } else {
        format!("{prefix}{text}{line_feed}")
    }
}

/// Gives the messages of `tracing` to the logger. Spans are not shown.
struct TracingLogger(Logger);

impl Subscriber for TracingLogger {
    /// The level may change, so nothing is decided once and for all.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.shows(*metadata.level())
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.0.write(*event.metadata().level(), &(text.message + &text.fields));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// A message, and behind it the other fields of its event.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
        written.expect("writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_and_errors_have_a_prefix() {
        assert_eq!(line(Level::DEBUG, "text", true), "text\n");
        assert_eq!(line(Level::WARN, "text\n", false), "Warning: text\n");
        assert_eq!(line(Level::ERROR, "text", true), "\x1b[31;1mERROR: \x1b[0mtext\n");
    }

    #[test]
    fn levels_have_the_names_of_the_go_lifecycle() {
        let logger = Logger::new();
        for (name, shown) in [
            ("debug", [true; 3]),
            ("WARN", [false, true, true]),
            ("error", [false, false, true]),
            ("fatal", [false; 3]),
        ] {
            assert!(logger.set_level(name).is_ok());
            assert_eq!(
                [Level::INFO, Level::WARN, Level::ERROR].map(|level| logger.shows(level)),
                shown,
                "{name}"
            );
        }
        assert_eq!(logger.set_level("loud").expect_err("no level").code, 1);
    }
}
