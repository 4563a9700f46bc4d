//! Blobs on their way to a registry.
//!
//! An upload is begun with POST, filled with one PATCH and closed with PUT, which names the digest. So the digest
//! need not be known before the bytes are sent. Source: "Pushing blobs" of the OCI distribution specification.

use std::io;
use std::io::Read;
use std::io::Write;
use std::thread;

use cnb_core::reference::Reference;
use ureq::http::HeaderValue;
use ureq::http::Method;
use ureq::http::Uri;
use ureq::http::header::AUTHORIZATION;
use ureq::http::header::CONTENT_TYPE;

use super::Registry;
use super::access::Access;
use super::answer::Answer;
use super::error::Error;
use super::location;
use super::pipe::PipeWriter;
use super::pipe::pipe;
use super::transport::Content;
use super::transport::Request;
use crate::blob::Blob;

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

impl Registry {
    /// Uploads what `make` writes, while it writes it: neither its size nor its digest is known before. An upload
    /// that breaks starts anew, and `make` is called again. It runs in the caller's thread; another one sends.
    ///
    /// # Errors
    /// [`Error::Content`] when `make` fails; [`Error::Status`], [`Error::Connection`].
    pub fn upload(
        &self,
        to: &Reference,
        make: &dyn Fn(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Blob, Error> {
        self.uploaded(&Access::push(to), |upload| upload.stream(make))
    }

    /// Uploads a blob, unless the repository has it.
    ///
    /// # Errors
    /// [`Error::Status`], [`Error::Connection`].
    pub fn put_blob(&self, to: &Reference, bytes: &[u8]) -> Result<Blob, Error> {
        let access = Access::push(to);
        let blob = Blob { digest: crate::digest(bytes), size: bytes.len() as u64 };
        if !self.has_blob_as(&access, &blob.digest)? {
            self.uploaded(&access, |upload| upload.send(&mut &*bytes, &blob))?;
        }
        Ok(blob)
    }

    /// Uploads in one go, and starts anew where that may help.
    pub(super) fn uploaded<T>(
        &self,
        access: &Access,
        send: impl Fn(Upload<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let once = || {
            let answer = self.begin(access, &[])?.expect(&[202])?;
            let location = self.location(access, &answer)?;
            send(Upload { registry: self, access, location })
        };
        self.attempt(access, || match once() {
            // The token expired while bytes were sent. Beginning anew gets another one.
            Err(error) if error.is_unauthorized() => once(),
            result => result,
        })
    }

    /// Asks for a place to upload to, or for something that makes it unnecessary.
    pub(super) fn begin(&self, access: &Access, parameters: &[(&str, &str)]) -> Result<Answer, Error> {
        let uri = self.url(access, "blobs/uploads/")?;
        let uri = location::with_query(&Method::POST, &uri, parameters)?;
        self.send_once(access, &Request::new(Method::POST, uri).with_header(CONTENT_TYPE, OCTETS))
    }

    /// Gives up an upload. The registry would do so by itself some day, so failures do not matter.
    pub(super) fn cancel(&self, access: &Access, answer: &Answer) {
        let cancelled = self
            .location(access, answer)
            .and_then(|location| self.send_once(access, &Request::new(Method::DELETE, location)));
        if let Err(error) = cancelled {
            tracing::debug!(%error, "an upload could not be cancelled");
        }
    }

    fn location(&self, access: &Access, answer: &Answer) -> Result<Uri, Error> {
        answer.location(&self.endpoint(access)?.base)
    }
}

/// An upload that has begun.
pub(super) struct Upload<'u> {
    registry: &'u Registry,
    access: &'u Access,
    location: Uri,
}

impl Upload<'_> {
    /// Sends a blob.
    pub(super) fn send(self, content: &mut dyn Read, blob: &Blob) -> Result<(), Error> {
        let location = self.fill(Content::Sized(content, blob.size))?;
        self.close(&location, blob)
    }

    /// Sends a blob while it is made: made in this thread, sent by another one.
    fn stream(self, make: &dyn Fn(&mut dyn Write) -> io::Result<()>) -> Result<Blob, Error> {
        let cannot_make = |source| Error::Content { repository: self.access.repository.clone(), source };
        let (writer, reader) = pipe();
        let (written, (sent, is_given_up)) = thread::scope(|scope| {
            let send = || {
                // Dropped at the end of the thread, so that the writer does not wait for nobody.
                let mut reader = reader;
                (self.fill(Content::Chunked(&mut reader)), reader.is_given_up())
            };
            let sending = thread::Builder::new().spawn_scoped(scope, send)?;
            Ok((write(writer, make), sending.join().expect("sending does not panic")))
        })
        .map_err(cannot_make)?;
        let (blob, location) = match (written, sent) {
            (Ok(blob), Ok(location)) => (blob, location),
            // A registry that does not listen any more makes the writer fail, too.
            (_, Err(error)) if !is_given_up => return Err(error),
            (Ok(_), Err(error)) => return Err(error),
            (Err(source), _) => return Err(cannot_make(source)),
        };
        self.close(&location, &blob)?;
        Ok(blob)
    }

    /// Sends all bytes: where the upload is closed.
    fn fill(&self, content: Content<'_>) -> Result<Uri, Error> {
        let Self { registry, access, location } = self;
        let endpoint = registry.endpoint(access)?;
        let mut request = Request::new(Method::PATCH, location.clone()).with_header(CONTENT_TYPE, OCTETS);
        if location::is_same_origin(location, &endpoint.base)
            && let Some(authorization) =
                registry.authorization(&endpoint, &endpoint.challenge(), access, None)?
        {
            request = request.with_header(AUTHORIZATION, authorization);
        }
        let answer = registry.send_content(&endpoint, &request, content)?.expect(&[201, 202, 204])?;
        let next = answer.location(&endpoint.base)?;
        answer.drain();
        Ok(next)
    }

    fn close(&self, location: &Uri, blob: &Blob) -> Result<(), Error> {
        let uri = location::with_query(&Method::PUT, location, &[("digest", blob.digest.as_str())])?;
        let request = Request::new(Method::PUT, uri).with_header(CONTENT_TYPE, OCTETS);
        self.registry.send_once(self.access, &request)?.expect(&[201, 204])?.drain();
        Ok(())
    }
}

fn write(mut writer: PipeWriter, make: &dyn Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<Blob> {
    make(&mut writer)?;
    writer.finish()
}
