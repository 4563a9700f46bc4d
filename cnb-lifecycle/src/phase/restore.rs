//! Restore: puts back what the build before left for this one.
//!
//! Source: `phase/restorer.go` and `internal/layer/sbom_restorer.go` of the lifecycle.

pub mod images;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::api::PlatformApi;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::labels::lifecycle::CacheMetadata;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_oci::read_ahead::ReadAhead;

use crate::export::snapshot::fs::SnapshotError;
use crate::export::snapshot::fs::buildpack;
use crate::layer_cache::CacheError;
use crate::layer_cache::LayerCache;
use crate::restore;
use crate::restore::RestoreInputs;
use crate::restore::RestorePlan;
use crate::restore::extract::ExtractError;
use crate::restore::extract::extract;

/// What to restore, and where.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The version of the platform.
    pub api: PlatformApi,
    /// `<layers>`, absolute.
    pub layers: &'a Path,
    /// The buildpacks that will build.
    pub group: &'a [GroupElement],
    /// The label of the previous image.
    pub previous: &'a LifecycleMetadata,
    /// The cache, if there is one.
    pub cache: Option<&'a dyn LayerCache>,
    /// Whether layers and SBOMs are left out.
    pub skip_layers: bool,
}

/// Why a restoration failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The cache cannot be used.
    #[error("retrieving cache metadata")]
    Cache(#[source] CacheError),
    /// `<layers>` cannot be read.
    #[error("reading buildpack layer directory")]
    Layers(#[from] SnapshotError),
    /// A layer cannot be read from the cache, for another reason than that it is missing or damaged.
    #[error("restoring data: restoring layer {id}")]
    Read {
        /// Its identifier.
        id: String,
        /// Why.
        source: CacheError,
    },
    /// A layer cannot be unpacked.
    #[error("restoring data: restoring layer {id}")]
    Extract {
        /// Its identifier.
        id: String,
        /// Why.
        source: ExtractError,
    },
    /// A file cannot be written or removed.
    #[error("restoring {}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Restores stores, the metadata of layers, the contents of layers in the cache, and SBOMs.
///
/// A layer that the cache has lost is skipped with a warning.
///
/// # Errors
/// When `<layers>` cannot be read or written, or a layer cannot be unpacked.
pub fn restore(inputs: &Inputs<'_>) -> Result<(), RestoreError> {
    let cache = match inputs.cache {
        Some(cache) if !cache.exists() => {
            tracing::info!("Layer cache not found");
            CacheMetadata::default()
        }
        Some(cache) => cache.metadata().map_err(RestoreError::Cache)?,
        None => CacheMetadata::default(),
    };
    let mut existing = BTreeMap::new();
    for element in inputs.group {
        let directory = buildpack(inputs.layers, element)?;
        let names = directory.layers.into_iter().map(|layer| layer.name).collect();
        existing.insert(element.id.to_string(), names);
    }
    let plan = restore::plan(&RestoreInputs {
        api: inputs.api,
        group: inputs.group,
        previous: inputs.previous,
        cache: &cache,
        skip_layers: inputs.skip_layers,
        existing: &existing,
    });
    for message in &plan.messages {
        tracing::info!("{message}");
    }
    write(inputs.layers, &plan)?;
    if let Some(cache) = inputs.cache {
        for layer in &plan.contents {
            unpack(cache, &layer.id, &layer.diff_id, &inputs.layers.join(&layer.path))?;
        }
    }
    if plan.cache_sbom.is_some() {
        // The Go lifecycle says so before it leaves out the SBOM as well.
        tracing::info!("Restoring data for SBOM from cache");
    }
    if inputs.api.has_sboms() && !inputs.skip_layers {
        sboms(inputs, plan.cache_sbom.as_deref())?;
    }
    Ok(())
}

fn write(layers: &Path, plan: &RestorePlan) -> Result<(), RestoreError> {
    for directory in &plan.directories {
        let path = layers.join(directory);
        fs::create_dir_all(&path).map_err(|source| failed(&path, source))?;
    }
    for (file, text) in &plan.files {
        let path = layers.join(file);
        fs::write(&path, text).map_err(|source| failed(&path, source))?;
    }
    for layer in &plan.removed {
        remove(&layers.join(layer), remove_whatever)?;
        for extension in ["toml", "sha"] {
            remove(&layers.join(format!("{layer}.{extension}")), |path| fs::remove_file(path))?;
        }
    }
    Ok(())
}

fn remove(path: &Path, with: impl Fn(&Path) -> io::Result<()>) -> Result<(), RestoreError> {
    match with(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(|source| failed(path, source)),
    }
}

fn remove_whatever(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        _ => fs::remove_file(path),
    }
}

/// Unpacks a layer into its directory and nowhere else. One that is found to be damaged at its end, or to have
/// anything elsewhere, leaves nothing.
fn unpack(cache: &dyn LayerCache, id: &str, diff_id: &str, directory: &Path) -> Result<(), RestoreError> {
    let skip = |reason: &dyn std::fmt::Display| tracing::warn!("Skipping restore for layer {id}: {reason}");
    let tar = match cache.read(diff_id) {
        Ok(tar) => tar,
        Err(CacheError::Unusable(reason)) => {
            skip(&reason);
            return Ok(());
        }
        Err(source) => return Err(RestoreError::Read { id: id.to_owned(), source }),
    };
    let failed = |source| RestoreError::Extract { id: id.to_owned(), source };
    let mut tar = ReadAhead::new(tar).map_err(|error| failed(ExtractError::Archive(error)))?;
    match extract(&mut tar, directory).map_err(|error| cause(error, tar)) {
        Err(ExtractError::Archive(error)) if error.kind() == io::ErrorKind::InvalidData => skip(&error),
        // Perhaps only the cache of a platform whose layers are elsewhere.
        Err(error @ ExtractError::Outside(_)) => skip(&error),
        result => return result.map_err(failed),
    }
    remove(directory, remove_whatever)
}

/// What makes no sense as a layer may do so because it is damaged, which is known at its end.
fn cause(error: ExtractError, mut tar: ReadAhead) -> ExtractError {
    match io::copy(&mut tar, &mut io::sink()) {
        Err(damaged) if damaged.kind() == io::ErrorKind::InvalidData => ExtractError::Archive(damaged),
        _ => error,
    }
}

/// Gives each buildpack the SBOMs of its layers: those of the cache, and those that the analyzer took from the
/// previous image.
fn sboms(inputs: &Inputs<'_>, cached: Option<&str>) -> Result<(), RestoreError> {
    if let (Some(diff_id), Some(cache)) = (cached, inputs.cache) {
        unpack(cache, "buildpacksio/lifecycle:cache.sbom", diff_id, &inputs.layers.join("sbom/cache"))?;
    }
    let directory = inputs.layers.join("sbom");
    for kind in ["cache", "launch"] {
        for element in inputs.group {
            let target = inputs.layers.join(element.id.escape());
            if target.exists() {
                copy_sboms(&directory.join(kind).join(element.id.escape()), &target)?;
            }
        }
    }
    remove(&directory, |path| fs::remove_dir_all(path))
}

/// `<layer>/sbom.*json` becomes `<layer>.sbom.*json`.
fn copy_sboms(from: &Path, to: &Path) -> Result<(), RestoreError> {
    for layer in names(from)? {
        for file in names(&from.join(&layer))? {
            let source = from.join(&layer).join(&file);
            if file.starts_with("sbom") && file.ends_with("json") && source.is_file() && !source.is_symlink()
            {
                let target = to.join(format!("{layer}.{file}"));
                copy(&source, &target).map_err(|source| failed(&target, source))?;
            }
        }
    }
    Ok(())
}

/// Copies content and mode. A link at `to`, which may be a layer of the cache, is not followed.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let mut source = fs::File::open(from)?;
    let mut target =
        fs::OpenOptions::new().write(true).create(true).truncate(true).custom_flags(flags).open(to)?;
    target.set_permissions(source.metadata()?.permissions())?;
    io::copy(&mut source, &mut target).map(|_| ())
}

/// The names in a directory; none when it is none.
fn names(directory: &Path) -> Result<Vec<String>, RestoreError> {
    let failed = |source| failed(directory, source);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let name = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().into_string().ok());
    entries.filter_map(|entry| name(entry).transpose()).collect::<Result<_, _>>().map_err(failed)
}

fn failed(path: &Path, source: io::Error) -> RestoreError {
    RestoreError::Io { path: path.to_owned(), source }
}
