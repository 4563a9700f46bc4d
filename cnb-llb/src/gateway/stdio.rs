//! The connection that a frontend is started with.

use std::io;
use std::os::fd::AsFd;

use hyper_util::rt::TokioIo;
use tokio::io::Join;
use tokio::net::unix::pipe;
use tonic::transport::Channel;
use tonic::transport::Uri;

use crate::pb::endpoint;

/// HTTP/2 on standard input and output, from its first byte on. The frontend is the client.
///
/// Source: `frontend/gateway/grpcclient` of BuildKit.
pub(crate) async fn channel() -> Result<Channel, tonic::transport::Error> {
    let mut once = Some(());
    let connector = tower::service_fn(move |_: Uri| {
        let first = once.take();
        async move { first.map_or_else(|| Err(io::ErrorKind::BrokenPipe.into()), |()| pipes()) }
    });
    endpoint().connect_with_connector(connector).await
}

/// Nothing waits for a byte that never comes when the frontend is done, as it would with a thread that reads.
fn pipes() -> io::Result<TokioIo<Join<pipe::Receiver, pipe::Sender>>> {
    let input = pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let output = pipe::Sender::from_owned_fd(io::stdout().as_fd().try_clone_to_owned()?)?;
    Ok(TokioIo::new(tokio::io::join(input, output)))
}
