//! A directory of OCI layouts with one image each, as the flag `-layout-dir` names it.
//!
//! An image `example.com/app:1` is in the layout `<layout-dir>/example.com/app/1`. Source: `image/layout_handler.go`
//! of the lifecycle and `layout/util.go` of imgutil.

use std::path::Path;
use std::path::PathBuf;

use cnb_core::digest::DiffId;
use cnb_core::reference::InvalidReference;
use cnb_core::reference::Reference;
use cnb_oci::blob;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::image::Image;
use cnb_oci::layout;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;

/// The directory.
#[derive(Clone, Debug)]
pub struct LayoutDirectory {
    root: PathBuf,
}

/// An image that was found, and the layout with its blobs.
#[derive(Clone, Debug)]
pub struct LayoutImage {
    /// The layout.
    pub layout: Layout,
    /// The image.
    pub image: Image,
}

impl LayoutDirectory {
    /// The directory at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The layout of an image, given its name or the path of its layout.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn path(&self, name: &str) -> Result<PathBuf, InvalidReference> {
        if Path::new(name).starts_with(&self.root) {
            return Ok(PathBuf::from(name));
        }
        let reference: Reference = name.parse()?;
        // A name may begin with a slash, which must not make the path absolute.
        let path = self.root.join(reference.registry()).join(reference.repository().trim_start_matches('/'));
        Ok(path.join(reference.identifier().replace(':', "/")))
    }
}

impl LayoutImage {
    /// The only image of a layout, for this machine; none when there is no layout.
    ///
    /// # Errors
    /// When there is a layout without a usable image.
    pub fn find(path: &Path) -> Result<Option<Self>, layout::Error> {
        let layout = match Layout::open(path) {
            Ok(layout) => layout,
            Err(layout::Error::NoLayout { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let image = layout.image(None, &Platform::host())?;
        Ok(Some(Self { layout, image }))
    }

    /// The path of the layout and the digest of the manifest: `<path>@sha256:…`.
    pub fn identifier(&self) -> String {
        format!("{}@{}", self.layout.directory().display(), self.image.descriptor.digest)
    }

    /// The blob of a layer.
    pub fn layer(&self, diff_id: &DiffId) -> Option<&Descriptor> {
        self.image.layers().find(|(id, _)| *id == diff_id).map(|(_, descriptor)| descriptor)
    }

    /// Whether the blobs of all layers are there.
    ///
    /// # Errors
    /// When a blob cannot be read.
    pub fn is_complete(&self) -> Result<bool, blob::Error> {
        for (_, layer) in self.image.layers() {
            match self.layout.blobs().open(&layer.digest, layer.size) {
                Ok(_) => {}
                Err(blob::Error::Missing { .. } | blob::Error::Size { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
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
}
