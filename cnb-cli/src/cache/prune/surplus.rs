//! What a budget has no place for.

use std::collections::BTreeMap;

use cnb_cache::store::Budget;
use cnb_cache::store::Entry;
use cnb_cache::store::Writer;
use cnb_core::backend::CacheId;
use cnb_core::digest::Digest;
use cnb_oci::blob_store::kept::KeptBlob;
use cnb_oci::local::caches::StepCache;
use cnb_oci::local::roots::Root;

use crate::cache::Kept;

/// One of the things that are kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'a> {
    Entry(&'a CacheId, &'a Entry),
    Layers(&'a StepCache),
    Root(&'a Root),
    Blob(&'a KeptBlob),
}

impl Kept {
    /// What has to go, least recently used first: what is too old or too much for its namespace, then what is too much
    /// for all. What is kept of images is of no namespace.
    pub(super) fn surplus(&self, budget: &Budget) -> Vec<Item<'_>> {
        let (mut one, mut all) = (*budget, *budget);
        (one.total, all.namespace) = (None, None);

        let items = self.items();
        let number = |(_, entry): (&CacheId, &Entry)| -> usize { entry.data.parse().expect("a number") };
        let of_namespaces = items.iter().enumerate().filter(|(_, item)| item.namespace().is_some());
        let mut gone: Vec<usize> = one.surplus(&entries(of_namespaces)).into_iter().map(number).collect();
        let left = items.iter().enumerate().filter(|(number, _)| !gone.contains(number));
        let surplus: Vec<usize> = all.surplus(&entries(left)).into_iter().map(number).collect();
        gone.extend(surplus);
        gone.into_iter().map(|number| items[number]).collect()
    }

    /// Roots before blobs: of what was used at the same time, that goes first which is made of the other.
    fn items(&self) -> Vec<Item<'_>> {
        let entries = self.namespaces.iter();
        let entries =
            entries.flat_map(|(info, of_it)| of_it.iter().map(|entry| Item::Entry(&info.id, entry)));
        let rest = self.layers.iter().map(Item::Layers).chain(self.roots.iter().map(Item::Root));
        entries.chain(rest).chain(self.blobs.iter().map(Item::Blob)).collect()
    }
}

impl Item<'_> {
    fn namespace(&self) -> Option<&CacheId> {
        match self {
            Self::Entry(id, _) => Some(id),
            Self::Layers(cache) => Some(&cache.id),
            Self::Root(_) | Self::Blob(_) => None,
        }
    }

    /// The item as an entry of a store, for a budget: its data is the number.
    fn as_entry(&self, number: usize) -> Entry {
        let (size, used) = match self {
            Self::Entry(_, entry) => return Entry { data: number.to_string(), ..(*entry).clone() },
            Self::Layers(cache) => (cache.bytes, cache.used),
            Self::Root(root) => (root.bytes, root.used),
            Self::Blob(blob) => (blob.bytes, blob.used),
        };
        // The digest only has to be nobody else's.
        let mut digest = [0xff; 32];
        digest[..8].copy_from_slice(&(number as u64).to_be_bytes());
        Entry {
            key: String::new(),
            writer: Writer::of(String::new()),
            data: number.to_string(),
            digest: Digest::from_bytes(digest),
            size,
            used,
        }
    }
}

/// Items with their numbers, as a budget takes them.
fn entries<'a>(items: impl Iterator<Item = (usize, &'a Item<'a>)>) -> Vec<(CacheId, Vec<Entry>)> {
    // What is of none is only there when there is no limit for one.
    let none = CacheId::new("images").expect("a name");
    let mut entries: BTreeMap<CacheId, Vec<Entry>> = BTreeMap::new();
    for (number, item) in items {
        let id = item.namespace().unwrap_or(&none).clone();
        entries.entry(id).or_default().push(item.as_entry(number));
    }
    entries.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::fs::File;
    use std::fs::FileTimes;
    use std::path::Path;
    use std::time::Duration;
    use std::time::UNIX_EPOCH;

    use cnb_cache::store::NamespaceInfo;
    use cnb_oci::blob_store::kept;
    use cnb_oci::local::caches;
    use cnb_oci::local::roots;

    use super::*;

    fn write(path: &Path, size: usize) {
        fs::create_dir_all(path.parent().expect("it is below")).expect("a directory");
        fs::write(path, vec![0; size]).expect("a file");
    }

    fn used(path: &Path, time: u64) {
        let times = FileTimes::new().set_modified(UNIX_EPOCH + Duration::from_secs(time));
        File::open(path).and_then(|file| file.set_times(times)).expect("it is there");
    }

    fn hex(byte: u8) -> String {
        Digest::from_bytes([byte; 32]).hex().to_owned()
    }

    /// An entry of 30 bytes and two caches of layers with 50 and 70 of the namespace `a`, a root of 200, a blob of 100.
    fn kept(directory: &Path) -> Kept {
        let files = [
            ("caches/root/a/files", "layer", 50, 2),
            ("caches/range/a/files", "layer", 70, 4),
            (&format!("root/roots/{}", hex(1)), "file", 200, 3),
            ("blobs/sha256", &hex(2), 100, 0),
        ];
        for (parent, name, size, time) in files {
            write(&directory.join(parent).join(name), size);
            used(&directory.join(parent), time);
        }
        used(&directory.join("blobs/sha256").join(hex(2)), 3);
        let id = CacheId::new("a").expect("a name");
        let entry = Entry {
            key: "k".to_owned(),
            writer: Writer::of(String::new()),
            data: "x".to_owned(),
            digest: Digest::from_bytes([1; 32]),
            size: 30,
            used: 1,
        };
        Kept {
            namespaces: vec![(NamespaceInfo::new(id, "a"), vec![entry])],
            layers: caches::list(&directory.join("caches")).expect("readable"),
            roots: roots::list(directory).expect("readable"),
            blobs: kept::list(directory).expect("readable"),
        }
    }

    #[test]
    fn one_budget_is_for_everything() {
        let directory = tempfile::tempdir().expect("a directory");
        let kept = kept(directory.path());
        let gone = |budget: Budget| -> String {
            let told = |item: &Item<'_>| match item {
                Item::Entry(_, entry) => entry.key.clone(),
                Item::Layers(cache) => cache.mode.clone(),
                Item::Root(_) => "unpacked".to_owned(),
                Item::Blob(_) => "blob".to_owned(),
            };
            kept.surplus(&budget).iter().map(told).collect::<Vec<_>>().join(" ")
        };
        let unlimited = Budget::unlimited();
        let cases = [
            (unlimited, ""),
            (unlimited.with_namespace(150), ""),
            (unlimited.with_namespace(149), "k"),
            (unlimited.with_namespace(0), "k root range"),
            (unlimited.with_unused_since(2), "k"),
            (unlimited.with_unused_since(4), "k root unpacked blob"),
            (unlimited.with_total(450), ""),
            (unlimited.with_total(449), "k"),
            (unlimited.with_total(419), "k root"),
            (unlimited.with_total(369), "k root unpacked"),
            (unlimited.with_total(169), "k root unpacked blob"),
            (unlimited.with_total(0), "k root unpacked blob range"),
            (unlimited.with_namespace(70).with_total(300), "k root unpacked"),
        ];
        for (budget, expected) in cases {
            assert_eq!(gone(budget), expected, "{budget:?}");
        }
    }
}
