//! Progress for who wants none: warnings and failures, and what the phase that failed wrote.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::MutexGuard;

use cnb_core::event::Event;
use cnb_core::event::EventSink;

use super::Progress;
use super::error_text;
use super::has_colors;
use super::tell;
use super::warning;
use crate::exit::Failure;

/// Bytes of output that are kept: its end, where errors are.
const MOST_OUTPUT: usize = 64 << 10;

/// Shows nothing unless something is wrong.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    phase: Mutex<Phase>,
}

/// The phase that runs or ended last.
#[derive(Debug, Default)]
struct Phase {
    output: Vec<u8>,
    has_failed: bool,
}

impl Quiet {
    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().expect("nothing panics while it holds this lock")
    }

    /// What the phase wrote that failed.
    fn of_failed_phase(&self) -> Vec<u8> {
        let Phase { output, has_failed } = std::mem::take(&mut *self.phase());
        if has_failed { output } else { Vec::new() }
    }
}

impl EventSink for Quiet {
    fn event(&self, event: Event) {
        match event {
            Event::PhaseStarted { .. } => *self.phase() = Phase::default(),
            Event::PhaseFinished { success, .. } => self.phase().has_failed = !success,
            Event::Output { bytes, .. } => {
                let output = &mut self.phase().output;
                output.extend_from_slice(&bytes);
                let surplus = output.len().saturating_sub(MOST_OUTPUT);
                output.drain(..surplus);
            }
            Event::Warning { message } => warning(&message),
            _ => {}
        }
    }
}

impl Progress for Quiet {
    fn finish(&self, failure: Option<&Failure>) {
        let Some(failure) = failure else { return };
        let mut output = self.of_failed_phase();
        if !output.is_empty() && !output.ends_with(b"\n") {
            output.push(b'\n');
        }
        // Nobody is left to tell when that fails.
        let _ = std::io::stderr().lock().write_all(&output);
        tell(&error_text(failure, has_colors()));
    }
}

#[cfg(test)]
mod tests {
    use cnb_core::event::Stream;

    use super::*;

    fn started() -> Event {
        Event::PhaseStarted { phase: "build".to_owned() }
    }

    fn finished(success: bool) -> Event {
        Event::PhaseFinished { phase: "build".to_owned(), success }
    }

    fn written(bytes: &[u8]) -> Event {
        Event::Output { step: "build".to_owned(), stream: Stream::Stderr, bytes: bytes.to_vec() }
    }

    fn kept(events: impl IntoIterator<Item = Event>) -> Vec<u8> {
        let quiet = Quiet::default();
        events.into_iter().for_each(|event| quiet.event(event));
        quiet.of_failed_phase()
    }

    #[test]
    fn what_the_phase_wrote_that_failed_is_kept() {
        let first = || {
            [started(), written(b"fine"), finished(true), started(), written(b"no such "), written(b"file")]
        };
        assert_eq!(kept(first().into_iter().chain([finished(false)])), b"no such file");
        assert_eq!(kept(first().into_iter().chain([finished(true)])), b"");
        assert_eq!(kept(first()), b"", "somebody stopped it");
    }

    #[test]
    fn of_much_output_the_end_is_kept() {
        let much = vec![b'x'; MOST_OUTPUT];
        let output = kept([started(), written(&much), written(b"the end"), finished(false)]);
        assert_eq!(output.len(), MOST_OUTPUT);
        assert!(output.ends_with(b"xthe end"));
    }
}
