//! A store in a directory.
//!
//! ```text
//! lock                     shared by those who put or remove, for the moment in which they change an index; taken alone
//!                          by those who remove contents that no index has
//! blobs/sha256/<hex>       a content; its time of modification says when it was used last
//! new/<number>             a content while it is written, locked by who writes it
//! ns/<id>/lock             taken by those who change the index, for as long as that takes
//! ns/<id>/namespace        what the ID stands for, for people
//! ns/<id>/index.json       the entries
//! ```
//!
//! Readers take no lock: an index is replaced as a whole, and a content that is removed meanwhile is missing.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::fs::DirBuilder;
use std::io;
use std::io::Read;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::CacheId;
use cnb_core::digest::Digest;

use super::CacheStore;
use super::Clock;
use super::budget::Budget;
use super::budget::Pruned;
use super::description;
use super::entry::Entry;
use super::entry::NamespaceInfo;
use super::entry::NewEntry;
use super::error::StoreError;
use super::verified::Verified;
use crate::atomic;
use crate::lock::Lock;

pub(super) mod blobs;
mod index;
#[cfg(test)]
mod tests;

use blobs::Blobs;
use index::Index;
use index::Named;

/// A store in a directory, for any number of processes at once.
///
/// - A process that ends at any point leaves the old or the new index of a namespace, and at worst contents that no index
///   has, which [`prune`](CacheStore::prune) removes. It removes none that somebody is about to name.
/// - A content is kept once, whoever puts it. An [`Entry::used`] is the last use of its content by any namespace.
/// - A namespace opens only what its own index has, whatever an [`Entry`] says.
/// - Reading works on a disk that is full or must not be written.
///
/// ```
/// use std::sync::Arc;
///
/// use cnb_cache::namespace::Namespace;
/// use cnb_cache::namespace::Project;
/// use cnb_cache::store::CacheStore;
/// use cnb_cache::store::FileStore;
/// use cnb_cache::store::NewEntry;
/// use cnb_cache::store::Writer;
///
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
/// let store = FileStore::new(directory, Arc::new(now));
/// let shop = Namespace::new(Project::Name("shop".to_owned()), "example.com/builder", "linux/amd64");
/// store.put(&shop, NewEntry::new("greeting", Writer::new(&shop)), &mut "hello".as_bytes())?;
/// let entry = store.entry(&shop.id(), "greeting")?.expect("it was put");
/// assert_eq!(store.bytes(&shop.id(), &entry)?, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FileStore {
    root: PathBuf,
    blobs: Blobs,
    clock: Clock,
}

impl FileStore {
    /// The store in `root`, which is made when something is put. `clock` is asked whenever an entry is put or opened.
    pub fn new(root: impl Into<PathBuf>, clock: Clock) -> Self {
        let root = root.into();
        Self { blobs: Blobs::new(&root), root, clock }
    }

    /// The directory of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Changes the index of a namespace. The caller [shares](Blobs::share) the store. An index that makes no sense is
    /// an empty one; when nothing changes, nothing is written.
    fn change(&self, namespace: &NamespaceInfo, edit: impl FnOnce(&mut Index)) -> Result<(), StoreError> {
        let directory = self.namespace(&namespace.id);
        make_directory(&directory)?;
        let lock = directory.join("lock");
        let _lock = Lock::of_file(&lock).map_err(StoreError::at("locking", &lock))?;
        let path = directory.join(INDEX);
        let (mut index, is_whole) = match Index::read(&path) {
            Ok(index) => (index, true),
            Err(error @ StoreError::Damaged { .. }) => {
                tracing::warn!("{error}; what it had is forgotten");
                (Index::default(), false)
            }
            Err(error) => return Err(error),
        };
        let before = index.clone();
        edit(&mut index);
        if index == before && is_whole {
            return Ok(());
        }
        if index.is_empty() {
            return remove_file(&path);
        }
        description::write(&directory, namespace)?;
        blobs::make_room(&path)?;
        atomic::write(&path, &index.to_bytes()).map_err(StoreError::at("writing", &path))
    }

    fn named(&self, namespace: &CacheId) -> Result<Index, StoreError> {
        Index::read(&self.namespace(namespace).join(INDEX))
    }

    fn namespace(&self, id: &CacheId) -> PathBuf {
        self.root.join("ns").join(id.as_str())
    }

    /// The namespaces that have an index.
    fn ids(&self) -> Result<Vec<CacheId>, StoreError> {
        let path = self.root.join("ns");
        let failed = StoreError::at("listing", &path);
        let mut ids = Vec::new();
        for entry in atomic::list(&path).map_err(failed)? {
            let id = entry.file_name().to_str().and_then(CacheId::new);
            // A link may lead to the namespace of another store.
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            ids.extend(id.filter(|_| is_directory && entry.path().join(INDEX).symlink_metadata().is_ok()));
        }
        ids.sort();
        Ok(ids)
    }

    fn info(&self, id: CacheId) -> NamespaceInfo {
        description::read(&self.namespace(&id), id)
    }

    /// Removes entries that are still as they were when that was decided.
    fn evict(&self, namespace: &NamespaceInfo, surplus: &[&Entry]) -> Result<Vec<String>, StoreError> {
        let mut gone = Vec::new();
        self.change(namespace, |index| {
            index.retain(|named| {
                let Some(used) = self.blobs.used(&named.digest, named.size) else { return false };
                let same = |entry: &&Entry| entry.key == named.key && entry.digest == named.digest;
                let is_surplus = surplus.iter().any(|entry| same(entry) && entry.used == used);
                if is_surplus {
                    gone.push(named.key.clone());
                }
                !is_surplus
            });
        })?;
        Ok(gone)
    }

    /// Removes what no index has, and directories of namespaces without one. Returns how many bytes of contents
    /// went.
    fn sweep(&self) -> Result<u64, StoreError> {
        let _lock = self.blobs.take()?;
        let ids = self.ids()?;
        let mut named: BTreeSet<Digest> = BTreeSet::new();
        for id in &ids {
            match self.named(id) {
                Ok(index) => named.extend(index.iter().map(|entry| entry.digest.clone())),
                Err(error @ StoreError::Damaged { .. }) => tracing::warn!("{error}"),
                Err(error) => return Err(error),
            }
        }
        let path = self.root.join("ns");
        for entry in atomic::list(&path).map_err(StoreError::at("listing", &path))? {
            let is_named = |id: &CacheId| entry.file_name().to_str() == Some(id.as_str());
            if !ids.iter().any(is_named) {
                blobs::remove_any(&entry.path())?;
            }
        }
        self.blobs.retain(&named)
    }
}

impl CacheStore for FileStore {
    fn namespaces(&self) -> Result<Vec<NamespaceInfo>, StoreError> {
        Ok(self.ids()?.into_iter().map(|id| self.info(id)).collect())
    }

    fn entries(&self, namespace: &CacheId) -> Result<Vec<Entry>, StoreError> {
        let index = self.named(namespace)?;
        let there = |named: &Named| {
            let used = self.blobs.used(&named.digest, named.size)?;
            Some(named.clone().at(used))
        };
        Ok(index.iter().filter_map(there).collect())
    }

    fn open(&self, namespace: &CacheId, entry: &Entry) -> Result<Box<dyn Read + Send>, StoreError> {
        let index = self.named(namespace)?;
        let has = (&entry.key, &entry.digest, entry.size);
        let is_it = |named: &&Named| (&named.key, &named.digest, named.size) == has;
        let Some(named) = index.iter().find(is_it) else {
            return Err(StoreError::Missing { key: entry.key.clone() });
        };
        let file = self.blobs.open(named)?;
        blobs::mark(&file, (self.clock)());
        Ok(Box::new(Verified::new(file, entry)))
    }

    fn put_in(
        &self,
        namespace: &NamespaceInfo,
        entry: NewEntry,
        content: &mut dyn Read,
    ) -> Result<Entry, StoreError> {
        entry.check()?;
        let blob = self.blobs.receive(&entry.key, content)?;
        let _shared = self.blobs.share()?;
        let used = (self.clock)();
        let NewEntry { key, writer, data } = entry;
        let named = Named { key, writer, data, digest: blob.digest().clone(), size: blob.size() };
        self.blobs.keep(blob, used)?;
        let last_use = |named: &Named| self.blobs.used(&named.digest, named.size);
        self.change(namespace, |index| index.put(named.clone(), last_use))?;
        Ok(named.at(used))
    }

    fn remove(&self, namespace: &CacheId, keys: Option<&[&str]>) -> Result<(), StoreError> {
        if !self.namespace(namespace).exists() {
            return Ok(());
        }
        let _shared = self.blobs.share()?;
        let info = self.info(namespace.clone());
        self.change(&info, |index| match keys {
            Some(keys) => index.retain(|named| !keys.contains(&named.key.as_str())),
            None => *index = Index::default(),
        })
    }

    fn prune(&self, budget: &Budget) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        if !self.root.exists() {
            return Ok(pruned);
        }
        let mut all = Vec::new();
        for id in self.ids()? {
            match self.entries(&id) {
                Ok(entries) => all.push((id, entries)),
                Err(error @ StoreError::Damaged { .. }) => {
                    tracing::warn!("{error}; it is removed");
                    self.remove(&id, None)?;
                }
                Err(error) => return Err(error),
            }
        }
        let surplus = budget.surplus(&all);
        for (id, _) in &all {
            let of_it: Vec<&Entry> = surplus.iter().filter(|(it, _)| *it == id).map(|(_, it)| *it).collect();
            let _shared = self.blobs.share()?;
            let gone = self.evict(&self.info(id.clone()), &of_it)?;
            pruned.entries.extend(gone.into_iter().map(|key| (id.clone(), key)));
        }
        pruned.bytes = self.sweep()?;
        Ok(pruned)
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("root", &self.root).finish_non_exhaustive()
    }
}

const INDEX: &str = "index.json";

/// What is in a store may be anybody's source code.
pub(super) fn make_directory(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(StoreError::at("making", path))
}

fn remove_file(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => blobs::remove_any(path),
        _ => Ok(()),
    }
}
