//! SSH agents.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::BytesMut;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::net::unix::OwnedWriteHalf;
use tonic::Request;
use tonic::Response;
use tonic::Status;
use tonic::Streaming;

use super::serve::Shared;
use super::serve::Streamed;
use super::serve::header;
use crate::pb::sshforward::BytesMessage;
use crate::pb::sshforward::CheckAgentRequest;
use crate::pb::sshforward::CheckAgentResponse;
use crate::pb::sshforward::ssh_server::Ssh;

/// The identifier of mounts that have none.
const DEFAULT: &str = "default";

/// How much to read of an agent at once, in bytes.
const PIECE: usize = 32 * 1024;

/// Forwards to agents by their identifier.
#[derive(Debug)]
pub(crate) struct Agents(Shared<PathBuf>);

impl Agents {
    pub(crate) fn new(agents: BTreeMap<String, PathBuf>) -> Self {
        Self(Arc::new(agents))
    }

    fn socket(&self, id: &str) -> Result<&PathBuf, Status> {
        let id = if id.is_empty() { DEFAULT } else { id };
        self.0.get(id).ok_or_else(|| Status::not_found(format!("unset ssh forward key {id}")))
    }
}

#[tonic::async_trait]
impl Ssh for Agents {
    async fn check_agent(
        &self,
        request: Request<CheckAgentRequest>,
    ) -> Result<Response<CheckAgentResponse>, Status> {
        self.socket(&request.into_inner().id)?;
        Ok(Response::new(CheckAgentResponse {}))
    }

    type ForwardAgentStream = Streamed<BytesMessage>;

    async fn forward_agent(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::ForwardAgentStream>, Status> {
        let socket = self.socket(header(&request, "buildkit.ssh.id").unwrap_or_default())?;
        let connected = UnixStream::connect(socket).await;
        let agent =
            connected.map_err(|error| Status::unavailable(format!("{}: {error}", socket.display())))?;
        let (from, to) = agent.into_split();
        let questions =
            stream::once(questions(request.into_inner(), to)).filter_map(async |ended| ended.err().map(Err));
        Ok(Response::new(Box::pin(stream::select(answers(from), questions))))
    }
}

/// Passes on what the container says. The agent sees the end of it.
async fn questions(mut messages: Streaming<BytesMessage>, mut agent: OwnedWriteHalf) -> Result<(), Status> {
    while let Some(message) = messages.message().await? {
        agent.write_all(&message.data).await?;
    }
    Ok(agent.shutdown().await?)
}

fn answers(agent: OwnedReadHalf) -> impl stream::Stream<Item = Result<BytesMessage, Status>> {
    stream::try_unfold(agent, async |mut agent| {
        let mut piece = BytesMut::with_capacity(PIECE);
        let read = agent.read_buf(&mut piece).await?;
        Ok((read > 0).then(|| (BytesMessage { data: piece.into() }, agent)))
    })
}
