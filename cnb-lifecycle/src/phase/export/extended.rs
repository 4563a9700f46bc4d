//! The run image as the extender left it: `<extended>/run/<digest>` is an OCI layout that has the layers of extensions
//! and lacks those of the run image.
//!
//! Source: `image/layout.go` of the lifecycle.

use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::digest::DiffId;
use cnb_oci::apply::decompress;
use cnb_oci::config::ImageConfig;
use cnb_oci::image::Image;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layout;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;

use crate::export::ExtendedLayer;
use crate::export::extended;

/// The image.
#[derive(Clone, Debug)]
pub struct ExtendedRunImage {
    layout: Layout,
    image: Image,
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtendedError {
    /// The directory has several.
    #[error("expected directory {:?} to have only 1 item; found {found}", directory.display().to_string())]
    Ambiguous {
        /// The directory.
        directory: PathBuf,
        /// How many it has.
        found: usize,
    },
    /// The directory cannot be read.
    #[error("reading {}", directory.display())]
    Io {
        /// The directory.
        directory: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The image cannot be read.
    #[error("reading the extended run image")]
    Layout(#[source] layout::Error),
}

impl ExtendedRunImage {
    /// The only image in `<extended>/run`; nothing when it has none.
    ///
    /// # Errors
    /// When it has several, or they cannot be read.
    pub fn find(directory: &Path) -> Result<Option<Self>, ExtendedError> {
        let entries: Vec<PathBuf> = match entries(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            entries => {
                entries.map_err(|source| ExtendedError::Io { directory: directory.to_owned(), source })?
            }
        };
        match entries.as_slice() {
            [] => Ok(None),
            [path] => Self::open(path).map(Some).map_err(ExtendedError::Layout),
            _ => Err(ExtendedError::Ambiguous { directory: directory.to_owned(), found: entries.len() }),
        }
    }

    fn open(path: &Path) -> Result<Self, layout::Error> {
        let layout = Layout::open(path)?;
        let image = layout.image(None, &Platform::host())?;
        Ok(Self { layout, image })
    }

    /// Its config.
    pub fn config(&self) -> &ImageConfig {
        &self.image.config
    }

    /// The layers of extensions.
    pub fn layers(&self) -> Vec<ExtendedLayer> {
        extended::layers(&self.image, |blob| self.layout.blobs().path(&blob.digest).exists())
    }

    /// Writes a layer, given by its [index](ExtendedLayer::index), with the times of all others.
    ///
    /// # Errors
    /// When its blob is not there, or is not what it says, or `out` fails.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn write_layer(&self, index: usize, out: &mut dyn Write) -> io::Result<DiffId> {
        let blob = &self.image.manifest.layers[index];
        let write = || -> Result<DiffId, Box<dyn std::error::Error + Send + Sync>> {
            let bytes = self.layout.blobs().open(&blob.digest, blob.size)?;
            let mut writer = LayerWriter::new(out, Dialect::Lifecycle);
            writer.entries(decompress(&blob.media_type, bytes)?)?;
            Ok(writer.finish()?.1.diff_id)
        };
        write().map_err(io::Error::other)
    }
}

fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use cnb_core::backend::File;
    use cnb_oci::descriptor::Descriptor;
    use cnb_oci::descriptor::Manifest;
    use cnb_oci::descriptor::media_type;
    use serde_json::json;

    use super::*;

    fn layer() -> (Vec<u8>, DiffId) {
        let mut writer = LayerWriter::new(Vec::new(), Dialect::Lifecycle);
        writer.file(&File::regular("/opt/tool", "tool")).expect("a file");
        let (tar, written) = writer.finish().expect("a layer");
        (tar, written.diff_id)
    }

    fn extend(directory: &Path) {
        let layout = Layout::create(directory).expect("a layout");
        let (tar, diff_id) = layer();
        let base = cnb_oci::digest(b"base");
        let config = json!({"rootfs": {"diff_ids": [base, diff_id]}, "config": {"User": "1"}}).to_string();
        let config = layout.blobs().put(config.as_bytes()).expect("a config");
        let config = Descriptor::new(media_type::OCI_CONFIG, config.digest, config.size);
        let blob = layout.blobs().put(&tar).expect("a layer");
        let layers = vec![
            Descriptor::new(media_type::OCI_LAYER, base, 1),
            Descriptor::new(media_type::OCI_LAYER, blob.digest, blob.size),
        ];
        layout.put_only_image("latest", &Manifest::new(config, layers)).expect("an image");
    }

    #[test]
    fn the_layers_that_are_there_are_those_of_extensions() {
        let directory = tempfile::tempdir().expect("a directory");
        let run = directory.path().join("run");
        assert!(ExtendedRunImage::find(&run).expect("no directory").is_none());
        fs::create_dir(&run).expect("a directory");
        assert!(ExtendedRunImage::find(&run).expect("no image").is_none());
        extend(&run.join("sha256:1"));
        let image = ExtendedRunImage::find(&run).expect("a directory").expect("an image");
        assert_eq!(image.config().user(), "1");
        let layers = image.layers();
        assert_eq!(layers.iter().map(|layer| layer.index).collect::<Vec<_>>(), [1]);
        let mut out = Vec::new();
        let diff_id = image.write_layer(1, &mut out).expect("a layer");
        assert_eq!((out, diff_id), layer());
        extend(&run.join("sha256:2"));
        let error = ExtendedRunImage::find(&run).expect_err("two images").to_string();
        assert!(error.ends_with("to have only 1 item; found 2"), "{error}");
    }
}
