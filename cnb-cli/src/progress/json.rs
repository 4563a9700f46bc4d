//! Events for programs.

use std::sync::Mutex;
use std::sync::MutexGuard;

use cnb_core::event::Event;
use cnb_core::event::EventSink;
use cnb_core::event::Stream;

use super::Progress;
use super::print;
use crate::exit::Failure;
use crate::exit::Result;

/// Prints one JSON object a line.
#[derive(Debug, Default)]
pub(super) struct Json {
    begun: Mutex<Vec<Begun>>,
    /// Why a line was lost, the first time.
    lost: Mutex<Option<Failure>>,
}

/// A character of which a piece of output had the first bytes alone: text in JSON has whole ones.
#[derive(Debug)]
struct Begun {
    step: String,
    stream: Stream,
    bytes: Vec<u8>,
}

impl Json {
    /// The events to print in place of one.
    fn whole(&self, event: Event) -> Vec<Event> {
        let mut begun = self.begun.lock().expect("nothing panics while it holds this lock");
        match event {
            Event::Output { step, stream, bytes } => {
                let same = begun.iter().position(|other| (&other.step, other.stream) == (&step, stream));
                let mut whole = same.map(|index| begun.swap_remove(index).bytes).unwrap_or_default();
                whole.extend(bytes);
                let rest = whole.split_off(whole.len() - begun_at_end(&whole));
                if !rest.is_empty() {
                    begun.push(Begun { step: step.clone(), stream, bytes: rest });
                }
                if whole.is_empty() { Vec::new() } else { vec![Event::Output { step, stream, bytes: whole }] }
            }
            // What does not go on is told as it is.
            Event::PhaseFinished { .. } => {
                let ended = begun.drain(..);
                let ended = ended.map(|Begun { step, stream, bytes }| Event::Output { step, stream, bytes });
                ended.chain([event]).collect()
            }
            event => vec![event],
        }
    }

    fn print(&self, line: &str) {
        if let Err(failure) = print(&format!("{line}\n")) {
            self.lost().get_or_insert(failure);
        }
    }

    fn lost(&self) -> MutexGuard<'_, Option<Failure>> {
        self.lost.lock().expect("nothing panics while it holds this lock")
    }
}

impl EventSink for Json {
    fn event(&self, event: Event) {
        for event in self.whole(event) {
            let line = serde_json::to_string(&event).expect("events hold nothing that JSON cannot");
            self.print(&line);
        }
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
            self.print(&event.to_string());
        }
    }

    fn is_told(&self) -> Result<()> {
        self.lost().take().map_or(Ok(()), Err)
    }
}

/// How many bytes at the end are the beginning of a character.
fn begun_at_end(bytes: &[u8]) -> usize {
    let rest = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    let is_begun = std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_none());
    if is_begun { rest.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(step: &str, stream: Stream, bytes: &[u8]) -> Event {
        Event::Output { step: step.to_owned(), stream, bytes: bytes.to_vec() }
    }

    #[test]
    fn characters_are_not_cut() {
        let json = Json::default();
        let finished = || Event::PhaseFinished { phase: "build".to_owned(), success: true };
        let (out, err) = (Stream::Stdout, Stream::Stderr);
        let told: Vec<Event> = [
            output("build", out, b"caf\xc3"),
            output("build", err, b"\xe2"),
            output("build", out, b"\xa9 \xf0\x9f"),
            output("build", err, b"\x9c"),
            output("build", err, b"\x93"),
            // Bytes that are no text wait for nothing.
            output("build", out, b"x\xff"),
            output("build", err, b"half \xe2\x9c"),
            finished(),
        ]
        .into_iter()
        .flat_map(|event| json.whole(event))
        .collect();
        let expected = [
            output("build", out, b"caf"),
            output("build", out, "é ".as_bytes()),
            output("build", err, "✓".as_bytes()),
            output("build", out, b"\xf0\x9fx\xff"),
            output("build", err, b"half "),
            output("build", err, b"\xe2\x9c"),
            finished(),
        ];
        assert_eq!(told, expected);
    }
}
