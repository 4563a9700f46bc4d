//! Where phases find the layers with `cache = true` of the build before, and where they leave those of this one.
//!
//! A [`VolumeCache`] is a cache in a directory, a [`CacheImage`](image::CacheImage) one in a registry.
//! Both are also what is kept for everybody else: [`VolumeStore`](cnb_cache::store::VolumeStore),
//! [`LayoutStore`](layouts::LayoutStore).

pub mod image;
pub mod layouts;

use std::fmt::Debug;
use std::io;
use std::io::Read;
use std::io::Write;

use cnb_cache::volume::VolumeCache;
use cnb_cache::volume::VolumeError;
use cnb_core::backend::Error;
use cnb_core::digest::DiffId;
use cnb_core::labels::lifecycle::CacheMetadata;
use cnb_oci::blob;

use crate::image_store::WriteLayer;

/// A cache that nobody else writes to at the same time. What is staged replaces all of its content at once.
pub trait LayerCache: Debug + Send + Sync {
    /// Whether there is a content.
    fn exists(&self) -> bool;

    /// Which layers the cache holds; none when its metadata cannot be understood.
    ///
    /// # Errors
    /// When there is metadata that cannot be read.
    fn metadata(&self) -> Result<CacheMetadata, CacheError>;

    /// The tar of a layer. Reading to the end fails when it does not have this digest.
    ///
    /// # Errors
    /// [`CacheError::Unusable`] when the layer is missing or damaged.
    fn read(&self, diff_id: &str) -> Result<Box<dyn Read + Send>, CacheError>;

    /// Does what it can so that a layer, which may be the same in this build, can be reused soon. Called while other
    /// work is done; a layer that is missing or damaged is found by [`reuse`](Self::reuse).
    fn prepare_reuse(&self, diff_id: &DiffId) {
        let _ = diff_id;
    }

    /// Stages a layer that the cache holds.
    ///
    /// # Errors
    /// [`CacheError::Unusable`] when the layer is missing or damaged.
    fn reuse(&self, diff_id: &DiffId) -> Result<(), CacheError>;

    /// Stages a layer that `write` writes, whose diffID is known.
    ///
    /// # Errors
    /// When the layer cannot be written.
    fn add(&self, diff_id: &DiffId, write: &WriteLayer<'_>) -> Result<(), CacheError>;

    /// Makes what was staged the content of the cache.
    ///
    /// # Errors
    /// When that fails: then the old content stays.
    fn commit(self: Box<Self>, metadata: &CacheMetadata) -> Result<(), CacheError>;
}

/// Why a cache cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The cache itself cannot be read or written.
    #[error(transparent)]
    Failed(#[from] Error),
    /// One layer is missing or damaged: a build can go on without it.
    #[error("{0}")]
    Unusable(String),
}

impl From<VolumeError> for CacheError {
    fn from(error: VolumeError) -> Self {
        match error {
            VolumeError::Unusable(reason) => Self::Unusable(reason),
            VolumeError::Io { ref source, .. } => {
                let kind = blob::kind_of(source);
                Error::new(kind, "using the cache in a directory").with_source(error).into()
            }
            error => Error::new(cnb_core::backend::ErrorKind::Other, "using the cache in a directory")
                .with_source(error)
                .into(),
        }
    }
}

impl LayerCache for VolumeCache {
    /// A directory that is there is a cache, whatever it holds.
    fn exists(&self) -> bool {
        true
    }

    fn metadata(&self) -> Result<CacheMetadata, CacheError> {
        Ok(Self::metadata(self)?)
    }

    fn read(&self, diff_id: &str) -> Result<Box<dyn Read + Send>, CacheError> {
        Ok(Box::new(Self::read(self, diff_id)?))
    }

    /// Reads the layer to its end.
    fn prepare_reuse(&self, diff_id: &DiffId) {
        // Why it cannot be reused is said by who tries to.
        let _ = self.verify(diff_id.as_str());
    }

    fn reuse(&self, diff_id: &DiffId) -> Result<(), CacheError> {
        Ok(Self::reuse(self, diff_id.as_str())?)
    }

    fn add(&self, diff_id: &DiffId, write: &WriteLayer<'_>) -> Result<(), CacheError> {
        Ok(Self::add(self, diff_id, |file| {
            let mut file = io::BufWriter::with_capacity(1 << 20, file);
            write(&mut file)?;
            file.flush()
        })?)
    }

    fn commit(self: Box<Self>, metadata: &CacheMetadata) -> Result<(), CacheError> {
        Ok(Self::commit(*self, metadata)?)
    }
}
