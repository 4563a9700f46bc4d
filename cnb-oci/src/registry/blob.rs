//! Blobs, verified while they are read.

use std::fmt;
use std::io;
use std::io::Read;

use bytes::Bytes;
use cnb_core::digest::Digest;
use cnb_core::reference::Reference;
use ureq::BodyReader;
use ureq::http::HeaderValue;
use ureq::http::Method;
use ureq::http::header::CONTENT_RANGE;
use ureq::http::header::RANGE;

use super::Registry;
use super::access::Access;
use super::answer::Answer;
use super::error::Error;
use super::transport::Request;
use crate::blob::MAX_DOCUMENT;
use crate::descriptor::Descriptor;
use crate::hash::Hasher;

impl Registry {
    /// A blob of the image's repository. Reading fails at the end when it is not what the descriptor says; the
    /// [`io::Error`] has an [`Error`] inside. A transfer that breaks goes on where it was.
    ///
    /// # Errors
    /// [`Error::Status`], 404 when there is no such blob; [`Error::Connection`].
    pub fn blob(&self, reference: &Reference, descriptor: &Descriptor) -> Result<BlobReader, Error> {
        let access = Access::pull(reference);
        let request = self.blob_request(&access, Method::GET, &descriptor.digest)?;
        let body = Some(self.send(&access, &request, &[200])?.into_reader());
        let Descriptor { digest, size, .. } = descriptor;
        let (digest, size, hasher) = (digest.clone(), *size, Hasher::new());
        Ok(BlobReader { registry: self.clone(), access, request, digest, size, hasher, body, failed: 0 })
    }

    /// Whether the image's repository has a blob.
    ///
    /// # Errors
    /// [`Error::Status`], [`Error::Connection`].
    pub fn has_blob(&self, reference: &Reference, digest: &Digest) -> Result<bool, Error> {
        self.has_blob_as(&Access::pull(reference), digest)
    }

    pub(super) fn has_blob_as(&self, access: &Access, digest: &Digest) -> Result<bool, Error> {
        let request = self.blob_request(access, Method::HEAD, digest)?;
        Ok(self.send(access, &request, &[200, 404])?.status() == 200)
    }

    /// A blob that is a document.
    pub(super) fn blob_bytes(&self, reference: &Reference, descriptor: &Descriptor) -> Result<Bytes, Error> {
        if descriptor.size > MAX_DOCUMENT {
            let url = format!("{reference} {}", descriptor.digest);
            return Err(Error::Large { url, limit: MAX_DOCUMENT });
        }
        let mut reader = self.blob(reference, descriptor)?;
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 32 << 10];
        loop {
            match reader.read_verified(&mut buffer)? {
                0 => return Ok(bytes.into()),
                read => bytes.extend_from_slice(&buffer[..read]),
            }
        }
    }

    fn blob_request(
        &self,
        access: &Access,
        method: Method,
        digest: &Digest,
    ) -> Result<Request<'static>, Error> {
        Ok(Request::new(method, self.attempt(access, || self.url(access, &format!("blobs/{digest}")))?))
    }
}

/// The bytes of a blob, from [`Registry::blob`].
pub struct BlobReader {
    registry: Registry,
    access: Access,
    request: Request<'static>,
    digest: Digest,
    size: u64,
    /// Of what was read so far.
    hasher: Hasher,
    /// The transfer, unless it broke.
    body: Option<BodyReader<'static>>,
    failed: u32,
}

impl BlobReader {
    fn url(&self) -> String {
        super::location::shown(&self.request.uri)
    }

    fn broken(&self, source: io::Error) -> Error {
        let (method, url) = (self.request.method.to_string(), self.url());
        Error::Connection { method, url, retryable: true, source: source.into() }
    }

    /// As [`Read::read`].
    pub(super) fn read_verified(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = loop {
            match self.read_some(buffer) {
                Ok(read) => break read,
                Err(error) if self.registry.may_retry(&mut self.failed, &error) => {}
                Err(error) => return Err(self.registry.with_requester(&self.access, error)),
            }
        };
        self.hasher.update(&buffer[..read]);
        let (expected, actual) = (self.size, self.hasher.size());
        if actual > expected {
            return Err(Error::Size { url: self.url(), expected, actual });
        }
        // Now, because who knows the size does not read up to the end.
        if self.is_complete() { self.check().map(|()| read) } else { Ok(read) }
    }

    fn is_complete(&self) -> bool {
        self.hasher.size() == self.size
    }

    /// Reads of the transfer; goes on after what was read already when there is a new one.
    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut body = match self.body.take() {
            Some(body) => body,
            None if self.is_complete() => return Ok(0),
            None => self.resume()?,
        };
        match body.read(buffer) {
            Ok(0) if !self.is_complete() => {
                Err(self.broken(io::Error::new(io::ErrorKind::UnexpectedEof, "the transfer ended too early")))
            }
            Err(error) if !self.is_complete() => Err(self.broken(error)),
            read => {
                self.body = Some(body);
                // What goes wrong after the last byte does not matter.
                Ok(read.unwrap_or_default())
            }
        }
    }

    fn resume(&self) -> Result<BodyReader<'static>, Error> {
        let position = self.hasher.size();
        let mut request = self.request.clone();
        if position > 0 {
            let range = HeaderValue::try_from(format!("bytes={position}-")).expect("digits are allowed");
            request = request.with_header(RANGE, range);
        }
        let answer = self.registry.send_once(&self.access, &request)?.expect(&[200, 206])?;
        if answer.status() == 206 {
            return match starts_at(&answer) {
                Some(start) if start == position => Ok(answer.into_reader()),
                _ => Err(answer.protocol_error("it is another range than was asked for")),
            };
        }
        // The registry knows no ranges.
        let mut body = answer.into_reader();
        match io::copy(&mut body.by_ref().take(position), &mut io::sink()) {
            Ok(skipped) if skipped == position => Ok(body),
            Ok(_) => Err(self.broken(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.broken(error)),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let (expected, actual) = (self.digest.clone(), self.hasher.clone().finish());
        if actual == expected { Ok(()) } else { Err(Error::Corrupt { url: self.url(), expected, actual }) }
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_verified(buffer).map_err(Error::into_io)
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digest, size, .. } = self;
        f.debug_struct("BlobReader").field("digest", digest).field("size", size).finish_non_exhaustive()
    }
}

/// The first position of a partial answer: `Content-Range: bytes 5-9/10`.
fn starts_at(answer: &Answer) -> Option<u64> {
    answer.header(CONTENT_RANGE)?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}
