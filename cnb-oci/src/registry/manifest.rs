//! Manifests and indexes.

use bytes::Bytes;
use cnb_core::digest::Digest;
use cnb_core::reference::Reference;
use serde::Deserialize;
use ureq::http::HeaderName;
use ureq::http::HeaderValue;
use ureq::http::Method;
use ureq::http::header::ACCEPT;
use ureq::http::header::CONTENT_LENGTH;
use ureq::http::header::CONTENT_TYPE;

use super::Registry;
use super::access::Access;
use super::answer::Answer;
use super::error::Error;
use super::transport::Request;
use crate::blob::MAX_DOCUMENT;
use crate::descriptor::Descriptor;
use crate::descriptor::media_type;

/// The header with the digest of a manifest.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

impl Registry {
    /// A manifest or an index, byte for byte; none when there is no such thing.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is not what the digest in the name or in the answer says; [`Error::Large`] for
    /// more than 16 MiB; [`Error::Status`], [`Error::Connection`].
    pub fn manifest(&self, reference: &Reference) -> Result<Option<(Descriptor, Bytes)>, Error> {
        let access = Access::pull(reference);
        let request = self.manifest_request(&access, Method::GET, reference)?;
        self.attempt(&access, || {
            let answer = self.send_once(&access, &request)?.expect(&[200, 404])?;
            if answer.status() == 404 { Ok(None) } else { read(answer, reference).map(Some) }
        })
    }

    /// What names a manifest or an index; none when there is no such thing.
    ///
    /// # Errors
    /// As [`Registry::manifest`].
    pub fn head(&self, reference: &Reference) -> Result<Option<Descriptor>, Error> {
        let access = Access::pull(reference);
        let request = self.manifest_request(&access, Method::HEAD, reference)?;
        let answer = self.send(&access, &request, &[200, 404])?;
        if answer.status() == 404 {
            return Ok(None);
        }
        let size = answer.header(CONTENT_LENGTH).and_then(|size| size.parse().ok());
        match (content_type(&answer), digest(&answer), size) {
            (Some(media_type), Some(digest), Some(size)) => {
                check_name(&answer.url(), reference, &digest)?;
                Ok(Some(Descriptor::new(media_type, digest, size)))
            }
            // The headers are optional.
            _ => Ok(self.manifest(reference)?.map(|(descriptor, _)| descriptor)),
        }
    }

    /// Writes a manifest or an index, whose blobs are in the repository already.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the name has another digest; [`Error::Status`], [`Error::Connection`].
    pub fn put_manifest(
        &self,
        reference: &Reference,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Descriptor, Error> {
        let access = Access::push(reference);
        let request = self.manifest_request(&access, Method::PUT, reference)?;
        let digest = crate::digest(bytes);
        check_name(&super::location::shown(&request.uri), reference, &digest)?;
        let content_type = HeaderValue::from_str(media_type)
            .map_err(|source| Error::Setting { what: "the media type", source: source.into() })?;
        let request = Request { body: bytes, ..request }.with_header(CONTENT_TYPE, content_type);
        self.send(&access, &request, &[200, 201, 202])?.drain();
        Ok(Descriptor::new(media_type, digest, bytes.len() as u64))
    }

    /// Removes a manifest or an index, or a tag where the registry can.
    ///
    /// # Errors
    /// [`Error::Status`]: 404 when there is no such thing, 405 when the registry does not remove things.
    pub fn delete_manifest(&self, reference: &Reference) -> Result<(), Error> {
        let access = Access::delete(reference);
        let request = self.manifest_request(&access, Method::DELETE, reference)?;
        self.send(&access, &request, &[200, 202, 204])?.drain();
        Ok(())
    }

    pub(super) fn manifest_request(
        &self,
        access: &Access,
        method: Method,
        reference: &Reference,
    ) -> Result<Request<'static>, Error> {
        let uri =
            self.attempt(access, || self.url(access, &format!("manifests/{}", reference.identifier())))?;
        Ok(Request::new(method, uri).with_header(ACCEPT, HeaderValue::from_static(ACCEPTED)))
    }
}

/// The documents that this crate reads.
const ACCEPTED: &str = concat!(
    "application/vnd.oci.image.index.v1+json,application/vnd.oci.image.manifest.v1+json,",
    "application/vnd.docker.distribution.manifest.list.v2+json,",
    "application/vnd.docker.distribution.manifest.v2+json"
);

fn read(answer: Answer, reference: &Reference) -> Result<(Descriptor, Bytes), Error> {
    let (url, said, content_type) = (answer.url(), digest(&answer), content_type(&answer));
    let bytes = answer.bytes(MAX_DOCUMENT)?;
    let actual = crate::digest(&bytes);
    check_name(&url, reference, &actual)?;
    if let Some(expected) = said.filter(|said| *said != actual) {
        return Err(Error::Corrupt { url, expected, actual });
    }
    let media_type = match content_type {
        Some(content_type) => content_type,
        None => media_type_of(&bytes).map_err(|source| Error::Json { url, source })?,
    };
    let size = bytes.len() as u64;
    Ok((Descriptor::new(media_type, actual, size), bytes))
}

/// A digest that is part of a name must be that of the bytes.
fn check_name(url: &str, reference: &Reference, actual: &Digest) -> Result<(), Error> {
    match reference.identifier().parse::<Digest>() {
        Ok(expected) if expected != *actual => {
            Err(Error::Corrupt { url: url.to_owned(), expected, actual: actual.clone() })
        }
        _ => Ok(()),
    }
}

fn digest(answer: &Answer) -> Option<Digest> {
    answer.header(CONTENT_DIGEST)?.parse().ok()
}

fn content_type(answer: &Answer) -> Option<String> {
    let content_type = answer.header(CONTENT_TYPE)?.split(';').next()?.trim();
    // Some registries know no better.
    let is_known =
        !matches!(content_type, "" | "application/json" | "application/octet-stream" | "text/plain");
    is_known.then(|| content_type.to_owned())
}

/// What a document says that it is; a manifest of OCI need not say so.
fn media_type_of(bytes: &[u8]) -> Result<String, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        media_type: Option<String>,
        manifests: Option<serde::de::IgnoredAny>,
    }
    let document: Document = serde_json::from_slice(bytes)?;
    let otherwise =
        if document.manifests.is_some() { media_type::OCI_INDEX } else { media_type::OCI_MANIFEST };
    Ok(document.media_type.unwrap_or_else(|| otherwise.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_known_documents_are_accepted() {
        let known = [
            media_type::OCI_INDEX,
            media_type::OCI_MANIFEST,
            media_type::DOCKER_INDEX,
            media_type::DOCKER_MANIFEST,
        ];
        assert_eq!(ACCEPTED, known.join(","));
    }

    #[test]
    fn documents_say_what_they_are() {
        for (document, expected) in [
            (r#"{"mediaType":"x"}"#, "x"),
            (r#"{"manifests":[]}"#, media_type::OCI_INDEX),
            (r#"{"config":{}}"#, media_type::OCI_MANIFEST),
        ] {
            assert_eq!(media_type_of(document.as_bytes()).expect("valid"), expected);
        }
    }
}
