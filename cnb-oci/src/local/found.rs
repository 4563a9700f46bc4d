//! Images that were found, and their root file systems, unpacked when something needs them.

use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use cnb_core::backend;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Result;
use cnb_core::backend::Tree;
use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use cnb_core::image_name::ImageName;
#[cfg(feature = "registry")]
use cnb_core::reference::Reference;

use super::blobs::LocalLayer;
use super::error::at;
use super::error::from_archive;
use super::error::from_layout;
use super::machine::Machine;
#[cfg(feature = "registry")]
use super::remote;
use super::roots;
use super::stop::Stop;
use super::store;
use super::store::Scratch;
use super::tree::Directory;
use super::tree::LocalTree;
use super::unpack;
use super::userns::Mapping;
use crate::apply::Options;
use crate::archive;
use crate::blob::Blobs;
use crate::descriptor::Descriptor;
use crate::image::Image;
use crate::in_use::InUse;
use crate::layout::Layout;
use crate::parallel;
use crate::platform::Platform;

/// An image, and where its blobs are.
#[derive(Debug)]
pub(super) struct Found {
    image: Image,
    blobs: Blobs,
    /// Where root file systems of this mode are.
    roots: PathBuf,
    mapping: Mapping,
    stop: Stop,
    /// Its root file system, once something needed it.
    root: Mutex<Option<(PathBuf, InUse)>>,
    /// The unpacked archive that the blobs are in.
    _archive: Option<Scratch>,
    /// Where to get the blobs that are not here yet.
    origin: Option<Box<dyn Origin>>,
}

/// Has the blobs of an image that was found elsewhere.
pub(super) trait Origin: Debug + Send + Sync {
    /// Brings a blob here, unless it is here. It is verified on the way, and stays as long as this value.
    fn fetch(&self, descriptor: &Descriptor) -> Result<()>;

    /// The name of the image there.
    #[cfg(feature = "registry")]
    fn reference(&self) -> &Reference;
}

/// Finds an image by its name.
pub(super) fn resolve(machine: &Machine, request: &ImageRequest) -> Result<backend::Image> {
    let platform = match &request.platform {
        Some(text) => text.parse().map_err(|error| {
            Error::new(ErrorKind::InvalidInput, format!("`{text}` is not a platform")).with_source(error)
        })?,
        None => Platform::host(),
    };
    let (layout, tag, archive) = match &request.name {
        #[cfg(feature = "registry")]
        ImageName::Docker { reference } => {
            let (image, origin) = remote::find(machine, reference, &platform)?;
            return Ok(found(machine, image, machine.layers.blobs().clone(), None, Some(Box::new(origin))));
        }
        ImageName::Oci { directory, tag } => (Layout::open(directory).map_err(from_layout)?, tag, None),
        ImageName::OciArchive { file, tag } => {
            let scratch = machine.session.work()?;
            let layout = archive::oci::read(file, scratch.path()).map_err(from_archive)?;
            (layout, tag, Some(scratch))
        }
        name => {
            let message =
                format!("images of `{name}` cannot be read; use `docker://`, `oci:` or `oci-archive:`");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
    };
    let image = layout.image(tag.as_deref(), &platform).map_err(from_layout)?;
    Ok(found(machine, image, layout.blobs().clone(), archive, None))
}

fn found(
    machine: &Machine,
    image: Image,
    blobs: Blobs,
    archive: Option<Scratch>,
    origin: Option<Box<dyn Origin>>,
) -> backend::Image {
    let (digest, config) = (image.descriptor.digest.clone(), image.config.bytes().clone());
    let (roots, mapping, stop) = (machine.roots.clone(), machine.mapping, machine.stop.clone());
    let root = Mutex::default();
    let found = Arc::new(Found { image, blobs, roots, mapping, stop, root, _archive: archive, origin });
    backend::Image::new(digest, config, Tree::new(LocalTree::of_image(found)))
}

impl Found {
    /// The value behind an image of this backend.
    pub(super) fn of(image: &backend::Image) -> Result<&Arc<Self>> {
        LocalTree::of(&image.root)?
            .image()
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the image was not found by this backend"))
    }

    /// The digests of its layer tars, lowest first.
    pub(super) fn diff_ids(&self) -> &[DiffId] {
        self.image.config.diff_ids()
    }

    /// Its layers, lowest first.
    pub(super) fn layers(self: &Arc<Self>) -> impl Iterator<Item = (&DiffId, LocalLayer)> {
        self.image.layers().map(|(diff_id, descriptor)| {
            (diff_id, LocalLayer::of_image(self, self.blobs.clone(), descriptor.clone()))
        })
    }

    /// Brings a blob here, if it is elsewhere.
    pub(super) fn fetch(&self, descriptor: &Descriptor) -> Result<()> {
        self.origin.as_ref().map_or(Ok(()), |origin| origin.fetch(descriptor))
    }

    /// Where else its blobs are.
    #[cfg(feature = "registry")]
    pub(super) fn origin(&self) -> Option<&Reference> {
        self.origin.as_ref().map(|origin| origin.reference())
    }

    /// Unpacks the layers into a new directory, which becomes the root when it is complete.
    fn unpack(&self, new: &Path, root: &Path) -> Result<()> {
        store::remove(new);
        fs::create_dir(new).map_err(at("create", new))?;
        fs::set_permissions(new, fs::Permissions::from_mode(0o755)).map_err(at("change the mode of", new))?;
        let options = Options::new(unpack::owners(self.mapping));
        let layers = self.image.layers().map(|(_, descriptor)| descriptor).collect();
        parallel::map(layers, |descriptor| self.fetch(descriptor))?;
        for (diff_id, descriptor) in self.image.layers() {
            unpack::layer(&self.blobs, descriptor, diff_id, new, &options, &self.stop)?;
        }
        // What was checked must be what is there after a crash of the machine: it is not checked again.
        let unpacked = fs::File::open(new).map_err(at("open", new))?;
        rustix::fs::syncfs(&unpacked).map_err(|errno| at("write", new)(errno.into()))?;
        fs::rename(new, root).map_err(at("create", root))
    }
}

impl Directory for Arc<Found> {
    fn path(&self) -> Result<PathBuf> {
        let mut root = self.root.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((path, _)) = &*root {
            return Ok(path.clone());
        }
        let unpack = |new: &Path, root: &Path| self.unpack(new, root);
        let taken = roots::take(&self.roots, &chain_id(self.diff_ids()), &self.stop, unpack)?;
        Ok(root.insert(taken).0.clone())
    }
}

/// What identifies layers on top of each other: "Layer ChainID" of the OCI image configuration.
fn chain_id(diff_ids: &[DiffId]) -> Digest {
    let mut ids = diff_ids.iter().cloned();
    let lowest = ids.next().unwrap_or_else(|| crate::digest(b""));
    ids.fold(lowest, |chain, diff_id| crate::digest(format!("{chain} {diff_id}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_id_depends_on_all_layers_and_their_order() {
        let [a, b] = [1, 2].map(|byte| DiffId::from_bytes([byte; 32]));
        assert_eq!(chain_id(std::slice::from_ref(&a)), a);
        let both = chain_id(&[a.clone(), b.clone()]);
        assert_eq!(both, crate::digest(format!("{a} {b}").as_bytes()));
        assert_ne!(both, chain_id(&[b, a]));
    }
}
