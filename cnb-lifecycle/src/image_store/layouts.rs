//! A directory of OCI layouts with one image each, as the flag `-layout-dir` names it.
//!
//! An image `example.com/app:1` is in the layout `<layout-dir>/example.com/app/1`. Source: `image/layout_handler.go`
//! of the lifecycle and `layout/util.go` of imgutil.

use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::digest::DiffId;
use cnb_core::reference::InvalidReference;
use cnb_core::reference::Reference;
use cnb_oci::blob;
use cnb_oci::compression::Compression;
use cnb_oci::compression::Compressor;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::media_type;
use cnb_oci::layout;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;

use super::FoundImage;
use super::ImageStore;
use super::ImageTarget;
use super::Result;
use super::layout_target::LayoutTarget;
use super::layout_target::Output;
use crate::phase::analyze::metadata;

/// The directory.
#[derive(Clone, Debug)]
pub struct LayoutDirectory {
    root: PathBuf,
    compression: Compression,
}

impl LayoutDirectory {
    /// The directory at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), compression: Compression::default() }
    }

    /// Compresses new layers in another way than the Go lifecycle.
    #[must_use]
    pub fn with_compression(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// The layout of an image, given its name or the path of its layout.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn path(&self, name: &str) -> std::result::Result<PathBuf, InvalidReference> {
        if Path::new(name).starts_with(&self.root) {
            return Ok(PathBuf::from(name));
        }
        let reference: Reference = name.parse()?;
        // A name may begin with a slash, which must not make the path absolute.
        let path = self.root.join(reference.registry()).join(reference.repository().trim_start_matches('/'));
        Ok(path.join(reference.identifier().replace(':', "/")))
    }

    fn output(&self, name: &str) -> Result<Output> {
        let reference: Reference = name.parse().map_err(not_a_name)?;
        let path = self.path(&reference.to_string()).map_err(not_a_name)?;
        Ok(Output { path, tag: reference.identifier().to_owned() })
    }
}

impl ImageStore for LayoutDirectory {
    fn name(&self, name: &str) -> Result<String> {
        Ok(self.path(name).map_err(not_a_name)?.display().to_string())
    }

    fn find(&self, name: &str) -> Result<Option<FoundImage>> {
        find(&self.path(name).map_err(not_a_name)?)
    }

    fn open(&self, identifier: &str) -> Result<FoundImage> {
        let path = identifier.split_once("@sha256:").map(|(path, _)| path);
        let path = path.ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, format!("'{identifier}' is not <path>@<digest>"))
        })?;
        let found = find(Path::new(path))?;
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no image at {path}")))
    }

    /// The layers of the run image need not be there: those of a sparse one are not copied. Go asks for no layer at all.
    fn is_complete(&self, image: &FoundImage) -> Result<bool> {
        let layout = Layout::open(&image.name).map_err(from_layout)?;
        let label = metadata(&image.image.config).unwrap_or_default();
        let is_below = |id: &DiffId| id.as_str() == label.run_image.top_layer;
        let above = image.image.layers().position(|(id, _)| is_below(id)).map_or(0, |top| top + 1);
        for (_, layer) in image.image.layers().skip(above) {
            match layout.blobs().open(&layer.digest, layer.size) {
                Ok(_) => {}
                Err(blob::Error::Missing { .. } | blob::Error::Size { .. }) => return Ok(false),
                Err(error) => return Err(from_blob(error)),
            }
        }
        Ok(true)
    }

    fn blob(&self, image: &FoundImage, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>> {
        let layout = Layout::open(&image.name).map_err(from_layout)?;
        Ok(Box::new(layout.blobs().open(&descriptor.digest, descriptor.size).map_err(from_blob)?))
    }

    /// The path of the base with the digest of an image without layers, which the Go lifecycle opens by mistake.
    ///
    /// Source: `initLayoutAppImage` in `cmd/lifecycle/exporter.go`.
    fn recorded_reference(&self, base: &FoundImage) -> String {
        format!("{}@{}", base.name, empty_image(&Platform::host().architecture))
    }

    fn target(
        &self,
        names: &[&str],
        base: &FoundImage,
        previous: Option<&FoundImage>,
    ) -> Result<Box<dyn ImageTarget>> {
        let outputs = names.iter().map(|name| self.output(name)).collect::<Result<Vec<_>>>()?;
        Ok(Box::new(LayoutTarget::new(outputs, base, previous, Compressor::new(self.compression))?))
    }
}

/// The only image of a layout, for this machine; none when there is no layout, or an export into it was killed before
/// there was an image.
fn find(path: &Path) -> Result<Option<FoundImage>> {
    let layout = match Layout::open(path) {
        Ok(layout) => layout,
        Err(layout::Error::NoLayout { .. }) => return Ok(None),
        Err(error) => return Err(from_layout(error)),
    };
    if layout.index().map_err(from_layout)?.manifests.is_empty() {
        return Ok(None);
    }
    let image = layout.image(None, &Platform::host()).map_err(from_layout)?;
    let name = path.display().to_string();
    let identifier = format!("{name}@{}", image.descriptor.digest);
    Ok(Some(FoundImage { name, identifier, image }))
}

/// The digest of an OCI image without layers, as go-containerregistry writes it.
fn empty_image(architecture: &str) -> cnb_core::digest::Digest {
    let config = format!(
        r#"{{"architecture":"{architecture}","created":"0001-01-01T00:00:00Z","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}},"config":{{}}}}"#
    );
    let config =
        Descriptor::new(media_type::OCI_CONFIG, cnb_oci::digest(config.as_bytes()), config.len() as u64);
    // Size before digest, as Go's struct has them.
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","size":{},"digest":"{}"}},"layers":[]}}"#,
        media_type::OCI_MANIFEST,
        config.media_type,
        config.size,
        config.digest
    );
    cnb_oci::digest(manifest.as_bytes())
}

fn not_a_name(error: InvalidReference) -> Error {
    Error::new(ErrorKind::InvalidInput, "parsing the name of an image").with_source(error)
}

pub(super) fn from_layout(error: layout::Error) -> Error {
    Error::new(error.kind(), "using an OCI layout").with_source(error)
}

pub(super) fn from_blob(error: blob::Error) -> Error {
    Error::new(error.kind(), "using a blob of an OCI layout").with_source(error)
}

#[cfg(test)]
mod tests {
    use cnb_oci::descriptor::Manifest;

    use super::*;

    #[test]
    fn names_become_paths() {
        let directory = LayoutDirectory::new("/out");
        let digest = "a".repeat(64);
        for (name, expected) in [
            ("example.com/app", "/out/example.com/app/latest".to_owned()),
            ("app:1", "/out/index.docker.io/library/app/1".to_owned()),
            ("/out/x/y", "/out/x/y".to_owned()),
            ("/else/x", "/out/index.docker.io/else/x/latest".to_owned()),
            (
                &format!("localhost:5000/app@sha256:{digest}"),
                format!("/out/localhost:5000/app/sha256/{digest}"),
            ),
        ] {
            assert_eq!(directory.path(name).expect(name), Path::new(&expected));
        }
        assert!(directory.path("No Name").is_err());
    }

    #[test]
    fn a_layout_without_an_image_has_none() {
        let root = tempfile::tempdir().expect("a directory");
        let directory = LayoutDirectory::new(root.path());
        let path = directory.path("app").expect("a name");
        assert!(directory.find("app").expect("no layout").is_none());
        Layout::create(path).expect("a layout");
        assert!(directory.find("app").expect("an empty layout").is_none());
    }

    #[test]
    fn layers_of_the_run_image_may_be_missing() {
        let root = tempfile::tempdir().expect("a directory");
        let directory = LayoutDirectory::new(root.path());
        let layout = Layout::create(directory.path("app").expect("a name")).expect("a layout");
        let layers = ["run", "app"].map(|layer| {
            let digest = cnb_oci::digest(layer.as_bytes());
            Descriptor::new(media_type::OCI_LAYER, digest, layer.len() as u64)
        });
        let diff_ids = layers.each_ref().map(|layer| layer.digest.as_str());
        let label = format!(r#"{{\"runImage\":{{\"topLayer\":\"{}\"}}}}"#, diff_ids[0]);
        let config = format!(
            r#"{{"config":{{"Labels":{{"io.buildpacks.lifecycle.metadata":"{label}"}}}},"rootfs":{{"type":"layers","diff_ids":{diff_ids:?}}}}}"#
        );
        let blob = layout.blobs().put(config.as_bytes()).expect("a config");
        let config = Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size);
        layout.put_only_image("latest", &Manifest::new(config, layers.into())).expect("an image");
        let image = directory.find("app").expect("a store").expect("an image");
        assert!(!directory.is_complete(&image).expect("a layout"));
        layout.blobs().put(b"app").expect("a layer");
        assert!(directory.is_complete(&image).expect("a layout"));
    }

    /// The digest is the one in every case `export-layout-*` that was recorded from the Go lifecycle.
    #[test]
    fn the_run_image_is_recorded_as_by_the_go_lifecycle() {
        let recorded = "sha256:9bff545fd88403019875bc484da593c84761e6c89bae9058b76d1054d54548d0";
        assert_eq!(empty_image("amd64").as_str(), recorded);
    }
}
