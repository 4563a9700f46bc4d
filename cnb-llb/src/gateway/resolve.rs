//! Looking at images before anything is pulled.

use super::Gateway;
use crate::Platform;
use crate::ResolveMode;
use crate::errdefs::BuildError;
use crate::pb::frontend;

/// Which image to look at.
#[derive(Clone, Debug)]
pub struct ImageQuery {
    message: frontend::ResolveImageConfigRequest,
}

/// An image that was looked at.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ResolvedImage {
    /// Its reference, as a source policy has it.
    pub reference: String,
    /// The digest of its manifest or index. Empty if the image is one of the daemon and has none.
    pub digest: String,
    /// Its config, in the bytes that are there.
    pub config: Vec<u8>,
}

impl ImageQuery {
    /// An image by its full reference, for example `docker.io/library/alpine:3`.
    pub fn new(reference: impl Into<String>) -> Self {
        Self {
            message: frontend::ResolveImageConfigRequest {
                r#ref: reference.into(),
                ..frontend::ResolveImageConfigRequest::default()
            },
        }
    }

    /// For this platform; the one of the daemon unless it is said.
    #[must_use]
    pub fn with_platform(mut self, platform: Platform) -> Self {
        self.message.platform = Some(platform.into());
        self
    }

    /// Where to look first.
    #[must_use]
    pub fn with_mode(mut self, mode: ResolveMode) -> Self {
        let mode = match mode {
            ResolveMode::Default => "default",
            ResolveMode::PreferLocal => "local",
            ResolveMode::Pull => "pull",
        };
        mode.clone_into(&mut self.message.resolve_mode);
        self
    }

    /// What to call it in the progress.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.message.log_name = name.into();
        self
    }

    /// Looks in a store of a session, where images are OCI layouts.
    #[must_use]
    pub fn in_layout(mut self, session: impl Into<String>, store: impl Into<String>) -> Self {
        self.message.resolver_type = 1;
        self.message.session_id = session.into();
        self.message.store_id = store.into();
        self
    }
}

impl Gateway {
    /// Looks at an image: pulls no layer of it.
    ///
    /// # Errors
    /// When there is no such image, none for the platform, or its registry or store cannot be asked.
    pub async fn resolve_image(&self, query: ImageQuery) -> Result<ResolvedImage, BuildError> {
        let reference = query.message.r#ref.clone();
        let response = self.bridge().resolve_image_config(query.message).await?.into_inner();
        // BuildKit before 0.13 does not say it.
        let reference = if response.r#ref.is_empty() { reference } else { response.r#ref };
        Ok(ResolvedImage { reference, digest: response.digest, config: response.config })
    }

    /// Looks at a source of any kind: what a repository, an address or an image is at the moment.
    ///
    /// # Errors
    /// When the source is not there, and on BuildKit before 0.13, which has no `source.metaresolver`.
    pub async fn resolve_source(
        &self,
        request: frontend::ResolveSourceMetaRequest,
    ) -> Result<frontend::ResolveSourceMetaResponse, BuildError> {
        self.capabilities().require("source.metaresolver")?;
        Ok(self.bridge().resolve_source_meta(request).await?.into_inner())
    }
}
