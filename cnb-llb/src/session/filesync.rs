//! Sending directories.

use std::collections::BTreeMap;
use std::sync::Arc;

use tonic::Request;
use tonic::Response;
use tonic::Status;
use tonic::Streaming;
use tonic::metadata::MetadataMap;

use super::Directories;
use super::Directory;
use super::serve::Shared;
use super::serve::Streamed;
use super::serve::driven;
use super::serve::header;
use super::serve::internal;
use crate::pb::filesync::file_sync_server;
use crate::pb::fsutil::Packet;

pub(crate) mod filter;
mod follow;
mod sender;
mod stat;
pub(crate) mod walk;

use filter::Filter;

/// The directories of a client, by name.
pub(crate) struct FileSync {
    fixed: Shared<Directory>,
    others: Option<Arc<dyn Directories>>,
}

impl FileSync {
    pub(crate) fn new(fixed: BTreeMap<String, Directory>, others: Option<Arc<dyn Directories>>) -> Self {
        Self { fixed: Arc::new(fixed), others }
    }

    fn directory(&self, name: &str) -> Option<Directory> {
        self.fixed.get(name).cloned().or_else(|| self.others.as_ref()?.directory(name))
    }
}

#[tonic::async_trait]
impl file_sync_server::FileSync for FileSync {
    type DiffCopyStream = Streamed<Packet>;

    async fn diff_copy(
        &self,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::DiffCopyStream>, Status> {
        let name = header(&request, "dir-name").unwrap_or_default();
        let directory = self
            .directory(name)
            .ok_or_else(|| Status::not_found(format!("no access allowed to dir {name:?}")))?;
        let headers = request.metadata();
        let includes = list(headers, "include-patterns");
        let excludes = list(headers, "exclude-patterns");
        let follow = list(headers, "followpaths");
        let read = tokio::task::spawn_blocking(move || {
            Filter::new(&directory.path, includes, &excludes, &follow).map(|filter| (directory, filter))
        });
        let (directory, filter) =
            read.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
        let (packets, driver) = sender::send(directory, filter, request.into_inner());
        Ok(Response::new(driven(packets, driver)))
    }

    type TarStreamStream = Streamed<Packet>;

    async fn tar_stream(
        &self,
        _: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::TarStreamStream>, Status> {
        Err(Status::unimplemented("directories are sent by DiffCopy"))
    }
}

/// The values of a header. Those that are not ASCII come encoded, and say so.
fn list(headers: &MetadataMap, name: &str) -> Vec<String> {
    let encoded = headers.get(format!("{name}-encoded")).is_some_and(|value| value == "1" || value == "true");
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.map(|value| if encoded { unescape(value) } else { value.to_owned() }).collect()
}

/// The opposite of Go's `url.QueryEscape`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = std::str::from_utf8(tail.get(..2).unwrap_or_default()).ok();
        let escaped = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        rest = match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                &tail[2..]
            }
            (b'+', _) => {
                bytes.push(b' ');
                tail
            }
            _ => {
                bytes.push(*first);
                tail
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// All of a directory, for tests of the other side.
#[cfg(test)]
pub(crate) fn test_sender<S>(
    directory: Directory,
    requests: S,
) -> (impl futures_util::Stream<Item = Packet>, impl Future<Output = Result<(), Status>>)
where
    S: futures_util::Stream<Item = Result<Packet, Status>> + Unpin,
{
    let filter = Filter::new(&directory.path, Vec::new(), &[], &[]).expect("there are no patterns");
    sender::send(directory, filter, requests)
}

#[cfg(test)]
mod tests;
