//! Events for programs.

use std::io::Write as _;

use cnb_core::event::Event;
use cnb_core::event::EventSink;

use super::Progress;
use crate::exit::Failure;

/// Prints one JSON object a line.
#[derive(Debug)]
pub(super) struct Json;

impl EventSink for Json {
    fn event(&self, event: Event) {
        let line = serde_json::to_string(&event).expect("events hold nothing that JSON cannot");
        print(&line);
    }
}

impl Progress for Json {
    fn finish(&self, failure: Option<&Failure>) {
        if let Some(failure) = failure {
            let event = serde_json::json!({
                "event": "error",
                "message": failure.message,
                "exit_code": failure.exit as u8,
            });
            print(&event.to_string());
        }
    }
}

/// A reader that went away is told nothing more.
fn print(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
