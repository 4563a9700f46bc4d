//! Images of other layouts.

use super::Error;
use super::Layout;
use super::find;
use crate::descriptor::Descriptor;
use crate::image::Image;

impl Layout {
    /// Takes over an image of another layout, manifest and config byte for byte, and gives it a tag; without one, it is
    /// the image without a tag. An image that had the tag before is not in the index any more.
    ///
    /// Blobs are verified on the way, and linked where possible.
    ///
    /// # Errors
    /// [`Error::Blob`] when a blob of the image is not there or corrupt; [`Error::Json`] when the index cannot be read.
    pub fn take_image(&self, tag: Option<&str>, from: &Self, image: &Image) -> Result<Descriptor, Error> {
        for part in image.manifest.layers.iter().chain([&image.manifest.config]) {
            self.blobs.take(&from.blobs, &part.digest, part.size)?;
        }
        let media_type = &image.descriptor.media_type;
        let descriptor = self.put_manifest_bytes(tag, media_type, &image.manifest_bytes)?;
        self.change_index(|index| find::replace(index, descriptor.clone()))?;
        Ok(descriptor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ImageConfig;
    use crate::descriptor::Manifest;
    use crate::descriptor::media_type;
    use crate::platform::Platform;

    #[test]
    fn an_image_keeps_its_bytes_and_gets_a_tag() {
        let directory = tempfile::tempdir().expect("a directory");
        let platform = Platform::host();
        let from = Layout::create(directory.path().join("from")).expect("a layout");
        let config = ImageConfig::empty(&platform.os, &platform.architecture);
        let blob = from.blobs().put(config.bytes()).expect("a blob");
        let config = Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size);
        // Others write manifests with white space.
        let bytes = serde_json::to_vec_pretty(&Manifest::new(config, Vec::new())).expect("JSON");
        let descriptor = from.put_manifest_bytes(None, media_type::OCI_MANIFEST, &bytes).expect("a manifest");
        from.change_index(|index| index.manifests = vec![descriptor.clone()]).expect("an index");
        let image = from.image(None, &platform).expect("an image");

        let to = Layout::create(directory.path().join("to")).expect("a layout");
        let taken = to.take_image(Some("app"), &from, &image).expect("it can be taken");
        assert_eq!((&taken.digest, taken.ref_name()), (&descriptor.digest, Some("app")));
        assert_eq!(to.image(Some("app"), &platform).expect("it is there").manifest_bytes, &bytes[..]);
        to.take_image(Some("app"), &from, &image).expect("it can be taken again");
        assert_eq!(to.index().expect("an index").manifests.len(), 1);
    }
}
