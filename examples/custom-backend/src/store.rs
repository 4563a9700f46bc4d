//! Images by name and layers by diffID.

use std::collections::BTreeMap;

use bytes::Bytes;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Exported;
use cnb_core::backend::File;
use cnb_core::backend::Image;
use cnb_core::backend::ImagePlan;
use cnb_core::backend::Result;
use cnb_core::backend::Tree;
use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use cnb_core::image_name::ImageName;
use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use crate::files::Files;
use crate::layers;

/// What this backend keeps. A real one keeps it on a disk or in a registry.
#[derive(Default)]
pub(crate) struct Store {
    /// The config and the layers of each image.
    images: BTreeMap<ImageName, (Bytes, Vec<DiffId>)>,
    layers: BTreeMap<DiffId, Vec<File>>,
}

impl Store {
    pub(crate) fn add_image(&mut self, name: &ImageName, files: Vec<File>) -> Result<()> {
        known(name)?;
        let diff_id = layers::diff_id(&files);
        self.keep_layer(&diff_id, files)?;
        let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [diff_id]}});
        self.images.insert(name.clone(), (config.to_string().into(), vec![diff_id]));
        Ok(())
    }

    pub(crate) fn resolve(&self, name: &ImageName) -> Result<Image> {
        known(name)?;
        let missing = || Error::new(ErrorKind::NotFound, "there is no such image").with("image", name);
        let (config, layers) = self.images.get(name).ok_or_else(missing)?;
        let mut files = Vec::new();
        for diff_id in layers {
            files.extend_from_slice(self.layer(diff_id)?);
        }
        let digest = sha256(manifest(config, layers).as_bytes());
        Ok(Image::new(digest, config.clone(), Tree::new(Files::of(files)?)))
    }

    pub(crate) fn layer(&self, diff_id: &DiffId) -> Result<&[File]> {
        let missing = || Error::new(ErrorKind::NotFound, "there is no such layer").with("diffID", diff_id);
        self.layers.get(diff_id).map(Vec::as_slice).ok_or_else(missing)
    }

    /// Keeps a layer that can be applied, and says whether it was there already.
    pub(crate) fn keep_layer(&mut self, diff_id: &DiffId, files: Vec<File>) -> Result<bool> {
        Files::of(files.clone())?;
        Ok(self.layers.insert(diff_id.clone(), files).is_some())
    }

    /// Everything is checked before the first name changes.
    pub(crate) fn export(&mut self, plan: &ImagePlan, outputs: &[ImageName]) -> Result<Vec<Exported>> {
        outputs.iter().try_for_each(known)?;
        let mut all = diff_ids(&plan.base.config)?;
        all.extend(plan.layers.iter().map(|layer| layer.diff_id.clone()));
        if diff_ids(&plan.config)? != all {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the config names other layers than the image has",
            ));
        }
        let manifest = manifest(&plan.config, &all);
        let (image_id, digest) = (sha256(&plan.config), sha256(manifest.as_bytes()));
        let write = |name: &ImageName| {
            self.images.insert(name.clone(), (plan.config.clone(), all.clone()));
            Exported::new(name.clone(), image_id.clone(), digest.clone(), manifest.len() as u64)
        };
        Ok(outputs.iter().map(write).collect())
    }
}

/// The error for what this backend does not know.
pub(crate) fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, "the workshop cannot do this").with("request", what)
}

fn known(name: &ImageName) -> Result<()> {
    match name {
        ImageName::Other { transport, .. } if transport == "workshop" => Ok(()),
        other => Err(unsupported(&other.to_string())),
    }
}

fn diff_ids(config: &[u8]) -> Result<Vec<DiffId>> {
    let invalid = |error| Error::new(ErrorKind::InvalidInput, "the config cannot be read").with_source(error);
    let mut config: Value = serde_json::from_slice(config).map_err(invalid)?;
    serde_json::from_value(config["rootfs"]["diff_ids"].take()).map_err(invalid)
}

fn manifest(config: &[u8], layers: &[DiffId]) -> String {
    json!({"config": sha256(config), "layers": layers}).to_string()
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}
