//! The connection of a session inside of a call to a BuildKit.

use std::future::ready;
use std::io;

use bytes::Bytes;
use futures_util::SinkExt;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio_util::io::CopyToBytes;
use tokio_util::io::SinkWriter;
use tokio_util::io::StreamReader;
use tokio_util::sync::PollSender;
use tonic::Request;
use tonic::Status;
use tonic::metadata::MetadataMap;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;

use crate::errdefs::BuildError;
use crate::pb::control::BytesMessage;
use crate::pb::control::control_client::ControlClient;

/// How many messages may wait to be sent.
const WAITING: usize = 16;

/// Offers a session with these methods, and gives the connection on which BuildKit calls them.
///
/// Source: `session/grpchijack` and `session/session.go` of BuildKit.
pub(crate) async fn open(
    mut control: ControlClient<Channel>,
    id: &str,
    shared_key: &str,
    methods: &[&'static str],
) -> Result<impl AsyncRead + AsyncWrite + Unpin + use<>, BuildError> {
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let mut request = Request::new(stream::poll_fn(move |context| receiver.poll_recv(context)));
    describe(request.metadata_mut(), id, shared_key, methods)?;
    let messages = control.session(request).await?.into_inner();
    let chunks =
        messages.map(|message| message.map(|message| Bytes::from(message.data)).map_err(io::Error::other));
    let sink = PollSender::new(sender)
        .sink_map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
        .with(|bytes: Bytes| ready(Ok::<_, io::Error>(BytesMessage { data: bytes.into() })));
    let writer = SinkWriter::new(CopyToBytes::new(sink));
    Ok(tokio::io::join(StreamReader::new(chunks), writer))
}

fn describe(
    headers: &mut MetadataMap,
    id: &str,
    shared_key: &str,
    methods: &[&'static str],
) -> Result<(), Status> {
    let value = |text: &str| {
        MetadataValue::try_from(text)
            .map_err(|_| Status::invalid_argument(format!("`{text}` is no name of a session")))
    };
    headers.insert("x-docker-expose-session-uuid", value(id)?);
    headers.insert("x-docker-expose-session-sharedkey", value(shared_key)?);
    for method in methods {
        headers.append("x-docker-expose-session-grpc-method", MetadataValue::from_static(method));
    }
    Ok(())
}
