//! Where an image is, and where its blobs come from.

use bytes::Bytes;
use cnb_core::backend::ErrorKind;
use cnb_core::image_name::ImageName;
use cnb_core::reference::Reference;
use cnb_oci::archive;
use cnb_oci::blob::Blobs;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::image::Image;
use cnb_oci::layout;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;
use cnb_oci::registry::Registry;
use tempfile::TempDir;

use super::Surroundings;
use super::error::Cause;

type Result<T> = std::result::Result<T, Cause>;

/// The place of an image.
#[derive(Debug)]
pub(super) struct Place {
    /// The name of the image.
    pub(super) name: ImageName,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Layout {
        layout: Layout,
        tag: Option<String>,
        /// Where the archive that it is was unpacked, each blob verified.
        unpacked: Option<TempDir>,
    },
    Registry {
        registry: Registry,
        reference: Reference,
    },
}

impl Place {
    /// Unpacks an archive; else does nothing that takes time.
    pub(super) fn open(name: &ImageName, surroundings: &Surroundings<'_>) -> Result<Self> {
        let (layout, tag, unpacked) = match name.clone() {
            ImageName::Docker { reference } => {
                let kind = Kind::Registry { registry: surroundings.registry.clone(), reference };
                return Ok(Self { name: name.clone(), kind });
            }
            ImageName::Oci { directory, tag } => (Layout::open(directory)?, tag, None),
            ImageName::OciArchive { file, tag } => {
                let directory = tempfile::tempdir_in(surroundings.scratch)?;
                (archive::oci::read(&file, directory.path())?, tag, Some(directory))
            }
            _ => {
                let message = "only `docker://`, `oci:` and `oci-archive:` can be read";
                return Err(Cause::new(ErrorKind::Unsupported, message));
            }
        };
        Ok(Self { name: name.clone(), kind: Kind::Layout { layout, tag, unpacked } })
    }

    /// What the name names, an index or a manifest, byte for byte; in a layout with what the layout says of it.
    pub(super) fn root(&self) -> Result<(Descriptor, Bytes)> {
        match &self.kind {
            Kind::Layout { layout, tag, .. } => {
                let entry = layout.entry(tag.as_deref())?;
                let bytes = layout.blobs().read(&entry.digest, entry.size)?;
                Ok((entry, bytes))
            }
            Kind::Registry { registry, reference } => {
                registry.manifest(reference)?.ok_or_else(|| missing(reference))
            }
        }
    }

    /// A manifest that an index of the image names, byte for byte.
    pub(super) fn document(&self, descriptor: &Descriptor) -> Result<Bytes> {
        match &self.kind {
            Kind::Layout { layout, .. } => Ok(layout.blobs().read(&descriptor.digest, descriptor.size)?),
            Kind::Registry { registry, reference } => {
                let reference = by_digest(reference, &descriptor.digest);
                Ok(registry.manifest(&reference)?.ok_or_else(|| missing(&reference))?.1)
            }
        }
    }

    /// The image whose manifest was read.
    pub(super) fn image_of(&self, descriptor: &Descriptor, manifest: Bytes) -> Result<Image> {
        Ok(match &self.kind {
            Kind::Layout { layout, .. } => layout.image_of(descriptor.clone())?,
            Kind::Registry { registry, reference } => {
                registry.image_of(reference, descriptor.clone(), manifest)?
            }
        })
    }

    /// The image for a platform.
    pub(super) fn image(&self, platform: &Platform) -> Result<Image> {
        match &self.kind {
            Kind::Layout { layout, tag, .. } => Ok(layout.image(tag.as_deref(), platform)?),
            Kind::Registry { registry, reference } => {
                registry.image(reference, platform)?.ok_or_else(|| missing(reference))
            }
        }
    }

    /// The image with another tag in the same layout or archive, if there is one.
    pub(super) fn beside(&self, tag: &str, platform: &Platform) -> Result<Option<Image>> {
        let Kind::Layout { layout, .. } = &self.kind else { return Ok(None) };
        match layout.image(Some(tag), platform) {
            Err(layout::Error::NoImage { .. }) => Ok(None),
            image => Ok(Some(image?)),
        }
    }

    /// The layout that the image is in, which of an archive is somewhere else.
    pub(super) fn layout(&self) -> Option<&Layout> {
        match &self.kind {
            Kind::Layout { layout, .. } => Some(layout),
            Kind::Registry { .. } => None,
        }
    }

    /// The name of the image in its registry.
    pub(super) fn reference(&self) -> Option<&Reference> {
        match &self.kind {
            Kind::Layout { .. } => None,
            Kind::Registry { reference, .. } => Some(reference),
        }
    }

    /// Brings a blob into a directory, unless that has it.
    pub(super) fn bring(&self, blob: &Descriptor, to: &Blobs) -> Result<()> {
        let Descriptor { digest, size, .. } = blob;
        match &self.kind {
            // What is there is there by its digest already; nobody reads it here.
            _ if to.open(digest, *size).is_ok() => {}
            Kind::Layout { layout, unpacked: None, .. } => to.take(layout.blobs(), digest, *size)?,
            Kind::Layout { layout, .. } => to.take_verified(layout.blobs(), digest, *size)?,
            Kind::Registry { registry, reference } => registry.pull_blob(reference, to, blob)?,
        }
        Ok(())
    }

    /// Brings a blob into a repository, unless that has it.
    pub(super) fn send(&self, blob: &Descriptor, (registry, to): (&Registry, &Reference)) -> Result<()> {
        match &self.kind {
            Kind::Layout { layout, .. } => {
                registry.push_blob(to, layout.blobs(), blob)?;
            }
            Kind::Registry { reference, .. } if same_repository(reference, to) => {}
            Kind::Registry { registry: source, reference } => {
                registry.copy_blob((source, reference), to, blob)?;
            }
        }
        Ok(())
    }
}

/// The name of a manifest in the repository of an image.
pub(super) fn by_digest(reference: &Reference, digest: &cnb_core::digest::Digest) -> Reference {
    let name = format!("{}/{}@{digest}", reference.registry(), reference.repository());
    name.parse().expect("a name with a digest is a name")
}

fn same_repository(a: &Reference, b: &Reference) -> bool {
    (a.registry(), a.repository()) == (b.registry(), b.repository())
}

fn missing(reference: &Reference) -> Cause {
    Cause::new(ErrorKind::NotFound, format!("there is no image `{reference}`"))
}
