//! Images in registries.

use super::Source;
use super::annotate;
use super::reference;
use crate::Capability;
use crate::ops::Platform;
use crate::state::State;

/// The root file system of an image in a registry.
///
/// ```
/// use cnb_llb::{Image, Platform};
///
/// let image = Image::new("alpine").platform(Platform::new("linux", "amd64"));
/// let digest = "sha256:a7f9733e307dd352c82d43053b783dd17bb2ec2c36214908ce393e41545c8b51";
/// assert_eq!(image.state().digest().expect("it has files").as_str(), digest);
/// ```
#[derive(Clone, Debug)]
pub struct Image {
    source: Source,
    platform: Option<Platform>,
}

annotate!(Image);

/// What decides which image a reference names.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ResolveMode {
    /// The daemon's own choice.
    #[default]
    Default,
    /// The registry.
    Pull,
    /// What the daemon has, before the registry.
    PreferLocal,
}

/// What the daemon's accounts of its disk call the image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RecordType {
    /// Like any other.
    Regular,
    /// Used by the daemon, not by the build.
    Internal,
    /// A frontend.
    Frontend,
}

impl Image {
    /// The image that a reference names, completed as Docker does: `alpine` is
    /// `docker.io/library/alpine:latest`.
    pub fn new(reference: impl AsRef<str>) -> Self {
        let identifier = format!("docker-image://{}", reference::complete(reference.as_ref()));
        Self { source: Source::new(identifier, Capability::SOURCE_IMAGE), platform: None }
    }

    /// Says for which platform; [`Platform::native`] if not said.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = Some(platform);
        self
    }

    /// What decides which image the reference names.
    #[must_use]
    pub fn resolve_mode(mut self, mode: ResolveMode) -> Self {
        const ATTRIBUTE: &str = "image.resolvemode";
        self.source.attrs.remove(ATTRIBUTE);
        self.source.annotations.metadata.caps.remove(&Capability::SOURCE_IMAGE_RESOLVE_MODE);
        match mode {
            ResolveMode::Default => {}
            ResolveMode::PreferLocal => self.source.set(ATTRIBUTE, "local"),
            // A daemon that does not know it must not fall back to what it has.
            ResolveMode::Pull => {
                self.source.set_needed(ATTRIBUTE, "pull", Capability::SOURCE_IMAGE_RESOLVE_MODE);
            }
        }
        self
    }

    /// What the daemon's accounts call it.
    #[must_use]
    pub fn record_type(mut self, record: RecordType) -> Self {
        let value = match record {
            RecordType::Regular => "regular",
            RecordType::Internal => "internal",
            RecordType::Frontend => "frontend",
        };
        self.source.set("image.recordtype", value);
        self
    }

    /// Only its first layers, so many.
    #[must_use]
    pub fn layer_limit(mut self, layers: u32) -> Self {
        let capability = Capability::SOURCE_IMAGE_LAYER_LIMIT;
        self.source.set_needed("image.layerlimit", layers.to_string(), capability);
        self
    }

    /// The digest that its manifest or index must have.
    #[must_use]
    pub fn checksum(mut self, digest: impl Into<String>) -> Self {
        self.source.set_needed("image.checksum", digest, Capability::SOURCE_IMAGE_CHECKSUM);
        self
    }

    /// Its files.
    pub fn state(self) -> State {
        self.source.of_platform(self.platform.unwrap_or_else(Platform::native))
    }
}
