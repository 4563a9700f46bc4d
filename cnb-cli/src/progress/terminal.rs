//! Progress in a terminal: one line per phase with its elapsed time, the output of the steps under it.
//!
//! The line of the running phase is brought up to date in place while it is on the screen. When the output
//! under it has pushed it off, a closing line says how the phase ended.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::Weak;
use std::time::Duration;
use std::time::Instant;

use cnb_core::event::Event;
use cnb_core::event::EventSink;
use unicode_width::UnicodeWidthStr as _;

use super::Progress;
use super::describe;
use super::error_text;
use super::lines::Lines;
use super::seconds;
use crate::exit::Failure;

/// How often the elapsed time is brought up to date.
const TICK: Duration = Duration::from_millis(200);

/// Starts a display that also moves when nothing happens.
pub(super) fn start(colors: bool) -> Arc<Terminal> {
    let terminal = Arc::new(Terminal { state: Mutex::new(State { colors, ..State::default() }) });
    let weak = Arc::downgrade(&terminal);
    std::thread::spawn(move || tick(&weak));
    terminal
}

fn tick(terminal: &Weak<Terminal>) {
    while let Some(terminal) = terminal.upgrade() {
        terminal.lock().redraw(Mark::Running);
        drop(terminal);
        std::thread::sleep(TICK);
    }
}

/// The display.
#[derive(Debug)]
pub(super) struct Terminal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    colors: bool,
    phase: Option<Phase>,
    lines: Lines,
}

#[derive(Debug)]
struct Phase {
    name: String,
    started: Instant,
    /// Rows of the screen below the line of the phase.
    rows: usize,
}

#[derive(Clone, Copy)]
enum Mark {
    Done,
    Failed,
    Running,
}

impl Terminal {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this lock")
    }
}

impl EventSink for Terminal {
    fn event(&self, event: Event) {
        let mut state = self.lock();
        match &event {
            Event::PhaseStarted { phase } => state.begin(phase),
            Event::PhaseFinished { success, .. } => state.end(*success),
            Event::Output { bytes, .. } => {
                for line in state.lines.push(bytes) {
                    state.print(&line);
                }
            }
            _ => {
                state.flush();
                if let Some(line) = describe(&event) {
                    state.print(&line);
                }
            }
        }
    }
}

impl Progress for Terminal {
    fn finish(&self, failure: Option<&Failure>) {
        let mut state = self.lock();
        if state.phase.is_some() {
            state.end(false);
        }
        if let Some(failure) = failure {
            write(&format!("{}\n", error_text(failure, state.colors)));
        }
    }
}

impl State {
    fn begin(&mut self, name: &str) {
        let phase = Phase { name: name.to_owned(), started: Instant::now(), rows: 0 };
        write(&format!("{}\n", phase.line(Mark::Running, self.colors)));
        self.phase = Some(phase);
    }

    fn end(&mut self, success: bool) {
        self.flush();
        let mark = if success { Mark::Done } else { Mark::Failed };
        if !self.redraw(mark)
            && let Some(phase) = &self.phase
        {
            write(&format!("{}\n", phase.line(mark, self.colors)));
        }
        self.phase = None;
    }

    fn flush(&mut self) {
        if let Some(line) = self.lines.flush() {
            self.print(&line);
        }
    }

    /// Prints a line of output under the phase.
    fn print(&mut self, line: &str) {
        let line = format!("  {line}");
        if let Some(phase) = &mut self.phase {
            phase.rows += rows(&line, size().columns);
        }
        write(&format!("{line}\x1b[0m\n"));
    }

    /// Rewrites the line of the phase where it stands; false when it has left the screen.
    fn redraw(&self, mark: Mark) -> bool {
        let Some(phase) = &self.phase else { return true };
        let up = phase.rows + 1;
        if up >= size().rows {
            return false;
        }
        write(&format!("\x1b[{up}A\r\x1b[2K{}\x1b[{up}B\r", phase.line(mark, self.colors)));
        true
    }
}

impl Phase {
    fn line(&self, mark: Mark, colors: bool) -> String {
        let (sign, color) = match mark {
            Mark::Done => ('✓', 32),
            Mark::Failed => ('✗', 31),
            Mark::Running => ('…', 36),
        };
        let (name, elapsed) = (&self.name, seconds(self.started.elapsed()));
        if colors {
            format!("\x1b[{color}m{sign}\x1b[0m \x1b[1m{name:<8}\x1b[0m {elapsed}")
        } else {
            format!("{sign} {name:<8} {elapsed}")
        }
    }
}

struct Size {
    rows: usize,
    columns: usize,
}

fn size() -> Size {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
    let rows = size.map_or(0, |size| usize::from(size.ws_row));
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    Size { rows: if rows == 0 { 24 } else { rows }, columns: if columns == 0 { 80 } else { columns } }
}

/// How many rows a line takes. Escape sequences take no room; a tab goes to the next multiple of eight.
fn rows(line: &str, columns: usize) -> usize {
    let mut width = 0;
    let mut rest = line;
    while let Some(at) = rest.find(['\x1b', '\t']) {
        width += rest[..at].width();
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('\t') {
            width = (width / 8 + 1) * 8;
            rest = after;
        } else {
            let end = rest[1..].find(|c: char| c.is_ascii_alphabetic()).map_or(rest.len(), |end| end + 2);
            rest = &rest[end..];
        }
    }
    width += rest.width();
    width.max(1).div_ceil(columns)
}

fn write(text: &str) {
    let mut stderr = std::io::stderr().lock();
    // Nobody is left to tell when the terminal is gone.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_shown_without_colours_where_nobody_wants_them() {
        let phase = Phase { name: "build".to_owned(), started: Instant::now(), rows: 0 };
        assert!(phase.line(Mark::Done, false).starts_with("✓ build    "));
        assert!(phase.line(Mark::Failed, true).starts_with("\x1b[31m✗\x1b[0m \x1b[1mbuild   \x1b[0m "));
    }

    #[test]
    fn rows_count_what_is_seen() {
        for (line, expected) in [
            ("", 1),
            ("12345678", 1),
            ("123456789", 2),
            ("\x1b[32mgreen\x1b[0m", 1),
            ("日本語日本", 2),
            ("a\tb", 2),
            ("a\x1b[", 1),
        ] {
            assert_eq!(rows(line, 8), expected, "{line:?}");
        }
    }
}
