//! Images in files of this machine, which BuildKit gets from here.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use cnb_core::backend;
use cnb_core::backend::ErrorKind;
use cnb_core::image_name::ImageName;
use cnb_llb::backend::BuildKit;
use cnb_llb::session::Session;
use cnb_oci::archive;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;
use tempfile::TempDir;

use super::work::on_thread;
use crate::build::of_backend;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// The layouts that a build starts from.
#[derive(Clone, Debug, Default)]
pub(super) struct Served {
    layouts: Vec<Place>,
    /// Archives, and the layouts that they are unpacked to.
    archives: BTreeMap<PathBuf, PathBuf>,
    /// Has the unpacked archives.
    scratch: Option<Arc<TempDir>>,
}

/// A layout with what BuildKit can have of it.
#[derive(Clone, Debug)]
struct Place {
    directory: PathBuf,
    images: BTreeMap<Option<String>, String>,
}

impl Served {
    /// Looks at the layouts of images, and unpacks archives.
    pub(super) async fn new(images: Vec<ImageName>) -> Result<Self> {
        let served = on_thread(move || Self::read(&images)).await;
        let served = served.map_err(|error| Failure::caused(Exit::Other, &error))?;
        served.map_err(|error| Failure::caused(of_backend(&error), &error))
    }

    fn read(images: &[ImageName]) -> backend::Result<Self> {
        let mut served = Self::default();
        for image in images {
            match image {
                ImageName::Oci { directory, .. } => served.add(directory),
                ImageName::OciArchive { file, .. } => served.unpack(file)?,
                _ => {}
            }
        }
        Ok(served)
    }

    /// A layout that cannot be read has nothing: whoever looks for an image in it is told why.
    fn add(&mut self, directory: &Path) {
        if self.layouts.iter().any(|place| place.directory == directory) {
            return;
        }
        let Ok(layout) = Layout::open(directory) else { return };
        let Ok(index) = layout.index() else { return };
        let tags = index.manifests.iter().map(|entry| entry.ref_name().map(str::to_owned));
        let platform = Platform::host();
        let digest = |tag: Option<String>| {
            let image = layout.image(tag.as_deref(), &platform).ok()?;
            Some((tag, image.descriptor.digest.to_string()))
        };
        let images = tags.chain([None]).filter_map(digest).collect();
        self.layouts.push(Place { directory: directory.to_owned(), images });
    }

    fn unpack(&mut self, file: &Path) -> backend::Result<()> {
        if self.archives.contains_key(file) {
            return Ok(());
        }
        let scratch = match self.scratch.take() {
            Some(scratch) => scratch,
            None => Arc::new(scratch_directory()?),
        };
        let directory = self.scratch.insert(scratch).path().join(self.archives.len().to_string());
        archive::oci::read(file, &directory).map_err(|error| of_files(error.kind(), &error))?;
        self.add(&directory);
        self.archives.insert(file.to_owned(), directory);
        Ok(())
    }

    /// What BuildKit finds an image under that is in files of this machine.
    ///
    /// # Errors
    /// When there is no such image, and why.
    pub(super) fn find(&self, image: &ImageName) -> backend::Result<ImageName> {
        let (directory, tag) = match image {
            ImageName::Oci { directory, tag } => (directory, tag),
            ImageName::OciArchive { file, tag } => match self.archives.get(file) {
                Some(directory) => (directory, tag),
                None => return Ok(image.clone()),
            },
            other => return Ok(other.clone()),
        };
        let layout = Layout::open(directory).map_err(|error| of_files(error.kind(), &error))?;
        let found = layout.image(tag.as_deref(), &Platform::host());
        found.map_err(|error| of_files(error.kind(), &error))?;
        Ok(ImageName::Oci { directory: directory.clone(), tag: tag.clone() })
    }

    /// Has a session serve the layouts.
    pub(super) fn offer(&self, session: Session) -> Session {
        let layouts = self.layouts.iter().enumerate();
        layouts.fold(session, |session, (number, place)| session.with_layout(store(number), &place.directory))
    }

    /// Tells a backend of the layouts.
    pub(super) fn add_to(&self, backend: BuildKit) -> BuildKit {
        let layouts = self.layouts.iter().enumerate();
        layouts.fold(backend, |backend, (number, place)| {
            backend.with_layout(&place.directory, store(number), place.images.clone())
        })
    }
}

/// What BuildKit calls a layout.
fn store(number: usize) -> String {
    format!("layout-{number}")
}

/// A directory for files that are not to stay.
pub(super) fn scratch_directory() -> backend::Result<TempDir> {
    tempfile::tempdir().map_err(|error| {
        backend::Error::new(ErrorKind::Other, "cannot make a temporary directory").with_source(error)
    })
}

/// The error of files of images as that of a backend: what it says, with its causes.
pub(super) fn of_files(kind: ErrorKind, error: &dyn std::error::Error) -> backend::Error {
    let outer = backend::Error::new(kind, error.to_string());
    let causes: Vec<_> =
        std::iter::successors(error.source(), |error| error.source()).map(ToString::to_string).collect();
    if causes.is_empty() { outer } else { outer.with_source(causes.join(": ")) }
}

#[cfg(test)]
mod tests {
    use cnb_oci::config::ImageConfig;
    use cnb_oci::descriptor::Descriptor;
    use cnb_oci::descriptor::Manifest;
    use cnb_oci::descriptor::media_type;

    use super::*;

    fn layout(directory: &Path, tags: &[&str]) -> Layout {
        let layout = Layout::create(directory).expect("a layout");
        let platform = Platform::host();
        let config = ImageConfig::empty(&platform.os, &platform.architecture);
        let blob = layout.blobs().put(config.bytes()).expect("a blob");
        let config = Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size);
        for tag in tags {
            layout.put_image(Some(tag), &Manifest::new(config.clone(), Vec::new())).expect("an image");
        }
        layout
    }

    #[test]
    fn images_of_layouts_and_archives_are_found_or_it_is_said_why_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let (one, two) = (directory.path().join("one"), directory.path().join("two"));
        layout(&one, &["a"]);
        let archive = directory.path().join("two.tar");
        archive::oci::write(&layout(&two, &["b", "c"]), &archive).expect("an archive");
        let in_archive =
            |tag: &str| ImageName::OciArchive { file: archive.clone(), tag: Some(tag.to_owned()) };
        let in_one =
            |tag: Option<&str>| ImageName::Oci { directory: one.clone(), tag: tag.map(str::to_owned) };
        let served =
            Served::read(&[in_one(Some("a")), in_archive("b"), in_one(None)]).expect("they are read");
        assert_eq!(served.layouts.len(), 2);
        assert_eq!(served.layouts[0].images.keys().collect::<Vec<_>>(), [&None, &Some("a".to_owned())]);
        for name in [in_one(Some("a")), in_one(None), in_archive("c")] {
            assert!(matches!(served.find(&name), Ok(ImageName::Oci { .. })), "{name}");
        }
        for (name, kind) in [
            (in_one(Some("b")), ErrorKind::NotFound),
            (in_archive("a"), ErrorKind::NotFound),
            ("oci:/nonexistent".parse().expect("a name"), ErrorKind::NotFound),
        ] {
            assert_eq!(served.find(&name).expect_err("it is not there").kind(), kind, "{name}");
        }
        let scratch = served.scratch.as_ref().expect("there is an archive").path().to_owned();
        drop(served);
        assert!(!scratch.exists());
    }
}
