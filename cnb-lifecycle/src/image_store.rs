//! Where phases find images, and where they write them.
//!
//! [`LayoutDirectory`](layouts::LayoutDirectory) is a store of OCI layouts,
//! [`RegistryStore`](registry::RegistryStore) one of registries. A store of your own is what it takes to
//! embed the phases in a platform that keeps its images elsewhere.

use std::fmt::Debug;
use std::io;
use std::io::Read;
use std::io::Write;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use cnb_oci::apply::decompress;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::image::Image;

mod layout_target;
pub mod layouts;
pub mod registry;
mod verified;

pub use verified::WrongDigest;

use verified::Verified;

/// What the methods of this module return.
pub type Result<T> = std::result::Result<T, Error>;

/// Writes the tar of a layer and says its diffID. A target that has to repeat a transfer calls it again.
pub type WriteLayer<'a> = dyn Fn(&mut dyn Write) -> io::Result<DiffId> + Sync + 'a;

/// Finds images by their names.
pub trait ImageStore: Debug + Send + Sync {
    /// What messages and analyzed.toml call the image with this name.
    ///
    /// # Errors
    /// When the text is not a name.
    fn name(&self, name: &str) -> Result<String>;

    /// The image with this name for the platform of this machine; none when there is none.
    ///
    /// # Errors
    /// When the text is not a name, or it cannot be told whether there is such an image.
    fn find(&self, name: &str) -> Result<Option<FoundImage>>;

    /// The image with this [identifier](FoundImage::identifier).
    ///
    /// # Errors
    /// When there is no such image, or it cannot be read.
    fn open(&self, identifier: &str) -> Result<FoundImage>;

    /// Whether all layers of the image are there.
    ///
    /// # Errors
    /// When that cannot be told.
    fn is_complete(&self, image: &FoundImage) -> Result<bool>;

    /// A blob of the image. Reading fails at the end when it is not what its digest says.
    ///
    /// # Errors
    /// When the image has no such blob, or it cannot be read.
    fn blob(&self, image: &FoundImage, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>>;

    /// The tar of a layer. Reading fails at the end when it is not what its digests say.
    ///
    /// # Errors
    /// When the image has no such layer, or it cannot be read.
    fn layer(&self, image: &FoundImage, diff_id: &DiffId) -> Result<Box<dyn Read + Send>> {
        let descriptor = layer_of(image, diff_id)?;
        layer_tar(self.blob(image, descriptor)?, descriptor, diff_id)
    }

    /// What images that are based on `base` say about where it is.
    fn recorded_reference(&self, base: &FoundImage) -> String {
        base.identifier.clone()
    }

    /// Starts an image that will have these names, the first of which names it in messages. Layers are taken from
    /// `base` and from the `previous` image.
    ///
    /// # Errors
    /// When a text is not a name, or nothing can be written there.
    fn target(
        &self,
        names: &[&str],
        base: &FoundImage,
        previous: Option<&FoundImage>,
    ) -> Result<Box<dyn ImageTarget>>;
}

/// An image in a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FoundImage {
    /// What it was found as.
    pub name: String,
    /// What names exactly this image, for example `registry.example.com/app@sha256:…`.
    pub identifier: String,
    /// The image.
    pub image: Image,
}

impl FoundImage {
    /// An image with these parts; for stores.
    pub fn new(name: impl Into<String>, identifier: impl Into<String>, image: Image) -> Self {
        Self { name: name.into(), identifier: identifier.into(), image }
    }

    /// The blob of a layer.
    pub fn layer(&self, diff_id: &DiffId) -> Option<&Descriptor> {
        self.image.layers().find(|(id, _)| *id == diff_id).map(|(_, descriptor)| descriptor)
    }
}

/// An image while it is made. Several layers may be made at the same time.
pub trait ImageTarget: Debug + Send + Sync {
    /// What messages call the image.
    fn name(&self) -> String;

    /// Compresses and keeps a layer.
    ///
    /// # Errors
    /// When `write` fails, or the layer cannot be kept.
    fn add(&self, write: &WriteLayer<'_>) -> Result<(DiffId, Descriptor)>;

    /// Does what it can so that a layer of the previous image, which may be the same in this one, can be reused soon.
    /// Called while that is found out; what is wrong with the layer is found by [`reuse`](Self::reuse).
    fn prepare_reuse(&self, diff_id: &DiffId) {
        let _ = diff_id;
    }

    /// Takes over a layer of the previous image.
    ///
    /// # Errors
    /// When the previous image does not have it.
    fn reuse(&self, diff_id: &DiffId) -> Result<Descriptor>;

    /// Writes the image, whose layers are those of the base, then layers that were [added](Self::add) or
    /// [reused](Self::reuse), under all its names. `manifest` says everything but the digest and the size of the
    /// config.
    ///
    /// # Errors
    /// When no name was written. A name keeps its old image when it cannot be written.
    fn save(&self, manifest: Manifest, config: &[u8]) -> Result<Saved>;
}

/// An image that was written.
#[derive(Debug)]
#[non_exhaustive]
pub struct Saved {
    /// Each name, with the reason if it was not written.
    pub names: Vec<(String, Result<()>)>,
    /// How messages identify the image.
    pub identifier: String,
    /// The digest of the manifest, if the store names images by it.
    pub digest: Option<Digest>,
    /// Bytes of the manifest.
    pub manifest_size: u64,
}

impl Saved {
    /// An image with these parts; for targets.
    pub fn new(
        names: Vec<(String, Result<()>)>,
        identifier: impl Into<String>,
        digest: Option<Digest>,
        manifest_size: u64,
    ) -> Self {
        Self { names, identifier: identifier.into(), digest, manifest_size }
    }
}

/// The blob of a layer that an image is expected to have.
fn layer_of<'a>(image: &'a FoundImage, diff_id: &DiffId) -> Result<&'a Descriptor> {
    let missing = || Error::new(ErrorKind::NotFound, format!("{} has no layer {diff_id}", image.name));
    image.layer(diff_id).ok_or_else(missing)
}

/// The tar in the blob of a layer.
fn layer_tar(
    blob: impl Read + Send + 'static,
    descriptor: &Descriptor,
    diff_id: &DiffId,
) -> Result<Box<dyn Read + Send>> {
    let tar = decompress(&descriptor.media_type, blob).map_err(|source| {
        Error::new(ErrorKind::Unsupported, format!("reading the layer {diff_id}")).with_source(source)
    })?;
    Ok(Box::new(Verified::new(tar, diff_id.clone())))
}

fn not_in_previous(diff_id: &DiffId) -> Error {
    let message = format!("reusing layer: previous image has no layer with diff ID '{diff_id}'");
    Error::new(ErrorKind::NotFound, message)
}
