//! Images in registries.
//!
//! Source: `remote/` of imgutil: an image that does not exist, that nobody may know of, or that is for other
//! platforms only counts as missing.

use std::io::Read;
use std::sync::Mutex;
use std::sync::PoisonError;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::digest::DiffId;
use cnb_core::reference::InvalidReference;
use cnb_core::reference::Reference;
use cnb_oci::compression::Compression;
use cnb_oci::compression::Compressor;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::parallel;
use cnb_oci::platform::Platform;
use cnb_oci::registry;
use cnb_oci::registry::Registry;

use super::FoundImage;
use super::ImageStore;
use super::ImageTarget;
use super::Result;
use super::Saved;
use super::WriteLayer;
use super::not_in_previous;

/// All registries that a client reaches.
#[derive(Clone, Debug)]
pub struct RegistryStore {
    registry: Registry,
    compression: Compression,
}

impl RegistryStore {
    /// The images that the client can find and write.
    pub fn new(registry: Registry) -> Self {
        Self { registry, compression: Compression::default() }
    }

    /// Compresses new layers in another way than the Go lifecycle.
    #[must_use]
    pub fn with_compression(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }
}

impl ImageStore for RegistryStore {
    fn name(&self, name: &str) -> Result<String> {
        reference(name).map(|_| name.to_owned())
    }

    fn find(&self, name: &str) -> Result<Option<FoundImage>> {
        let reference = reference(name)?;
        let image = match self.registry.image(&reference, &Platform::host()) {
            Err(registry::Error::NoPlatform { .. }) => None,
            Err(error) if error.is_unauthorized() => None,
            image => image.map_err(from_registry)?,
        };
        let found = |image: cnb_oci::image::Image| {
            let digest = &image.descriptor.digest;
            let identifier = format!("{}/{}@{digest}", reference.registry(), reference.repository());
            FoundImage { name: name.to_owned(), identifier, image }
        };
        Ok(image.map(found))
    }

    fn open(&self, identifier: &str) -> Result<FoundImage> {
        let missing = || Error::new(ErrorKind::NotFound, format!("there is no image {identifier}"));
        self.find(identifier)?.ok_or_else(missing)
    }

    fn is_complete(&self, image: &FoundImage) -> Result<bool> {
        let reference = reference(&image.identifier)?;
        let layers = image.image.manifest.layers.iter().collect();
        let there = |layer: &Descriptor| self.registry.has_blob(&reference, &layer.digest);
        Ok(parallel::map(layers, there).map_err(from_registry)?.into_iter().all(|there| there))
    }

    fn blob(&self, image: &FoundImage, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>> {
        let blob = self.registry.blob(&reference(&image.identifier)?, descriptor).map_err(from_registry)?;
        Ok(Box::new(blob))
    }

    fn target(
        &self,
        names: &[&str],
        base: &FoundImage,
        previous: Option<&FoundImage>,
    ) -> Result<Box<dyn ImageTarget>> {
        let parse = |name: &&str| Ok(((*name).to_owned(), reference(name)?));
        let names = names.iter().map(parse).collect::<Result<Vec<_>>>()?;
        if names.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "the image has no name"));
        }
        let previous = previous.map(|image| Ok((reference(&image.identifier)?, image.clone())));
        Ok(Box::new(RegistryTarget {
            registry: self.registry.clone(),
            names,
            base: (reference(&base.identifier)?, base.clone()),
            previous: previous.transpose()?,
            compressor: Compressor::new(self.compression),
        }))
    }
}

/// An image that is written to a registry. Layers go to the repository of its first name.
#[derive(Debug)]
struct RegistryTarget {
    registry: Registry,
    names: Vec<(String, Reference)>,
    base: (Reference, FoundImage),
    previous: Option<(Reference, FoundImage)>,
    compressor: Compressor,
}

impl RegistryTarget {
    fn first(&self) -> &Reference {
        &self.names[0].1
    }

    /// Copies blobs between repositories, several at a time.
    fn copy(&self, from: &Reference, to: &Reference, blobs: Vec<&Descriptor>) -> Result<()> {
        let copy = |blob: &Descriptor| self.registry.copy_blob((&self.registry, from), to, blob).map(|_| ());
        parallel::map(blobs, copy).map(|_| ()).map_err(from_registry)
    }

    /// Gives the image one more name.
    fn put(&self, name: &Reference, manifest: &Manifest, bytes: &[u8]) -> Result<()> {
        if name.repository() != self.first().repository() {
            self.copy(self.first(), name, manifest.layers.iter().chain([&manifest.config]).collect())?;
        }
        self.registry.put_manifest(name, &manifest.media_type, bytes).map_err(from_registry)?;
        Ok(())
    }
}

impl ImageTarget for RegistryTarget {
    fn name(&self) -> String {
        self.names[0].0.clone()
    }

    fn add(&self, write: &WriteLayer<'_>) -> Result<(DiffId, Descriptor)> {
        let written = Mutex::new(None);
        let blob = self.registry.upload(self.first(), &|out| {
            let mut layer = self.compressor.writer(out);
            let diff_id = write(&mut layer)?;
            layer.finish()?;
            *written.lock().unwrap_or_else(PoisonError::into_inner) = Some(diff_id);
            Ok(())
        });
        let blob = blob.map_err(from_registry)?;
        let diff_id = written.into_inner().unwrap_or_else(PoisonError::into_inner);
        let diff_id = diff_id.expect("what was uploaded was written to its end");
        Ok((
            diff_id,
            Descriptor::new(self.compressor.compression().docker_media_type(), blob.digest, blob.size),
        ))
    }

    fn reuse(&self, diff_id: &DiffId) -> Result<Descriptor> {
        let found = self.previous.as_ref().and_then(|(from, image)| Some((from, image.layer(diff_id)?)));
        let (from, descriptor) = found.ok_or_else(|| not_in_previous(diff_id))?;
        self.copy(from, self.first(), vec![descriptor])?;
        Ok(descriptor.clone())
    }

    fn save(&self, mut manifest: Manifest, config: &[u8]) -> Result<Saved> {
        let blob = self.registry.put_blob(self.first(), config).map_err(from_registry)?;
        (manifest.config.digest, manifest.config.size) = (blob.digest, blob.size);
        let (from, base) = &self.base;
        self.copy(from, self.first(), base.image.manifest.layers.iter().collect())?;
        let bytes = serde_json::to_vec(&manifest).expect("all keys are strings");
        let digest = cnb_oci::digest(&bytes);
        let put =
            |(name, reference): &(String, Reference)| (name.clone(), self.put(reference, &manifest, &bytes));
        let names = self.names.iter().map(put).collect();
        Ok(Saved::new(names, digest.to_string(), Some(digest), bytes.len() as u64))
    }
}

fn reference(name: &str) -> Result<Reference> {
    name.parse().map_err(|error: InvalidReference| {
        Error::new(ErrorKind::InvalidInput, "parsing the name of an image").with_source(error)
    })
}

pub(crate) fn from_registry(error: registry::Error) -> Error {
    let new = Error::new(error.kind(), "using a registry");
    let new = if error.is_retryable() { new.retryable() } else { new };
    new.with_source(error)
}
