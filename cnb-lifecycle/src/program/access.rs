//! What a phase reaches of the images that it is started with.

use super::Invocation;
use super::failure::Failure;
use super::failure::code;
use super::resolve::Images;
use crate::image_store::ImageStore;
use crate::image_store::layouts::LayoutDirectory;
use crate::layer_cache::LayerCache;

/// Reaches images.
pub(super) struct Access;

impl Access {
    /// Access to the images that the inputs name, and to others.
    pub(super) fn new(_: &Invocation, _: &[&str]) -> Result<Self, Failure> {
        Ok(Self)
    }

    /// Where images are found and written.
    pub(super) fn store(&self, invocation: &Invocation) -> Result<Box<dyn ImageStore>, Failure> {
        if invocation.inputs.use_layout {
            return Ok(Box::new(LayoutDirectory::new(&invocation.inputs.layout_dir)));
        }
        Err(Failure::new("open registry", "this lifecycle cannot reach registries"))
    }

    /// Makes sure that the images can be read and written, as far as registries have them.
    pub(super) fn check(&self, invocation: &Invocation, _: &Images) -> Result<(), Failure> {
        if invocation.inputs.use_layout {
            return Ok(());
        }
        Err(Failure::new("open registry", "this lifecycle cannot reach registries").with_code(code::ANALYZE))
    }

    /// Opens the cache image.
    pub(super) fn cache_image(&self, _: &Invocation) -> Result<Box<dyn LayerCache>, Failure> {
        Err(Failure::new("create image cache", "this lifecycle cannot reach registries"))
    }
}
