//! OCI image layouts: directories that hold images.
//!
//! Source: "image-layout.md" of the OCI image specification; the meaning of names is that of
//! containers-transports(5).

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::ErrorKind;
use cnb_core::digest::Digest;
use serde::de::DeserializeOwned;

mod find;
mod sweep;
mod take;

use crate::blob;
use crate::blob::Blob;
use crate::blob::Blobs;
use crate::blob::Temporary;
use crate::descriptor::Descriptor;
use crate::descriptor::Index;
use crate::descriptor::Manifest;
use crate::descriptor::REF_NAME;
use crate::image;
use crate::image::Image;
use crate::platform::Platform;

pub(crate) const VERSION_FILE: &str = "oci-layout";
pub(crate) const VERSION: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
pub(crate) const INDEX_FILE: &str = "index.json";

/// A directory with images.
///
/// An image is visible once it is complete; readers see the old or the new image of a tag. Writers of
/// several processes wait for each other for as long as it takes to change the index.
///
/// ```
/// use cnb_oci::config::ImageConfig;
/// use cnb_oci::descriptor::Descriptor;
/// use cnb_oci::descriptor::Manifest;
/// use cnb_oci::descriptor::media_type;
/// use cnb_oci::layout::Layout;
/// use cnb_oci::platform::Platform;
///
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// let layout = Layout::create(directory)?;
/// let config = ImageConfig::empty("linux", "amd64");
/// let blob = layout.blobs().put(config.bytes())?;
/// let config = Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size);
/// layout.put_image(Some("app"), &Manifest::new(config, Vec::new()))?;
///
/// let image = Layout::open(directory)?.image(Some("app"), &"linux/amd64".parse()?)?;
/// assert_eq!(image.config.architecture(), "amd64");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    blobs: Blobs,
}

impl Layout {
    /// Opens a layout to read from it.
    ///
    /// # Errors
    /// [`Error::NoLayout`] when there is none.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = directory.into();
        let version: Version = read_json(&root.join(VERSION_FILE)).map_err(|error| match error {
            Error::Blob(blob::Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Error::NoLayout { directory: root.clone() }
            }
            error => error,
        })?;
        if version.image_layout_version != "1.0.0" {
            let version = version.image_layout_version;
            return Err(Error::Version { directory: root, version });
        }
        Ok(Self { blobs: Blobs::read_only(&root), root })
    }

    /// Opens a layout to write to it. Makes it where there is none, its directory included.
    ///
    /// # Errors
    /// [`Error::Version`], [`Error::Blob`].
    pub fn create(directory: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = directory.into();
        let blobs = Blobs::create(&root)?;
        for (name, content) in [
            (INDEX_FILE, serde_json::to_string(&Index::default()).expect("it can be serialised")),
            (VERSION_FILE, VERSION.to_owned()),
        ] {
            let path = root.join(name);
            if !path.exists() {
                write(&root, content.as_bytes())?.persist_new(&path)?;
            }
        }
        Ok(Self { blobs, ..Self::open(root)? })
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.root
    }

    /// Its blobs.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// What it holds.
    ///
    /// # Errors
    /// [`Error::Json`], [`Error::Blob`].
    pub fn index(&self) -> Result<Index, Error> {
        read_json(&self.root.join(INDEX_FILE))
    }

    /// The image with a tag or, without one, the only image. Of an image for several platforms, the one for
    /// `platform`.
    ///
    /// # Errors
    /// [`Error::NoImage`], [`Error::NoPlatform`], [`Error::Ambiguous`]; [`Error::Blob`] and
    /// [`Error::Image`] when its manifest or config is not what it says.
    pub fn image(&self, tag: Option<&str>, platform: &Platform) -> Result<Image, Error> {
        let index = self.index()?;
        let mut descriptor = find::by_tag(&index, tag, &self.root)?.clone();
        // More levels than anybody nests; a cycle is impossible as digests cannot be.
        for _ in 0..8 {
            if !descriptor.is_index() {
                return self.image_of(descriptor);
            }
            let nested: Index = self.document(&descriptor)?;
            descriptor = find::by_platform(&nested, platform, &self.root)?.clone();
        }
        Err(Error::NoImage { directory: self.root.clone(), tag: tag.map(str::to_owned), tags: Vec::new() })
    }

    /// The entry of the image with a tag or, without one, of the only image: what [`Layout::image`] begins with.
    ///
    /// # Errors
    /// [`Error::NoImage`], [`Error::Ambiguous`]; [`Error::Blob`] and [`Error::Json`] when the index cannot be read.
    pub fn entry(&self, tag: Option<&str>) -> Result<Descriptor, Error> {
        find::by_tag(&self.index()?, tag, &self.root).cloned()
    }

    /// Writes a manifest or an index of images, byte for byte, whose parts are in the layout already, and gives it
    /// the tag of `entry`, which becomes its entry as it is. An image that had the tag before is not in the index
    /// any more.
    ///
    /// # Errors
    /// [`blob::Error::Missing`] and [`blob::Error::Size`] in [`Error::Blob`] when it names a blob that is not there;
    /// [`Error::Json`] when a document cannot be read.
    pub fn put_document(&self, entry: &Descriptor, bytes: &[u8]) -> Result<(), Error> {
        self.blobs.put(bytes)?;
        let parts = Index { manifests: vec![entry.clone()], ..Index::default() };
        for Blob { digest, size } in self.reachable(&parts)? {
            self.blobs.open(&digest, size)?;
        }
        self.change_index(|index| find::replace(index, entry.clone()))
    }

    /// Writes a manifest, whose blobs are in the layout already, and gives it a tag; without one, it is the
    /// image without a tag. An image that had the tag before is not in the index any more.
    ///
    /// # Errors
    /// [`blob::Error::Missing`] and [`blob::Error::Size`] in [`Error::Blob`] when the manifest names a blob
    /// that is not there; [`Error::Json`] when the index cannot be read.
    pub fn put_image(&self, tag: Option<&str>, manifest: &Manifest) -> Result<Descriptor, Error> {
        for part in manifest.layers.iter().chain([&manifest.config]) {
            self.blobs.open(&part.digest, part.size)?;
        }
        let descriptor = self.put_manifest(tag, manifest)?;
        self.change_index(|index| find::replace(index, descriptor.clone()))?;
        Ok(descriptor)
    }

    /// Writes a manifest and makes it the only image of the layout. Layers may be missing: a sparse image, whose
    /// base is elsewhere.
    ///
    /// # Errors
    /// [`blob::Error::Io`] in [`Error::Blob`]; [`Error::Json`] when the index cannot be read.
    pub fn put_only_image(&self, tag: &str, manifest: &Manifest) -> Result<Descriptor, Error> {
        let descriptor = self.put_manifest(Some(tag), manifest)?;
        self.change_index(|index| index.manifests = vec![descriptor.clone()])?;
        Ok(descriptor)
    }

    /// Writes manifest and config of an image that was found elsewhere, byte for byte, and makes it the only image
    /// of the layout, without a tag. Its layers stay where they are.
    ///
    /// # Errors
    /// [`blob::Error::Io`] in [`Error::Blob`]; [`Error::Json`] when the index cannot be read.
    pub fn put_without_layers(&self, image: &Image) -> Result<(), Error> {
        self.blobs.put(image.config.bytes())?;
        let blob = self.blobs.put(&image.manifest_bytes)?;
        let descriptor = Descriptor::new(&image.manifest.media_type, blob.digest, blob.size);
        self.change_index(|index| index.manifests = vec![descriptor])
    }

    fn put_manifest(&self, tag: Option<&str>, manifest: &Manifest) -> Result<Descriptor, Error> {
        let bytes = serde_json::to_vec(manifest).expect("it can be serialised");
        self.put_manifest_bytes(tag, &manifest.media_type, &bytes)
    }

    fn put_manifest_bytes(
        &self,
        tag: Option<&str>,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Descriptor, Error> {
        let blob = self.blobs.put(bytes)?;
        let mut descriptor = Descriptor::new(media_type, blob.digest, blob.size);
        if let Some(tag) = tag {
            descriptor.annotations.insert(REF_NAME.to_owned(), tag.into());
        }
        Ok(descriptor)
    }

    pub(crate) fn change_index(&self, change: impl FnOnce(&mut Index)) -> Result<(), Error> {
        self.blobs.sync_names()?;
        let path = self.root.join(VERSION_FILE);
        let lock = File::open(&path).map_err(blob::Error::io("open", &path))?;
        lock.lock().map_err(blob::Error::io("lock", &path))?;
        let mut index = self.index()?;
        change(&mut index);
        let bytes = serde_json::to_vec(&index).expect("it can be serialised");
        write(&self.root, &bytes)?.persist(&self.root.join(INDEX_FILE))?;
        Ok(blob::sync_directory(&self.root)?)
    }

    /// All blobs that an index refers to, in the order of their digests. What is neither an index nor an image
    /// is a blob like any other.
    pub(crate) fn reachable(&self, index: &Index) -> Result<BTreeSet<Blob>, Error> {
        let mut blobs = BTreeSet::new();
        let mut waiting = index.manifests.clone();
        while let Some(descriptor) = waiting.pop() {
            let blob = Blob { digest: descriptor.digest.clone(), size: descriptor.size };
            if !blobs.insert(blob) {
                continue;
            }
            if descriptor.is_index() {
                waiting.extend(self.document::<Index>(&descriptor)?.manifests);
            } else if descriptor.is_manifest() {
                let manifest: Manifest = self.document(&descriptor)?;
                waiting.push(manifest.config);
                waiting.extend(manifest.layers);
            }
        }
        Ok(blobs)
    }

    /// The image with this manifest, which may be one of an index.
    ///
    /// # Errors
    /// [`Error::NotAnImage`]; [`Error::Blob`] and [`Error::Image`] when its manifest or config is not what it says.
    pub fn image_of(&self, descriptor: Descriptor) -> Result<Image, Error> {
        if !descriptor.is_manifest() {
            let Descriptor { media_type, digest, .. } = descriptor;
            return Err(Error::NotAnImage { digest, media_type });
        }
        let manifest_bytes = self.blobs.read(&descriptor.digest, descriptor.size)?;
        let manifest: Manifest = parse(&manifest_bytes, &self.blobs.path(&descriptor.digest))?;
        let config = self.blobs.read(&manifest.config.digest, manifest.config.size)?;
        Ok(Image::new(descriptor, manifest_bytes, manifest, config)?)
    }

    fn document<T: DeserializeOwned>(&self, descriptor: &Descriptor) -> Result<T, Error> {
        let bytes = self.blobs.read(&descriptor.digest, descriptor.size)?;
        parse(&bytes, &self.blobs.path(&descriptor.digest))
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    image_layout_version: String,
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = fs::read(path).map_err(blob::Error::io("read", path))?;
    parse(&bytes, path)
}

pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|source| Error::Json { path: path.to_owned(), source })
}

fn write(directory: &Path, bytes: &[u8]) -> Result<Temporary, Error> {
    let mut temporary = Temporary::new(directory)?;
    let written = temporary.file().write_all(bytes);
    written.map_err(blob::Error::io("write", temporary.path()))?;
    Ok(temporary)
}

/// Why an image could not be read from or written to a layout.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There are several images, and no tag says which one is meant.
    #[error("the layout {} has several images: name one of {}", directory.display(), list(tags))]
    Ambiguous {
        /// The layout.
        directory: PathBuf,
        /// The tags it has.
        tags: Vec<String>,
    },
    /// A blob or another file cannot be read or written.
    #[error(transparent)]
    Blob(#[from] blob::Error),
    /// The parts of an image do not agree.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// A document cannot be read.
    #[error("{} is not valid", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// There is no such image.
    #[error("the layout {} has no image{}; it has {}", directory.display(), named(tag.as_ref()), list(tags))]
    NoImage {
        /// The layout.
        directory: PathBuf,
        /// The tag that was asked for.
        tag: Option<String>,
        /// The tags it has.
        tags: Vec<String>,
    },
    /// The directory is no layout.
    #[error("{} is not an OCI layout: it has no file `oci-layout`", directory.display())]
    NoLayout {
        /// The directory.
        directory: PathBuf,
    },
    /// The image is not for this platform.
    #[error("the image in {} is not for {platform}, but for {}", directory.display(), list(offered))]
    NoPlatform {
        /// The layout.
        directory: PathBuf,
        /// The platform that was asked for.
        platform: String,
        /// The platforms there are.
        offered: Vec<String>,
    },
    /// It is something else.
    #[error("{digest} is not an image, but of the media type `{media_type}`")]
    NotAnImage {
        /// What was found.
        digest: Digest,
        /// What it is.
        media_type: String,
    },
    /// The layout has a format of the future.
    #[error("the layout {} has version {version}; only 1.0.0 is known", directory.display())]
    Version {
        /// The layout.
        directory: PathBuf,
        /// Its version.
        version: String,
    },
}

impl Error {
    /// What a backend says of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Blob(error) => error.kind(),
            Self::Image(error) => error.kind(),
            Self::Json { .. } => ErrorKind::Corrupt,
            Self::Ambiguous { .. } => ErrorKind::InvalidInput,
            Self::NoImage { .. } | Self::NoLayout { .. } | Self::NoPlatform { .. } => ErrorKind::NotFound,
            Self::NotAnImage { .. } | Self::Version { .. } => ErrorKind::Unsupported,
        }
    }
}

fn named(tag: Option<&String>) -> String {
    tag.map_or_else(String::new, |tag| format!(" `{tag}`"))
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
