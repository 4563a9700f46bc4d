//! Images of a client.

use super::Source;
use super::annotate;
use crate::Capability;
use crate::ops::Platform;
use crate::state::State;

/// The root file system of an image in an OCI layout, which a client offers as a content store of its
/// session.
#[derive(Clone, Debug)]
pub struct OciLayout {
    source: Source,
    platform: Option<Platform>,
}

annotate!(OciLayout);

impl OciLayout {
    /// The image that a reference names. It must have a digest: `example.com/app@sha256:...`.
    pub fn new(reference: impl AsRef<str>) -> Self {
        let identifier = format!("oci-layout://{}", reference.as_ref());
        Self { source: Source::new(identifier, Capability::SOURCE_OCI_LAYOUT), platform: None }
    }

    /// Says for which platform; [`Platform::native`] if not said.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = Some(platform);
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

    /// Only its first layers, so many.
    #[must_use]
    pub fn layer_limit(mut self, layers: u32) -> Self {
        self.source.set("oci.layerlimit", layers.to_string());
        self
    }

    /// Its files.
    pub fn state(self) -> State {
        self.source.of_platform(self.platform.unwrap_or_else(Platform::native))
    }
}

pub(super) fn set_unless_empty(source: &mut Source, attribute: &str, value: String) {
    if !value.is_empty() {
        source.set(attribute, value);
    }
}
