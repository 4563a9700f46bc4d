//! `cnb cache prune`.

use std::collections::BTreeMap;

use cnb_cache::store::Budget;
use cnb_cache::store::CacheStore as _;
use cnb_cache::store::Entry;
use cnb_cache::store::FileStore;
use cnb_cache::store::Writer;
use cnb_core::backend::CacheId;
use cnb_core::digest::Digest;
use cnb_oci::local::caches::StepCache;
use cnb_oci::local::userns;
use cnb_oci::local::userns::Mode;
use serde_json::json;

use super::Kept;
use super::Place;
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
/// Without options, only contents go that nothing refers to. What a running build has stays. Nothing that is removed is part of
/// an image; the next builds have more to do.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,

    /// Keep at most so much: 2GB, 500MB, 1.5GiB.
    #[arg(long, value_name = "SIZE", value_parser = size::read)]
    max_size: Option<u64>,

    /// Keep at most so much of each namespace.
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
    // Layers of rootless builds belong to users that there are only in the namespace of this one. Without it, what cannot
    // be removed is told.
    let _ = userns::enter(Mode::Auto);
    let store = paths::store(&directory);
    let kept = Kept::read(&directory, &store)?;
    let done = Done::remove(&store, &kept, &args.budget())?;
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
    bytes: u64,
    warnings: Vec<String>,
}

impl Done {
    fn remove(store: &FileStore, kept: &Kept, budget: &Budget) -> Result<Self> {
        let mut done = Self::default();
        let all = kept.as_entries();
        let mut surplus: BTreeMap<&CacheId, Vec<&str>> = BTreeMap::new();
        for (id, entry) in budget.surplus(&all) {
            match kept.layers_of(id, entry) {
                Some(layers) => done.remove_layers(layers),
                None => surplus.entry(id).or_default().push(&entry.key),
            }
        }
        for (id, keys) in surplus {
            store.remove(id, Some(&keys)).map_err(|error| failed(&error))?;
            done.entries.extend(keys.into_iter().map(|key| (id.clone(), key.to_owned())));
        }
        let swept = store.prune(&Budget::unlimited()).map_err(|error| failed(&error))?;
        done.bytes += swept.bytes;
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
            Err(error) => {
                let failure = Failure::caused(crate::exit::Exit::Other, &error);
                let help = "remove it as the user whose builds made it";
                self.warnings.push(failure.with_help(Some(help)).message);
            }
        }
    }

    fn as_text(&self) -> String {
        let (entries, layers) = (self.entries.len(), self.layers.len());
        let plural = |number: usize, one: &str, many: &str| {
            format!("{number} {}", if number == 1 { one } else { many })
        };
        format!(
            "Removed {} and {}\nTotal reclaimed space: {}\n",
            plural(entries, "entry", "entries"),
            plural(layers, "cache of layers", "caches of layers"),
            size::shown(self.bytes)
        )
    }

    fn as_json(&self) -> String {
        let entry = |(id, key): &(CacheId, String)| json!({ "namespace": id.as_str(), "key": key });
        let layers = |cache: &StepCache| json!({ "namespace": cache.id.as_str(), "mode": cache.mode });
        let json = json!({
            "entries": self.entries.iter().map(entry).collect::<Vec<_>>(),
            "layers": self.layers.iter().map(layers).collect::<Vec<_>>(),
            "size": self.bytes,
        });
        format!("{json:#}\n")
    }
}

/// What caches of layers are called among entries. No entry of a store has an empty key.
const LAYERS: &str = "";

impl Kept {
    /// Everything as entries, so that one budget decides.
    fn as_entries(&self) -> Vec<(CacheId, Vec<Entry>)> {
        let mut all: BTreeMap<CacheId, Vec<Entry>> = BTreeMap::new();
        for (info, entries) in &self.namespaces {
            all.insert(info.id.clone(), entries.clone());
        }
        for (number, cache) in self.layers.iter().enumerate() {
            all.entry(cache.id.clone()).or_default().push(as_entry(number, cache));
        }
        all.into_iter().collect()
    }

    /// The cache of layers that an entry stands for.
    fn layers_of(&self, id: &CacheId, entry: &Entry) -> Option<&StepCache> {
        let is_it = |cache: &&StepCache| cache.id == *id && cache.mode == entry.data;
        if entry.key == LAYERS { self.layers.iter().find(is_it) } else { None }
    }
}

fn nobody() -> Writer {
    Writer::of(String::new())
}

fn as_entry(number: usize, cache: &StepCache) -> Entry {
    // The digest only has to be nobody else's.
    let mut digest = [0xff; 32];
    digest[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Entry {
        key: LAYERS.to_owned(),
        writer: nobody(),
        data: cache.mode.clone(),
        digest: Digest::from_bytes(digest),
        size: cache.bytes,
        used: cache.used,
    }
}

#[cfg(test)]
mod tests {
    use cnb_cache::store::NamespaceInfo;

    use super::*;

    /// The directory of a cache of layers with so many bytes.
    fn layers(directory: &std::path::Path, name: &str, size: usize) {
        let files = directory.join(name).join("files");
        std::fs::create_dir_all(&files).expect("a directory");
        std::fs::write(files.join("layer"), vec![0; size]).expect("a file");
    }

    #[test]
    fn one_budget_is_for_entries_and_layers() {
        let directory = tempfile::tempdir().expect("a directory");
        layers(directory.path(), "root/a", 50);
        layers(directory.path(), "range/a", 70);
        let layers = cnb_oci::local::caches::list(directory.path()).expect("readable");
        let id = CacheId::new("a").expect("a name");
        let entry = Entry {
            key: "k".to_owned(),
            writer: nobody(),
            data: "root".to_owned(),
            digest: Digest::from_bytes([1; 32]),
            size: 30,
            used: 1,
        };
        let kept = Kept { namespaces: vec![(NamespaceInfo::new(id, "a"), vec![entry])], layers };
        let all = kept.as_entries();
        let gone = |budget: Budget| -> Vec<String> {
            let told = |(id, entry): &(&CacheId, &Entry)| match kept.layers_of(id, entry) {
                Some(layers) => layers.mode.clone(),
                None => entry.key.clone(),
            };
            let mut gone: Vec<String> = budget.surplus(&all).iter().map(told).collect();
            gone.sort();
            gone
        };
        assert_eq!(gone(Budget::unlimited().with_namespace(150)), [""; 0]);
        assert_eq!(gone(Budget::unlimited().with_namespace(149)), ["k"]);
        assert_eq!(gone(Budget::unlimited().with_unused_since(2)), ["k"]);
        assert_eq!(gone(Budget::unlimited().with_total(0)), ["k", "range", "root"]);
    }
}
