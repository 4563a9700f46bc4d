//! Ctrl-C and its relatives.

use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::exit::Exit;
use crate::exit::Failure;

/// Waits until somebody wants the program to end; whoever waits beside it drops its work then.
pub(crate) async fn received() -> Failure {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::new(Exit::Machine, format!("no signals: {error}")));
    let (mut interrupt, mut terminate) = match listen(SignalKind::interrupt())
        .and_then(|first| Ok((first, listen(SignalKind::terminate())?)))
    {
        Ok(signals) => signals,
        Err(failure) => return failure,
    };
    tokio::select! {
        _ = interrupt.recv() => Failure::new(Exit::Interrupted, "interrupted"),
        _ = terminate.recv() => Failure::new(Exit::Terminated, "terminated"),
    }
}
