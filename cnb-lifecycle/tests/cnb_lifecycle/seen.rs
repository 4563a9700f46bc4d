//! Events that a test looks at.

use std::sync::Mutex;

use cnb_core::event::Event;
use cnb_core::event::EventSink;

/// What was told.
#[derive(Debug, Default)]
pub(crate) struct Seen(pub(crate) Mutex<Vec<Event>>);

impl EventSink for Seen {
    fn event(&self, event: Event) {
        self.0.lock().expect("no holder panics").push(event);
    }
}
