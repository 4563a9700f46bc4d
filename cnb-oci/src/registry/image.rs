//! Images: the manifest for a platform, and its config.

use bytes::Bytes;
use cnb_core::reference::Reference;
use serde::de::DeserializeOwned;

use super::Registry;
use super::error::Error;
use super::with_identifier;
use crate::descriptor::Descriptor;
use crate::descriptor::Index;
use crate::descriptor::Manifest;
use crate::image::Image;
use crate::platform::Platform;

/// More levels than anybody nests.
const MAX_INDEXES: usize = 8;

impl Registry {
    /// An image; of an image for several platforms, the one for `platform`. None when there is no such name.
    ///
    /// # Errors
    /// [`Error::NoPlatform`], [`Error::NotAnImage`]; [`Error::Corrupt`], [`Error::Json`] and [`Error::Image`] when
    /// its manifest or config is not what it says; [`Error::Status`], [`Error::Connection`].
    pub fn image(&self, reference: &Reference, platform: &Platform) -> Result<Option<Image>, Error> {
        let Some((mut descriptor, mut bytes)) = self.manifest(reference)? else {
            return Ok(None);
        };
        for _ in 0..MAX_INDEXES {
            if !descriptor.is_index() {
                return self.image_of(reference, descriptor, bytes).map(Some);
            }
            let index: Index = parse(reference, &bytes)?;
            descriptor = for_platform(reference, &index, platform)?;
            bytes = self.document(&with_identifier(reference, &descriptor.digest))?;
        }
        Err(Error::NotAnImage { image: reference.to_string(), media_type: descriptor.media_type })
    }

    /// The image whose [manifest](Registry::manifest) was read already.
    ///
    /// # Errors
    /// As [`Registry::image`].
    pub fn image_of(
        &self,
        reference: &Reference,
        descriptor: Descriptor,
        bytes: Bytes,
    ) -> Result<Image, Error> {
        if !descriptor.is_manifest() {
            let (image, media_type) = (reference.to_string(), descriptor.media_type);
            return Err(Error::NotAnImage { image, media_type });
        }
        let manifest: Manifest = parse(reference, &bytes)?;
        let config = self.blob_bytes(reference, &manifest.config)?;
        Ok(Image::new(descriptor, bytes, manifest, config)?)
    }

    /// A manifest that an index names, so that it must be there.
    fn document(&self, reference: &Reference) -> Result<Bytes, Error> {
        let not_found = || Error::Status {
            method: "GET".to_owned(),
            url: reference.to_string(),
            status: 404,
            message: "the index names it, but it is not there".to_owned(),
            retry_after: None,
            source: None,
        };
        Ok(self.manifest(reference)?.ok_or_else(not_found)?.1)
    }
}

fn for_platform(reference: &Reference, index: &Index, platform: &Platform) -> Result<Descriptor, Error> {
    index.for_platform(platform).cloned().ok_or_else(|| Error::NoPlatform {
        image: reference.to_string(),
        platform: platform.to_string(),
        offered: index.platforms().map(ToString::to_string).collect(),
    })
}

fn parse<T: DeserializeOwned>(reference: &Reference, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|source| Error::Json { url: reference.to_string(), source })
}
