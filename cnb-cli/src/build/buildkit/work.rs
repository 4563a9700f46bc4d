//! Work with files, which blocks.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use tokio::task::JoinError;

/// Does work on a thread of its own. It goes on when nobody waits for it any more, but the program does not end before
/// it does: what it makes for a while is to be its own to remove.
pub(super) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(work).await
}

/// Says whether somebody still waits for work.
#[derive(Debug, Default)]
pub(super) struct Wanted(Arc<AtomicBool>);

/// Asks it.
#[derive(Clone, Debug)]
pub(super) struct Asks(Arc<AtomicBool>);

impl Wanted {
    /// For the thread that works.
    pub(super) fn asks(&self) -> Asks {
        Asks(Arc::clone(&self.0))
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Asks {
    /// Whether nobody waits any more.
    pub(super) fn is_in_vain(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
