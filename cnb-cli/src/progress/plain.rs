//! Progress for logs: plain lines.

use std::sync::Mutex;
use std::time::Instant;

use cnb_core::event::Event;
use cnb_core::event::EventSink;

use super::Progress;
use super::describe;
use super::error_text;
use super::lines::Lines;
use super::seconds;
use super::tell;
use crate::exit::Failure;

/// Prints a line per phase and the lines of the steps as they come.
#[derive(Debug, Default)]
pub(super) struct Plain {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    started: Option<Instant>,
    lines: Lines,
}

impl EventSink for Plain {
    fn event(&self, event: Event) {
        let mut state = self.state.lock().expect("nothing panics while it holds this lock");
        match &event {
            Event::PhaseStarted { phase } => {
                state.started = Some(Instant::now());
                tell(&format!("===> {}", phase.to_uppercase()));
            }
            Event::PhaseFinished { phase, success } => {
                flush(&mut state);
                let elapsed = state.started.take().map(|at| seconds(at.elapsed())).unwrap_or_default();
                let outcome = if *success { "done in" } else { "failed after" };
                tell(&format!("===> {}: {outcome} {elapsed}", phase.to_uppercase()));
            }
            Event::Output { bytes, .. } => {
                for line in state.lines.push(bytes) {
                    tell(&line);
                }
            }
            _ => {
                flush(&mut state);
                if let Some(line) = describe(&event) {
                    tell(&line);
                }
            }
        }
    }
}

impl Progress for Plain {
    fn finish(&self, failure: Option<&Failure>) {
        flush(&mut self.state.lock().expect("nothing panics while it holds this lock"));
        if let Some(failure) = failure {
            tell(&error_text(failure, false));
        }
    }
}

fn flush(state: &mut State) {
    if let Some(line) = state.lines.flush() {
        tell(&line);
    }
}
