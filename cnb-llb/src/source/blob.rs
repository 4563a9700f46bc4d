//! Blobs as files.

use super::Source;
use super::annotate;
use super::oci_layout::set_unless_empty;
use super::reference;
use crate::Capability;
use crate::state::State;

/// A blob of a registry or of a client's content store, as one file: not as the layer that it may be.
#[derive(Clone, Debug)]
pub struct ImageBlob {
    source: Source,
}

annotate!(ImageBlob);

impl ImageBlob {
    /// A blob in a repository of a registry: `alpine@sha256:...`, without a tag.
    pub fn new(reference: impl AsRef<str>) -> Self {
        Self::of("docker-image+blob", reference.as_ref())
    }

    /// A blob in a content store of a client's session: `example.com/app@sha256:...`, without a tag.
    pub fn in_oci_layout(reference: impl AsRef<str>) -> Self {
        Self::of("oci-layout+blob", reference.as_ref())
    }

    fn of(scheme: &str, reference: &str) -> Self {
        let identifier = format!("{scheme}://{}", reference::with_registry(reference));
        Self { source: Source::new(identifier, Capability::SOURCE_IMAGE_BLOB) }
    }

    /// What the file is called; the digits of its digest if not said.
    #[must_use]
    pub fn filename(mut self, name: impl Into<String>) -> Self {
        self.source.set("http.filename", name);
        self
    }

    /// The permissions of the file, for example `0o644`.
    #[must_use]
    pub fn chmod(mut self, mode: u32) -> Self {
        self.source.set("http.perm", format!("0{:o}", mode & 0o777));
        self
    }

    /// Who owns the file; root if not said.
    #[must_use]
    pub fn chown(mut self, uid: u32, gid: u32) -> Self {
        let number = |id: u32| if id == 0 { String::new() } else { id.to_string() };
        set_unless_empty(&mut self.source, "http.uid", number(uid));
        set_unless_empty(&mut self.source, "http.gid", number(gid));
        self
    }

    /// The session that has it; any of the solve's if empty.
    #[must_use]
    pub fn session(mut self, id: impl Into<String>) -> Self {
        set_unless_empty(&mut self.source, "oci.session", id.into());
        self
    }

    /// What the session calls its content store; the name in the reference if empty.
    #[must_use]
    pub fn store(mut self, id: impl Into<String>) -> Self {
        set_unless_empty(&mut self.source, "oci.store", id.into());
        self
    }

    /// The file.
    pub fn state(self) -> State {
        self.source.state()
    }
}
