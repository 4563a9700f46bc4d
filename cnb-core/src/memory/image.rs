//! Images by name, layers by diffID.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use super::files::FileTree;
use super::layer::Entries;
use super::layer::Kept;
use crate::backend::Error;
use crate::backend::ErrorKind;
use crate::backend::Exported;
use crate::backend::File;
use crate::backend::Image;
use crate::backend::ImagePlan;
use crate::backend::ImageRequest;
use crate::backend::Result;
use crate::digest::DiffId;
use crate::digest::Digest;
use crate::image_name::ImageName;

/// All that is kept.
#[derive(Debug, Default)]
pub(super) struct Images {
    names: BTreeMap<ImageName, Digest>,
    manifests: BTreeMap<Digest, Stored>,
    layers: BTreeMap<DiffId, Kept>,
}

#[derive(Clone, Debug)]
struct Stored {
    config: Bytes,
    layers: Vec<(DiffId, Kept)>,
}

impl Images {
    pub(super) fn insert_base(&mut self, name: &ImageName, files: Vec<File>) {
        let entries = Entries::of_files(files);
        let diff_id = entries.diff_id();
        let (kept, _) = self.keep(&diff_id, entries);
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        });
        self.store(name, config.to_string().into(), vec![(diff_id, kept)]);
    }

    pub(super) fn resolve(&self, request: &ImageRequest) -> Result<Image> {
        in_memory(&request.name)?;
        let missing =
            || Error::new(ErrorKind::NotFound, "there is no such image").with("image", &request.name);
        let digest = self.names.get(&request.name).ok_or_else(missing)?;
        let stored = &self.manifests[digest];
        if request.platform.as_ref().is_some_and(|wanted| *wanted != platform(&stored.config)) {
            return Err(missing());
        }
        let layers = stored.layers.iter();
        let root = layers.fold(FileTree::default(), |tree, (_, entries)| entries.onto(tree));
        Ok(Image::new(digest.clone(), stored.config.clone(), root.into_tree()))
    }

    /// A layer of an image, or any that was ever made.
    pub(super) fn layer(&self, diff_id: &DiffId, image: Option<&Image>) -> Result<Kept> {
        let stored = image.and_then(|image| self.manifests.get(&image.digest));
        let mut layers = stored.iter().flat_map(|stored| &stored.layers);
        let found = layers.find(|(found, _)| found == diff_id).map(|(_, entries)| entries);
        let missing = || Error::new(ErrorKind::NotFound, "there is no such layer").with("diffID", diff_id);
        found.or_else(|| self.layers.get(diff_id)).cloned().ok_or_else(missing)
    }

    /// Keeps a layer, and says whether it was there already.
    pub(super) fn keep(&mut self, diff_id: &DiffId, entries: Entries) -> (Kept, bool) {
        let reused = self.layers.contains_key(diff_id);
        let kept = self.layers.entry(diff_id.clone()).or_insert_with(|| Arc::new(entries));
        (Arc::clone(kept), reused)
    }

    pub(super) fn export(&mut self, plan: &ImagePlan, outputs: &[ImageName]) -> Result<Vec<Exported>> {
        outputs.iter().try_for_each(in_memory)?;
        let foreign = |what| Error::new(ErrorKind::InvalidInput, format!("the {what} is of another backend"));
        let base = self.manifests.get(&plan.base.digest).ok_or_else(|| foreign("base"))?;
        let mut layers = base.layers.clone();
        for layer in &plan.layers {
            let entries = layer.downcast_ref::<Kept>().ok_or_else(|| foreign("layer"))?;
            layers.push((layer.diff_id.clone(), Arc::clone(entries)));
        }
        let diff_ids: Vec<&str> = layers.iter().map(|(diff_id, _)| diff_id.as_str()).collect();
        check_rootfs(&plan.config, &diff_ids)?;
        Ok(outputs.iter().map(|name| self.store(name, plan.config.clone(), layers.clone())).collect())
    }

    fn store(&mut self, name: &ImageName, config: Bytes, layers: Vec<(DiffId, Kept)>) -> Exported {
        let image_id = digest(&config);
        let diff_ids: Vec<&DiffId> = layers.iter().map(|(diff_id, _)| diff_id).collect();
        let manifest = json!({"config": image_id, "layers": diff_ids}).to_string();
        let (digest, manifest_size) = (digest(manifest.as_bytes()), manifest.len() as u64);
        self.manifests.insert(digest.clone(), Stored { config, layers });
        self.names.insert(name.clone(), digest.clone());
        Exported::new(name.clone(), image_id, digest, manifest_size)
    }
}

fn in_memory(name: &ImageName) -> Result<()> {
    if matches!(name, ImageName::Other { transport, .. } if transport == "memory") {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unsupported, "the memory backend knows no such transport").with("image", name))
}

fn check_rootfs(config: &[u8], expected: &[&str]) -> Result<()> {
    let config: Value = serde_json::from_slice(config).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "the config of the image is not JSON").with_source(error)
    })?;
    let named = config["rootfs"]["diff_ids"].as_array().map_or(&[][..], Vec::as_slice);
    if named.iter().map(Value::as_str).eq(expected.iter().copied().map(Some)) {
        return Ok(());
    }
    let message = "the config names other layers than the image has";
    Err(Error::new(ErrorKind::InvalidInput, message).with("layers of the image", expected.join(" ")))
}

fn platform(config: &[u8]) -> String {
    let config: Value = serde_json::from_slice(config).unwrap_or_default();
    let text = |field| config[field].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text("os"), text("architecture"))
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}
