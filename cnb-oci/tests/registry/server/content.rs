//! Blobs, manifests and uploads.

use std::collections::BTreeMap;

use super::wire::Answer;
use super::wire::Head;

#[derive(Default)]
pub(super) struct Content {
    /// By repository and digest.
    blobs: BTreeMap<(String, String), Vec<u8>>,
    /// By repository and tag or digest: media type and bytes.
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    uploads: BTreeMap<String, Vec<u8>>,
    begun: usize,
}

impl Content {
    pub(super) fn add_blob(&mut self, repository: &str, bytes: &[u8]) -> String {
        let digest = cnb_oci::digest(bytes).to_string();
        self.blobs.insert((repository.to_owned(), digest.clone()), bytes.to_owned());
        digest
    }

    pub(super) fn add_manifest(
        &mut self,
        repository: &str,
        tag: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> String {
        let digest = cnb_oci::digest(bytes).to_string();
        for name in [tag, &digest] {
            let manifest = (media_type.to_owned(), bytes.to_owned());
            self.manifests.insert((repository.to_owned(), name.to_owned()), manifest);
        }
        digest
    }

    pub(super) fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        self.blobs.get(&(repository.to_owned(), digest.to_owned())).cloned()
    }

    pub(super) fn manifest_of(&self, repository: &str, name: &str) -> Option<Vec<u8>> {
        let (_, bytes) = self.manifests.get(&(repository.to_owned(), name.to_owned()))?;
        Some(bytes.clone())
    }

    pub(super) fn open_uploads(&self) -> usize {
        self.uploads.len()
    }

    pub(super) fn answer(&mut self, head: &Head, body: Vec<u8>, range: Option<&str>) -> Answer {
        let path = head.path().strip_prefix("/v2/").unwrap_or_default().to_owned();
        if path.is_empty() {
            return Answer::new(200);
        }
        if let Some((repository, id)) = path.split_once("/blobs/uploads/") {
            return self.upload(head, repository, id, body);
        }
        if let Some((repository, digest)) = path.split_once("/blobs/") {
            return self.get_blob(repository, digest, range);
        }
        match path.split_once("/manifests/") {
            Some((repository, name)) => self.manifest(head, repository, name, &body),
            None => Answer::error(404, "UNSUPPORTED", "no such thing"),
        }
    }

    fn get_blob(&self, repository: &str, digest: &str, range: Option<&str>) -> Answer {
        let Some(bytes) = self.blob(repository, digest) else {
            return Answer::error(404, "BLOB_UNKNOWN", "blob unknown to registry");
        };
        let start = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        match start {
            None => Answer::new(200).with_body("application/octet-stream", bytes),
            Some(start) if start < bytes.len() => Answer::new(206)
                .with("Content-Range", &format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len()))
                .with_body("application/octet-stream", &bytes[start..]),
            Some(_) => Answer::error(416, "RANGE_INVALID", "it is shorter"),
        }
    }

    fn upload(&mut self, head: &Head, repository: &str, id: &str, body: Vec<u8>) -> Answer {
        match head.method.as_str() {
            "POST" => self.begin(head, repository),
            "PATCH" if self.uploads.contains_key(id) => {
                self.uploads.insert(id.to_owned(), body);
                at(Answer::new(202), repository, id)
            }
            "DELETE" if self.uploads.remove(id).is_some() => Answer::new(204),
            "PUT" => match self.uploads.remove(id) {
                Some(bytes) if head.parameter("digest") == Some(cnb_oci::digest(&bytes).to_string()) => {
                    self.add_blob(repository, &bytes);
                    Answer::new(201)
                }
                Some(_) => Answer::error(400, "DIGEST_INVALID", "it is another one"),
                None => Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "no such upload"),
            },
            _ => Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "no such upload"),
        }
    }

    fn begin(&mut self, head: &Head, repository: &str) -> Answer {
        let mount = head.parameter("mount").zip(head.parameter("from"));
        if let Some(bytes) = mount.and_then(|(digest, from)| self.blob(&from, &digest)) {
            self.add_blob(repository, &bytes);
            return Answer::new(201);
        }
        self.begun += 1;
        let id = self.begun.to_string();
        self.uploads.insert(id.clone(), Vec::new());
        at(Answer::new(202), repository, &id)
    }

    fn manifest(&mut self, head: &Head, repository: &str, name: &str, body: &[u8]) -> Answer {
        if head.method == "PUT" {
            let digest =
                self.add_manifest(repository, name, head.header("content-type").unwrap_or_default(), body);
            return Answer::new(201).with("Docker-Content-Digest", &digest);
        }
        let key = (repository.to_owned(), name.to_owned());
        if head.method == "DELETE" && self.manifests.remove(&key).is_some() {
            return Answer::new(202);
        }
        match self.manifests.get(&key) {
            Some((media_type, bytes)) => Answer::new(200)
                .with("Docker-Content-Digest", cnb_oci::digest(bytes).as_str())
                .with_body(media_type, bytes.clone()),
            None => Answer::error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
        }
    }
}

/// A relative `Location` with a query, as many registries have it.
fn at(answer: Answer, repository: &str, id: &str) -> Answer {
    answer.with("Location", &format!("/v2/{repository}/blobs/uploads/{id}?_state=a%3D"))
}
