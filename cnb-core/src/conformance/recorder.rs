//! A sink that keeps events and lets a case wait for one.

use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::task::Poll;
use std::task::Waker;

use crate::event::Event;
use crate::event::EventSink;
use crate::event::Stream;

/// Keeps the events of a step.
#[derive(Debug, Default)]
pub(super) struct Recorder(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    waker: Option<Waker>,
}

impl Recorder {
    /// All events up to now.
    pub(super) fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    /// What was written to one stream up to now.
    pub(super) fn written(&self, wanted: Stream) -> Vec<u8> {
        let state = self.state();
        let pieces = state.events.iter().filter_map(|event| match event {
            Event::Output { stream, bytes, .. } if *stream == wanted => Some(bytes.as_slice()),
            _ => None,
        });
        pieces.collect::<Vec<_>>().concat()
    }

    /// Completes when standard output contains a text.
    pub(super) async fn printed(&self, text: &str) {
        poll_fn(|context| {
            self.state().waker = Some(context.waker().clone());
            let output = String::from_utf8_lossy(&self.written(Stream::Stdout)).into_owned();
            if output.contains(text) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl EventSink for Recorder {
    fn event(&self, event: Event) {
        let mut state = self.state();
        state.events.push(event);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}
