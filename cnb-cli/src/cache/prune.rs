//! `cnb cache prune`.

use std::collections::BTreeMap;
use std::path::Path;

use cnb_cache::store::Budget;
use cnb_cache::store::CacheStore as _;
use cnb_cache::store::FileStore;
use cnb_core::backend::CacheId;
use cnb_oci::blob_store::kept;
use cnb_oci::blob_store::kept::KeptBlob;
use cnb_oci::local::caches::StepCache;
use cnb_oci::local::roots;
use cnb_oci::local::roots::Root;
use cnb_oci::local::userns;
use cnb_oci::local::userns::Mode;
use serde_json::json;

mod surplus;

use surplus::Item;

use super::Kept;
use super::Place;
use super::backend_failed;
use super::blobs_failed;
use super::failed;
use crate::age;
use crate::exit::Failure;
use crate::exit::Result;
use crate::paths;
use crate::progress;
use crate::progress::print;
use crate::size;

/// Remove what builds keep for later ones: what was not used for longest first, until everything that is asked for holds.
///
/// These are the entries of the store, layers with `cache = true`, root file systems that were unpacked, and layers as they are in
/// images. Without options, only what nothing refers to goes, and what killed processes left. What a running build uses stays.
/// Images lose nothing, wherever they are; the next builds have more to do, and pull what they need again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,

    /// Keep at most so much: 2GB, 500MB, 1.5GiB.
    #[arg(long, value_name = "SIZE", value_parser = size::read)]
    max_size: Option<u64>,

    /// Keep at most so much of each namespace. What is kept of images is of none.
    #[arg(long, value_name = "SIZE", value_parser = size::read)]
    max_size_per_namespace: Option<u64>,

    /// Keep nothing that was not used for so long: 7d, 36h, 2w.
    #[arg(long, value_name = "TIME", value_parser = age::read)]
    older_than: Option<u64>,

    /// Keep nothing.
    #[arg(long, short = 'a', conflicts_with_all = ["max_size", "max_size_per_namespace", "older_than"])]
    all: bool,

    /// Print one JSON object: sizes in bytes.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let directory = args.place.directory()?;
    // Layers and roots of rootless builds belong to users that there are only in the namespace of this one. Without it, what cannot
    // be removed is told.
    let _ = userns::enter(Mode::Auto);
    let store = paths::store(&directory);
    let kept = Kept::read(&directory, &store)?;
    let done = Done::remove(&directory, &store, &kept, &args.budget())?;
    done.warnings.iter().for_each(|warning| progress::warning(warning));
    print(&if args.json { done.as_json() } else { done.as_text() })
}

impl Args {
    fn budget(&self) -> Budget {
        let mut budget = Budget::unlimited();
        budget.total = self.max_size;
        budget.namespace = self.max_size_per_namespace;
        let since = |age: u64| paths::now().saturating_sub(age);
        budget.unused_since = if self.all { Some(u64::MAX) } else { self.older_than.map(since) };
        budget
    }
}

/// What was removed.
#[derive(Default)]
struct Done {
    entries: Vec<(CacheId, String)>,
    layers: Vec<StepCache>,
    roots: Vec<Root>,
    blobs: Vec<KeptBlob>,
    bytes: u64,
    /// Roots and blobs that builds use.
    used: (usize, usize),
    warnings: Vec<String>,
}

impl Done {
    fn remove(directory: &Path, store: &FileStore, kept: &Kept, budget: &Budget) -> Result<Self> {
        let mut done = Self::default();
        let mut surplus: BTreeMap<&CacheId, Vec<&str>> = BTreeMap::new();
        for item in kept.surplus(budget) {
            match item {
                Item::Entry(id, entry) => surplus.entry(id).or_default().push(&entry.key),
                Item::Layers(layers) => done.remove_layers(layers),
                Item::Root(root) => done.remove_root(root),
                Item::Blob(blob) => done.remove_blob(blob),
            }
        }
        for (id, keys) in surplus {
            store.remove(id, Some(&keys)).map_err(|error| failed(&error))?;
            done.entries.extend(keys.into_iter().map(|key| (id.clone(), key.to_owned())));
        }
        let swept = store.prune(&Budget::unlimited()).map_err(|error| failed(&error))?;
        done.bytes += swept.bytes;
        match roots::sweep(directory) {
            Ok(bytes) => done.bytes += bytes,
            Err(error) => done.stays(&backend_failed(&error)),
        }
        kept::sweep(directory).map_err(|error| blobs_failed(&error))?;
        done.tell_used();
        Ok(done)
    }

    fn remove_layers(&mut self, layers: &StepCache) {
        match layers.remove() {
            Ok(true) => {
                self.bytes += layers.bytes;
                self.layers.push(layers.clone());
            }
            Ok(false) => {
                self.warnings.push(format!("a build has the layers of {}: they stay", layers.id.as_str()));
            }
            Err(error) => self.stays(&backend_failed(&error)),
        }
    }

    fn remove_root(&mut self, root: &Root) {
        match root.remove() {
            Ok(true) => {
                self.bytes += root.bytes;
                self.roots.push(root.clone());
            }
            Ok(false) => self.used.0 += 1,
            Err(error) => self.stays(&backend_failed(&error)),
        }
    }

    fn remove_blob(&mut self, blob: &KeptBlob) {
        match blob.remove() {
            Ok(Some(bytes)) => {
                self.bytes += bytes;
                self.blobs.push(blob.clone());
            }
            Ok(None) => self.used.1 += 1,
            Err(error) => self.stays(&blobs_failed(&error)),
        }
    }

    /// Remembers why something could not be removed.
    fn stays(&mut self, failure: &Failure) {
        self.warnings
            .push(format!("{}\n  help: remove it as the user whose builds made it", failure.message));
    }

    fn tell_used(&mut self) {
        let used = [(self.used.0, ROOTS), (self.used.1, BLOBS)];
        let used = used.into_iter().filter(|(number, _)| *number > 0);
        self.warnings
            .extend(used.map(|(number, of)| format!("builds use {}: they stay", several(number, of))));
    }

    fn as_text(&self) -> String {
        format!(
            "Removed {}, {}, {} and {}\nTotal reclaimed space: {}\n",
            several(self.entries.len(), ENTRIES),
            several(self.layers.len(), LAYERS),
            several(self.roots.len(), ROOTS),
            several(self.blobs.len(), BLOBS),
            size::shown(self.bytes)
        )
    }

    fn as_json(&self) -> String {
        let entry = |(id, key): &(CacheId, String)| json!({ "namespace": id.as_str(), "key": key });
        let layers = |cache: &StepCache| json!({ "namespace": cache.id.as_str(), "mode": cache.mode });
        let root = |root: &Root| json!({ "mode": root.mode, "chain": root.chain_id });
        let json = json!({
            "entries": self.entries.iter().map(entry).collect::<Vec<_>>(),
            "layers": self.layers.iter().map(layers).collect::<Vec<_>>(),
            "roots": self.roots.iter().map(root).collect::<Vec<_>>(),
            "blobs": self.blobs.iter().map(|blob| &blob.digest).collect::<Vec<_>>(),
            "size": self.bytes,
        });
        format!("{json:#}\n")
    }
}

const ENTRIES: [&str; 2] = ["entry", "entries"];

const LAYERS: [&str; 2] = ["cache of layers", "caches of layers"];

const ROOTS: [&str; 2] = ["root file system", "root file systems"];

const BLOBS: [&str; 2] = ["layer of images", "layers of images"];

fn several(number: usize, [one, many]: [&str; 2]) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
