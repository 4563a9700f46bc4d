//! What the last build left for this one.

use std::collections::BTreeMap;

use cnb_core::backend::Backend;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Image;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Layer;
use cnb_core::backend::LayerContent;
use cnb_core::backend::LayerSource;
use cnb_core::backend::Source;
use cnb_core::backend::Tree;
use cnb_core::digest::DiffId;
use cnb_core::event::Event;
use cnb_core::event::EventSink;
use cnb_core::image_name::ImageName;
use cnb_core::labels::lifecycle;
use cnb_core::labels::lifecycle::LayerDigest;
use cnb_core::labels::lifecycle::LifecycleMetadata;

use super::BuildRequest;
use super::error::During as _;
use super::error::Error;
use super::image_config::ImageConfig;

/// Where the SBOM files of an image are.
pub(super) const SBOM_DIR: &str = "/layers/sbom";

/// The layers of the last build, each checked to be there and whole.
#[derive(Debug, Default)]
pub(super) struct Previous {
    /// Its label.
    pub(super) metadata: LifecycleMetadata,
    /// Its reference, if it has a name.
    pub(super) reference: Option<String>,
    /// The image, if it has a name.
    pub(super) image: Option<Image>,
    /// The launch layers of its buildpacks.
    layers: BTreeMap<DiffId, Layer>,
}

impl Previous {
    /// Finds the previous image or, when it has no name any more, what the label of the last build says.
    ///
    /// One that is named and does not exist is told: the build is then a first one, as for the lifecycle's analyzer.
    /// A previous build whose blobs are gone or damaged is told and forgotten: the build is then a first one.
    pub(super) async fn find(
        backend: &dyn Backend,
        request: &BuildRequest,
        events: &dyn EventSink,
    ) -> Result<Self, Error> {
        if request.skip_layers {
            return Ok(Self::default());
        }
        let mut found = Self::named(backend, request, events).await?;
        if found.is_none() && backend.capabilities().existing_layers {
            found = request.last_label.as_deref().and_then(Self::labelled);
        }
        let Some(mut previous) = found else { return Ok(Self::default()) };
        if !backend.capabilities().existing_layers {
            return Ok(previous);
        }
        match previous.check(backend).await {
            Ok(layers) => previous.layers = layers,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Corrupt) => {
                let message = format!("the layers of the last build cannot be used again: {error}");
                events.event(Event::Warning { message });
                return Ok(Self::default());
            }
            Err(error) => return Err(error).during("check the layers of the last build"),
        }
        Ok(previous)
    }

    /// A launch layer of the last build.
    pub(super) fn layer(&self, diff_id: &DiffId) -> Option<&Layer> {
        self.layers.get(diff_id)
    }

    /// A tree with the SBOM files of the last build in [`SBOM_DIR`], if it has any: layers that are used again keep theirs.
    pub(super) async fn sbom_tree(&self, backend: &dyn Backend) -> Result<Option<Tree>, Error> {
        if !backend.capabilities().existing_layers {
            return self.sbom_in_root(backend).await;
        }
        let digest = self.metadata.sbom.as_ref().and_then(LayerDigest::get);
        let Some(diff_id) = digest.and_then(|digest| digest.parse().ok()) else { return Ok(None) };
        let source = Source::Layer { diff_id, image: self.image.clone() };
        match backend.load(source).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            tree => tree.map(Some).during("load the SBOM files of the last build"),
        }
    }

    async fn sbom_in_root(&self, backend: &dyn Backend) -> Result<Option<Tree>, Error> {
        let Some(image) = &self.image else { return Ok(None) };
        match backend.list(&image.root, SBOM_DIR).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            found => {
                found.map(|_| Some(image.root.clone())).during("look for SBOM files in the previous image")
            }
        }
    }

    async fn named(
        backend: &dyn Backend,
        request: &BuildRequest,
        events: &dyn EventSink,
    ) -> Result<Option<Self>, Error> {
        if let Some(name) = &request.previous {
            return match backend.resolve(ImageRequest::new(name.clone())).await {
                // It has its name before the first build, too.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let message = format!("there is no previous image `{name}`: this is a first build");
                    events.event(Event::Warning { message });
                    Ok(None)
                }
                found => {
                    let image = found.during(format!("find the previous image `{name}`"))?;
                    Ok(Self::of_image(image, name))
                }
            };
        }
        // Where the work of the last build is kept, it depends on what it started from: an image that each build makes
        // anew must not be that. The caches have its layers.
        let has_caches = request.cache.is_some() && !backend.capabilities().existing_layers;
        let outputs = if has_caches { &[][..] } else { &request.outputs };
        for name in outputs {
            // An output that cannot be read is about to be replaced; writing it tells what is wrong.
            if let Ok(image) = backend.resolve(ImageRequest::new(name.clone())).await
                && let Some(previous) = Self::of_image(image, name)
            {
                return Ok(Some(previous));
            }
        }
        Ok(None)
    }

    fn of_image(image: Image, name: &ImageName) -> Option<Self> {
        let config = ImageConfig::read(&image.config).ok()?;
        let previous = Self::labelled(config.label(lifecycle::LABEL)?)?;
        let reference = Some(format!("{name}@{}", image.digest));
        Some(Self { reference, image: Some(image), ..previous })
    }

    /// A label that cannot be read is that of no image we know: platform specification, "analyzer".
    fn labelled(label: &str) -> Option<Self> {
        let metadata = serde_json::from_str(label).ok()?;
        Some(Self { metadata, ..Self::default() })
    }

    async fn check(&self, backend: &dyn Backend) -> cnb_core::backend::Result<BTreeMap<DiffId, Layer>> {
        let mut sources = Vec::new();
        for buildpack in &self.metadata.buildpacks {
            for (name, layer) in &buildpack.layers {
                if let Ok(diff_id) = layer.sha.parse::<DiffId>() {
                    let content = LayerContent::Existing { diff_id, image: self.image.clone() };
                    sources.push(LayerSource::new(format!("{}:{name}", buildpack.id), content));
                }
            }
        }
        let layers = backend.finalize(sources).await?;
        Ok(layers.into_iter().map(|layer| (layer.diff_id.clone(), layer)).collect())
    }
}
