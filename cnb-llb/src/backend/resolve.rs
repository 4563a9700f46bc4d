//! Images that exist.

use std::path::Path;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Image;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Result;
use cnb_core::digest::Digest;
use cnb_core::image_name::ImageName;
use cnb_core::reference::Reference;
use sha2::Digest as _;
use sha2::Sha256;

use super::BuildKit;
use super::error::from_build;
use super::tree::Graph;
use crate::Annotate as _;
use crate::InvalidPlatform;
use crate::OciLayout;
use crate::Platform;
use crate::State;
use crate::errdefs::BuildError;
use crate::gateway::ContextSource;
use crate::gateway::ImageQuery;
use crate::gateway::NamedContext;
use crate::gateway::ResolvedImage;

/// The transport of images that are named contexts.
const CONTEXT: &str = "context";
/// What images of layouts are called where only their digests count.
const LAYOUT: &str = "layout";

impl BuildKit {
    pub(super) async fn resolve_image(&self, request: &ImageRequest) -> Result<Image> {
        let platform = match &request.platform {
            Some(platform) => parse(platform)?,
            None => self.platform(),
        };
        match &request.name {
            ImageName::Docker { reference } => {
                let reference = reference.to_string();
                match self.named(&reference, &platform) {
                    Some(context) => self.in_context(context, platform).await,
                    None => self.in_registry(&reference, platform).await,
                }
            }
            ImageName::Other { transport, rest } if transport == CONTEXT => {
                let unknown =
                    || Error::new(ErrorKind::NotFound, "there is no such context").with("name", rest);
                let context = self.named(rest, &platform).ok_or_else(unknown)?;
                self.in_context(context, platform).await
            }
            ImageName::Oci { directory, tag } => {
                self.in_directory(directory, tag.as_ref(), &request.name, platform).await
            }
            other => {
                Err(Error::new(ErrorKind::Unsupported, format!("BuildKit cannot read the image `{other}`")))
            }
        }
    }

    /// The context of a name: the one for the platform before the one for all.
    fn named(&self, name: &str, platform: &Platform) -> Option<&NamedContext> {
        let platform = platform.to_string();
        let plain = name.strip_suffix(":latest").unwrap_or(name);
        let mut of_name = self
            .settings
            .contexts
            .iter()
            .filter(|context| context.name.strip_suffix(":latest").unwrap_or(&context.name) == plain);
        let of_platform = of_name.clone().find(|context| context.platform.as_deref() == Some(&platform));
        of_platform.or_else(|| of_name.find(|context| context.platform.is_none()))
    }

    async fn in_context(&self, context: &NamedContext, platform: Platform) -> Result<Image> {
        match &context.source {
            ContextSource::DockerImage(reference) => self.in_registry(reference, platform).await,
            ContextSource::OciLayout(image) => {
                let invalid = || {
                    let message =
                        "the context has no digest: its client has to say which image of the layout it is";
                    Error::new(ErrorKind::InvalidInput, message).with("name", &context.name)
                };
                let (place, digest) = image.split_once('@').ok_or_else(invalid)?;
                let last = place.rfind('/').map_or(0, |slash| slash + 1);
                let store = place[last..].find(':').map_or(place, |colon| &place[..last + colon]);
                self.in_layout(&context.name, &context.name, store, digest, platform).await
            }
            _ => {
                let message = "the context is no image: it is one with docker-image:// or oci-layout://";
                Err(Error::new(ErrorKind::InvalidInput, message).with("name", &context.name))
            }
        }
    }

    async fn in_registry(&self, reference: &str, platform: Platform) -> Result<Image> {
        let mode = self.settings.resolve_mode;
        let query = ImageQuery::new(reference)
            .with_mode(mode)
            .with_name(format!("[internal] load metadata for {reference}"));
        let found = self.look_at(query, &platform, reference).await?;
        let pinned = pinned(reference, &found.digest);
        let source = crate::Image::new(&pinned).platform(platform).resolve_mode(mode);
        image(&found, source.named(format!("[internal] load {pinned}")).state())
    }

    /// An image in a layout of this machine.
    async fn in_directory(
        &self,
        directory: &Path,
        tag: Option<&String>,
        name: &ImageName,
        platform: Platform,
    ) -> Result<Image> {
        let unserved = || {
            let message = format!("BuildKit cannot read the image `{name}`: its layout is not served");
            Error::new(ErrorKind::Unsupported, message)
        };
        let layout = self.settings.layouts.get(directory).ok_or_else(unserved)?;
        let missing = || {
            let tags: Vec<&str> = layout.images.keys().flatten().map(String::as_str).collect();
            let message = format!("there is no image `{name}`; the layout has {}", tags.join(", "));
            Error::new(ErrorKind::NotFound, message)
        };
        let digest = layout.images.get(&tag.cloned()).ok_or_else(missing)?;
        self.in_layout(&name.to_string(), LAYOUT, &layout.store, digest, platform).await
    }

    /// An image in a store of the client. `reference` is what BuildKit calls it.
    async fn in_layout(
        &self,
        name: &str,
        reference: &str,
        store: &str,
        digest: &str,
        platform: Platform,
    ) -> Result<Image> {
        let session = self.gateway.environment().session_id.as_str();
        let reference = full(&format!("{reference}@{digest}"));
        let query = ImageQuery::new(&reference).in_layout(session, store);
        let query = query.with_name(format!("[internal] load metadata for {name}"));
        let found = self.look_at(query, &platform, name).await?;
        let source = OciLayout::new(&reference).session(session).store(store).platform(platform);
        image(&found, source.named(format!("[internal] load {name}")).state())
    }

    async fn look_at(&self, query: ImageQuery, platform: &Platform, name: &str) -> Result<ResolvedImage> {
        let query = query.with_platform(platform.clone());
        self.gateway.resolve_image(query).await.map_err(|error| not_found(error).with("image", name))
    }
}

/// What BuildKit says of a source that it does not have is too little for people.
fn not_found(error: BuildError) -> Error {
    if error.message().contains("unknown scheme oci-layout") {
        let message =
            "this BuildKit reads no layouts: that of Docker Engine does with containerd's image store";
        return Error::new(ErrorKind::Unsupported, message).with_source(error);
    }
    from_build(error)
}

/// An image of the daemon has no manifest with a digest: its ID is all there is.
fn image(found: &ResolvedImage, state: State) -> Result<Image> {
    let id = || Digest::from_bytes(Sha256::digest(&found.config).into());
    let digest = if found.digest.is_empty() {
        id()
    } else {
        let corrupt = |_| Error::new(ErrorKind::Corrupt, format!("`{}` is no digest", found.digest));
        found.digest.parse().map_err(corrupt)?
    };
    Ok(Image::new(digest, found.config.clone(), Graph::new(state, "/").into_tree()))
}

/// A reference with a registry. BuildKit asks none for images in layouts, but takes references for addresses, so that a
/// digest after a name alone is a port for it.
fn full(reference: &str) -> String {
    reference.parse::<Reference>().map_or_else(|_| reference.to_owned(), |full| full.to_string())
}

/// A reference with its digest.
fn pinned(reference: &str, digest: &str) -> String {
    if digest.is_empty() || reference.contains('@') {
        return reference.to_owned();
    }
    format!("{reference}@{digest}")
}

fn parse(platform: &str) -> Result<Platform> {
    platform.parse().map_err(|error: InvalidPlatform| Error::new(ErrorKind::InvalidInput, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errdefs::Code;

    #[test]
    fn images_in_layouts_have_addresses() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let reference = full(&format!("builder@{digest}"));
        assert_eq!(reference, format!("index.docker.io/library/builder@{digest}"));
        assert_eq!(full("builder@x"), "builder@x");
    }

    #[test]
    fn where_there_are_no_layouts_it_is_said() {
        let error = |message: &str| not_found(BuildError::new(Code::NotFound, message));
        let layouts = error("failed to resolve: unknown scheme oci-layout: not found");
        assert_eq!(layouts.kind(), ErrorKind::Unsupported);
        assert!(layouts.to_string().contains("containerd's image store"), "{layouts}");
        assert_eq!(error("a:1: not found").kind(), ErrorKind::NotFound);
    }

    #[test]
    fn references_get_their_digests_once() {
        assert_eq!(pinned("localhost:5000/a:1", "sha256:x"), "localhost:5000/a:1@sha256:x");
        assert_eq!(pinned("a@sha256:y", "sha256:x"), "a@sha256:y");
        assert_eq!(pinned("a:1", ""), "a:1");
    }
}
