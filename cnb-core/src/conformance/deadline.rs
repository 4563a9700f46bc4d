//! A limit of time that needs no runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::thread;
use std::time::Duration;

/// Completes when the time is over. Dropped before, it ends its thread.
#[derive(Debug)]
pub(super) struct Deadline {
    state: Arc<Mutex<State>>,
    _alive: Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    over: bool,
    waker: Option<Waker>,
}

impl Deadline {
    pub(super) fn after(time: Duration) -> Self {
        let (alive, dropped) = mpsc::channel::<()>();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            if dropped.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                let mut state = shared.lock().expect("no holder of this lock panics");
                state.over = true;
                if let Some(waker) = state.waker.take() {
                    waker.wake();
                }
            }
        });
        Self { state, _alive: alive }
    }
}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock().expect("no holder of this lock panics");
        if state.over {
            return Poll::Ready(());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
