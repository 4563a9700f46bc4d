//! Taking what exporters send.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Bytes;
use futures_util::stream;
use prost::Message;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tonic::Request;
use tonic::Response;
use tonic::Status;
use tonic::Streaming;

use super::serve::Streamed;
use super::serve::driven;
use super::serve::header;
use crate::pb::file_send::file_send_server;
use crate::pb::filesync::BytesMessage;

pub(crate) mod receiver;

/// Where an export goes.
pub(crate) enum Output {
    /// An archive.
    Writer(Pin<Box<dyn AsyncWrite + Send>>),
    /// Files.
    Directory(PathBuf),
}

/// The outputs of a solve, by the place of their exporters.
#[derive(Debug)]
pub(crate) struct FileSend(Mutex<Vec<Option<Output>>>);

impl FileSend {
    pub(crate) fn new(outputs: Vec<Option<Output>>) -> Self {
        Self(Mutex::new(outputs))
    }

    /// The output of a call. An archive comes once, but the files of several platforms may each come for themselves.
    fn output(&self, request: &Request<Streaming<Bytes>>) -> Result<Output, Status> {
        let exporter = header(request, "buildkit-attachable-exporter-id").unwrap_or("0");
        let missing = || Status::not_found(format!("exporter {exporter} has no output, or had it already"));
        let mut outputs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let output =
            exporter.parse().ok().and_then(|index: usize| outputs.get_mut(index)).ok_or_else(missing)?;
        match output {
            Some(Output::Directory(path)) => Ok(Output::Directory(path.clone())),
            output => output.take().ok_or_else(missing),
        }
    }
}

#[tonic::async_trait]
impl file_send_server::FileSend for FileSend {
    type DiffCopyStream = Streamed<Bytes>;

    async fn diff_copy(
        &self,
        request: Request<Streaming<Bytes>>,
    ) -> Result<Response<Self::DiffCopyStream>, Status> {
        match self.output(&request)? {
            Output::Writer(writer) => {
                write(request.into_inner(), writer).await?;
                Ok(Response::new(Box::pin(stream::empty())))
            }
            Output::Directory(path) => {
                let (replies, driver) = receiver::receive(path, request.into_inner());
                Ok(Response::new(driven(replies, driver)))
            }
        }
    }
}

async fn write(
    mut chunks: Streaming<Bytes>,
    mut writer: Pin<Box<dyn AsyncWrite + Send>>,
) -> Result<(), Status> {
    while let Some(chunk) = chunks.message().await? {
        let chunk =
            BytesMessage::decode(chunk).map_err(|error| Status::invalid_argument(error.to_string()))?;
        writer.write_all(&chunk.data).await?;
    }
    Ok(writer.shutdown().await?)
}

impl fmt::Debug for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writer(_) => formatter.write_str("Writer"),
            Self::Directory(path) => formatter.debug_tuple("Directory").field(path).finish(),
        }
    }
}
