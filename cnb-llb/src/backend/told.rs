//! What a command writes, as events of the steps that it runs.

use cnb_core::event;
use cnb_core::event::EventSink;
use cnb_core::helper;

/// Tells events of steps one after another.
pub(super) struct Told<'a> {
    steps: Vec<String>,
    /// How many of them have begun.
    begun: usize,
    is_chain: bool,
    /// Whether nothing had to run, if that was said.
    reused: Option<bool>,
    events: &'a dyn EventSink,
}

impl<'a> Told<'a> {
    /// Steps of a chain are phases; a single step is not.
    pub(super) fn new(steps: Vec<String>, is_chain: bool, events: &'a dyn EventSink) -> Self {
        let mut told = Self { steps, begun: 0, is_chain, reused: None, events };
        if !is_chain {
            told.begun = 1;
        }
        told
    }

    /// Something was written. In a chain, the helper writes a line before each step.
    pub(super) fn output(&mut self, stream: event::Stream, mut bytes: &[u8]) {
        if self.is_chain && stream == event::Stream::Stdout {
            while let Some((before, after)) = self.next_marker().and_then(|marker| split(bytes, &marker)) {
                self.write(stream, before);
                self.begin();
                bytes = after;
            }
        }
        self.write(stream, bytes);
    }

    /// The work is over, and whether something had to be done for it.
    pub(super) fn completed(&mut self, cached: bool) {
        // Work begins once more when what it left is loaded.
        self.reused = Some(cached && self.reused.unwrap_or(true));
    }

    /// Whether nothing had to run, if that is known.
    pub(super) fn reused(&self) -> Option<bool> {
        self.reused
    }

    /// The command is over. Steps that nobody heard of ran where nobody hears, or need not run.
    pub(super) fn end(mut self, exit_code: i32) -> Option<String> {
        if exit_code != 0 {
            let current = (self.begun > 0).then(|| self.steps[self.begun - 1].clone());
            self.finish(false);
            return current;
        }
        let ran = self.begun > 0 || self.reused != Some(true);
        while self.is_chain && ran && self.begun < self.steps.len() {
            self.begin();
        }
        self.finish(true);
        None
    }

    fn next_marker(&self) -> Option<Vec<u8>> {
        Some(helper::step_marker(self.steps.get(self.begun)?).into_bytes())
    }

    fn begin(&mut self) {
        self.finish(true);
        self.begun += 1;
        let phase = self.steps[self.begun - 1].clone();
        self.events.event(event::Event::PhaseStarted { phase });
    }

    fn finish(&self, success: bool) {
        if self.is_chain && self.begun > 0 {
            let phase = self.steps[self.begun - 1].clone();
            self.events.event(event::Event::PhaseFinished { phase, success });
        }
    }

    fn write(&self, stream: event::Stream, bytes: &[u8]) {
        let name = self.steps.get(self.begun.saturating_sub(1));
        if let Some(step) = name.filter(|_| !bytes.is_empty()) {
            self.events.event(event::Event::Output { step: step.clone(), stream, bytes: bytes.to_vec() });
        }
    }
}

/// What is before and after a line.
fn split<'a>(bytes: &'a [u8], line: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut starts = std::iter::once(0)
        .chain(bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(place, _)| place + 1));
    let at = starts.find(|start| bytes[*start..].starts_with(line))?;
    Some((&bytes[..at], &bytes[at + line.len()..]))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug, Default)]
    struct Seen(Mutex<Vec<String>>);

    impl EventSink for Seen {
        fn event(&self, event: event::Event) {
            let text = match event {
                event::Event::PhaseStarted { phase } => format!("{phase} starts"),
                event::Event::PhaseFinished { phase, success } => format!("{phase} ends {success}"),
                event::Event::Output { step, bytes, .. } => {
                    format!("{step}: {}", String::from_utf8_lossy(&bytes))
                }
                other => format!("{other:?}"),
            };
            self.0.lock().expect("no holder panics").push(text);
        }
    }

    fn told(steps: &[&str], pieces: &[&str], code: i32) -> (Vec<String>, Option<String>) {
        let seen = Seen::default();
        let steps: Vec<String> = steps.iter().map(|step| (*step).to_owned()).collect();
        let mut told = Told::new(steps, true, &seen);
        for piece in pieces {
            told.output(event::Stream::Stdout, piece.as_bytes());
        }
        let ended = told.end(code);
        (seen.0.into_inner().expect("no holder panicked"), ended)
    }

    #[test]
    fn lines_of_the_helper_begin_steps() {
        let (one, two) = (helper::step_marker("one"), helper::step_marker("two"));
        let (seen, ended) = told(&["one", "two"], &[&one, "a\n", &format!("b\n{two}c")], 0);
        let expected =
            ["one starts", "one: a\n", "one: b\n", "one ends true", "two starts", "two: c", "two ends true"];
        assert_eq!(seen, expected);
        assert_eq!(ended, None);
        let (seen, ended) = told(&["one", "two"], &[&one], 7);
        assert_eq!(
            (seen, ended),
            (vec!["one starts".to_owned(), "one ends false".to_owned()], Some("one".to_owned()))
        );
    }

    #[test]
    fn steps_are_told_unless_it_is_known_that_they_did_not_run() {
        let (seen, _) = told(&["one", "two"], &[], 0);
        assert_eq!(seen, ["one starts", "one ends true", "two starts", "two ends true"]);
        let seen = Seen::default();
        let mut told = Told::new(vec!["one".to_owned()], true, &seen);
        assert_eq!(told.reused(), None);
        told.completed(true);
        assert_eq!((told.reused(), told.end(0)), (Some(true), None));
        assert!(seen.0.into_inner().expect("no holder panicked").is_empty());
    }
}
