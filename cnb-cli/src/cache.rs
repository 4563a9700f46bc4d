//! `cnb cache`.

use std::path::Path;
use std::path::PathBuf;

use cnb_cache::store::CacheStore as _;
use cnb_cache::store::Entry;
use cnb_cache::store::FileStore;
use cnb_cache::store::NamespaceInfo;
use cnb_cache::store::StoreError;
use cnb_core::backend;
use cnb_core::backend::ErrorKind;
use cnb_oci::blob;
use cnb_oci::blob_store::kept;
use cnb_oci::blob_store::kept::KeptBlob;
use cnb_oci::local::caches;
use cnb_oci::local::caches::StepCache;
use cnb_oci::local::roots;
use cnb_oci::local::roots::Root;

mod export;
mod import;
mod ls;
mod prune;

use crate::build::of_backend;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;
use crate::paths;
use crate::progress;

/// Look after what builds of this machine keep for later ones.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Ls(ls::Args),
    Prune(prune::Args),
    Export(export::Args),
    Import(import::Args),
}

/// Where the cache is.
#[derive(Debug, clap::Args)]
struct Place {
    /// Where caches are kept; $XDG_CACHE_HOME/cnb when not given.
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Ls(args) => ls::run(args),
        Command::Prune(args) => prune::run(args),
        Command::Export(args) => export::run(args),
        Command::Import(args) => import::run(args),
    }
}

impl Place {
    fn directory(&self) -> Result<PathBuf> {
        paths::cache_dir(self.cache_dir.as_deref())
    }

    fn store(&self) -> Result<FileStore> {
        Ok(paths::store(&self.directory()?))
    }
}

/// Everything that is kept.
struct Kept {
    /// The entries of each namespace of the store.
    namespaces: Vec<(NamespaceInfo, Vec<Entry>)>,
    /// The layers with `cache = true`.
    layers: Vec<StepCache>,
    /// The root file systems of images.
    roots: Vec<Root>,
    /// Layers as they are in images.
    blobs: Vec<KeptBlob>,
}

impl Kept {
    /// Looks what there is. Namespaces whose index makes no sense have nothing, and are told.
    fn read(directory: &Path, store: &FileStore) -> Result<Self> {
        let mut namespaces = Vec::new();
        for info in store.namespaces().map_err(|error| failed(&error))? {
            let entries = store.entries(&info.id).or_else(|error| match error {
                StoreError::Damaged { .. } => {
                    progress::warning(&error.to_string());
                    Ok(Vec::new())
                }
                other => Err(failed(&other)),
            })?;
            namespaces.push((info, entries));
        }
        let layers = caches::list(&directory.join("caches")).map_err(|error| backend_failed(&error))?;
        let roots = roots::list(directory).map_err(|error| backend_failed(&error))?;
        let blobs = kept::list(directory).map_err(|error| blobs_failed(&error))?;
        Ok(Self { namespaces, layers, roots, blobs })
    }
}

fn failed(error: &StoreError) -> Failure {
    Failure::caused(of_store(error), error)
}

fn backend_failed(error: &backend::Error) -> Failure {
    Failure::caused(of_backend(error), error)
}

fn blobs_failed(error: &blob::Error) -> Failure {
    let exit = if error.kind() == ErrorKind::Exhausted { Exit::Exhausted } else { Exit::Other };
    Failure::caused(exit, error)
}

/// The exit code of a failure of the store.
fn of_store(error: &StoreError) -> Exit {
    match error {
        StoreError::Io { source, .. } => of_io(source),
        _ => Exit::Other,
    }
}

fn of_io(error: &std::io::Error) -> Exit {
    use std::io::ErrorKind as Kind;
    match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded | Kind::OutOfMemory => Exit::Exhausted,
        _ => Exit::Other,
    }
}
