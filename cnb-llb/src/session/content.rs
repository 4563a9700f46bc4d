//! Images in OCI layouts.

use std::collections::BTreeMap;
use std::io;
use std::io::SeekFrom;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::stream;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncSeekExt;
use tonic::Request;
use tonic::Response;
use tonic::Status;

use super::serve::Shared;
use super::serve::Streamed;
use super::serve::header;
use crate::pb::content;
use crate::pb::content::content_server;

/// How much of a blob goes into one message, in bytes.
const PIECE: u64 = 1 << 20;

/// The blobs of layouts, by the name of the store.
#[derive(Debug)]
pub(crate) struct Content(Shared<PathBuf>);

impl Content {
    pub(crate) fn new(layouts: BTreeMap<String, PathBuf>) -> Self {
        Self(Arc::new(layouts))
    }

    /// The file of a blob, of the store that the call names.
    fn blob<T>(&self, request: &Request<T>, digest: &str) -> Result<PathBuf, Status> {
        let store = header(request, "buildkit-attachable-store-id").unwrap_or_default();
        let layout = store.strip_prefix("oci:").and_then(|name| self.0.get(name));
        let layout = layout.ok_or_else(|| Status::not_found(format!("unknown store {store}")))?;
        path(layout, digest).ok_or_else(|| Status::invalid_argument(format!("{digest} is no digest")))
    }
}

#[tonic::async_trait]
impl content_server::Content for Content {
    async fn info(
        &self,
        request: Request<content::InfoRequest>,
    ) -> Result<Response<content::InfoResponse>, Status> {
        let digest = request.get_ref().digest.clone();
        let blob = self.blob(&request, &digest)?;
        let found = tokio::fs::metadata(&blob).await.map_err(|error| missing(&digest, &error))?;
        let size = i64::try_from(found.len()).unwrap_or(i64::MAX);
        let info = content::Info { digest, size, ..content::Info::default() };
        Ok(Response::new(content::InfoResponse { info: Some(info) }))
    }

    type ReadStream = Streamed<content::ReadContentResponse>;

    async fn read(
        &self,
        request: Request<content::ReadContentRequest>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        let content::ReadContentRequest { digest, offset, size } = request.get_ref().clone();
        let (Ok(offset), Ok(size)) = (u64::try_from(offset), u64::try_from(size)) else {
            return Err(Status::invalid_argument("offset and size are not negative"));
        };
        let blob = self.blob(&request, &digest)?;
        let mut file = File::open(&blob).await.map_err(|error| missing(&digest, &error))?;
        file.seek(SeekFrom::Start(offset)).await?;
        let left = if size == 0 { u64::MAX } else { size };
        Ok(Response::new(Box::pin(stream::try_unfold((file, offset, left), next))))
    }
}

type Rest = (File, u64, u64);

/// The next piece of a blob, and what comes after.
async fn next((file, offset, left): Rest) -> Result<Option<(content::ReadContentResponse, Rest)>, Status> {
    let mut data = Vec::new();
    let mut piece = file.take(left.min(PIECE));
    let read = piece.read_to_end(&mut data).await? as u64;
    if read == 0 {
        return Ok(None);
    }
    let response = content::ReadContentResponse { offset: i64::try_from(offset).unwrap_or(i64::MAX), data };
    Ok(Some((response, (piece.into_inner(), offset + read, left - read))))
}

/// Where a blob is. None if that is no digest: it must not lead out of the layout.
fn path(layout: &Path, digest: &str) -> Option<PathBuf> {
    let (algorithm, hex) = digest.split_once(':')?;
    let name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (name(algorithm) && name(hex)).then(|| layout.join("blobs").join(algorithm).join(hex))
}

fn missing(digest: &str, error: &io::Error) -> Status {
    match error.kind() {
        io::ErrorKind::NotFound => Status::not_found(format!("{digest}: not found")),
        _ => Status::unknown(format!("{digest}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::content_server::Content as _;
    use super::*;

    fn asked<T>(message: T) -> Request<T> {
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("buildkit-attachable-store-id", "oci:images".parse().expect("it is text"));
        request
    }

    async fn read(store: &Content, offset: i64, size: i64) -> Result<Vec<u8>, tonic::Code> {
        let request = content::ReadContentRequest { digest: "sha256:aa".to_owned(), offset, size };
        let pieces = store.read(asked(request)).await.map_err(|status| status.code())?.into_inner();
        let pieces: Vec<_> = pieces.try_collect().await.map_err(|status| status.code())?;
        Ok(pieces.into_iter().flat_map(|piece| piece.data).collect())
    }

    #[tokio::test]
    async fn blobs_are_read_by_ranges() {
        let layout = tempfile::tempdir().expect("there is a directory");
        std::fs::create_dir_all(layout.path().join("blobs/sha256")).expect("it is new");
        let blob: Vec<u8> = (0..=u8::MAX).cycle().take((2 << 20) + 5).collect();
        std::fs::write(layout.path().join("blobs/sha256/aa"), &blob).expect("it is new");
        let store = Content::new(BTreeMap::from([("images".to_owned(), layout.path().to_owned())]));
        assert_eq!(read(&store, 0, 0).await.as_ref(), Ok(&blob));
        assert_eq!(read(&store, 2, 3).await.as_deref(), Ok(&blob[2..5]));
        assert_eq!(read(&store, 1 << 20, 0).await.as_deref(), Ok(&blob[1 << 20..]));
        assert_eq!(read(&store, 3 << 20, 0).await.as_deref(), Ok(&[][..]));
        assert_eq!(read(&store, -1, 0).await, Err(tonic::Code::InvalidArgument));
        let info = store.info(asked(content::InfoRequest { digest: "sha256:aa".to_owned() })).await;
        let info = info.expect("it is there").into_inner().info.expect("it is known");
        assert_eq!(usize::try_from(info.size), Ok(blob.len()));
    }

    #[tokio::test]
    async fn nothing_else_is_served() {
        let store = Content::new(BTreeMap::from([("images".to_owned(), "/".into())]));
        for (digest, code) in [
            ("sha256:bb", tonic::Code::NotFound),
            ("sha256:../../etc/passwd", tonic::Code::InvalidArgument),
            ("..:aa", tonic::Code::InvalidArgument),
            ("etc", tonic::Code::InvalidArgument),
        ] {
            let info = store.info(asked(content::InfoRequest { digest: digest.to_owned() })).await;
            assert_eq!(info.map_err(|status| status.code()).err(), Some(code), "{digest}");
        }
        let unnamed = Request::new(content::InfoRequest { digest: "sha256:aa".to_owned() });
        assert_eq!(
            store.info(unnamed).await.map_err(|status| status.code()).err(),
            Some(tonic::Code::NotFound)
        );
    }
}
