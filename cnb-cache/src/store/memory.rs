//! A store in memory, for tests and for programs that keep nothing.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::io::Read;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use cnb_core::backend::CacheId;
use cnb_core::digest::Digest;
use sha2::Digest as _;
use sha2::Sha256;

use super::CacheStore;
use super::Clock;
use super::budget::Budget;
use super::budget::Pruned;
use super::entry::Entry;
use super::entry::NamespaceInfo;
use super::entry::NewEntry;
use super::error::StoreError;

/// A store that is gone with its process. Clones are the same store.
///
/// ```
/// use std::sync::Arc;
///
/// use cnb_cache::namespace::Namespace;
/// use cnb_cache::namespace::Project;
/// use cnb_cache::store::CacheStore;
/// use cnb_cache::store::MemoryStore;
/// use cnb_cache::store::NewEntry;
/// use cnb_cache::store::Writer;
///
/// let store = MemoryStore::new(Arc::new(|| 0));
/// let namespace = Namespace::new(Project::Name("shop".to_owned()), "example.com/builder", "linux/amd64");
/// let entry = NewEntry::new("greeting", Writer::new(&namespace));
/// let entry = store.put(&namespace, entry, &mut "hello".as_bytes())?;
/// assert_eq!(store.bytes(&namespace.id(), &entry)?, b"hello");
/// # Ok::<(), cnb_cache::store::StoreError>(())
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    clock: Clock,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    namespaces: BTreeMap<CacheId, Entries>,
    contents: BTreeMap<Digest, Arc<[u8]>>,
}

struct Entries {
    printed: String,
    by_key: BTreeMap<String, Entry>,
}

impl MemoryStore {
    /// An empty store, which asks `clock` when something is used.
    pub fn new(clock: Clock) -> Self {
        Self { clock, kept: Arc::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        let namespaces: Vec<&str> = kept.namespaces.keys().map(CacheId::as_str).collect();
        f.debug_struct("MemoryStore").field("namespaces", &namespaces).finish_non_exhaustive()
    }
}

impl CacheStore for MemoryStore {
    fn namespaces(&self) -> Result<Vec<NamespaceInfo>, StoreError> {
        let kept = self.kept();
        let infos = kept.namespaces.iter().map(|(id, it)| NamespaceInfo::new(id.clone(), &it.printed));
        Ok(infos.collect())
    }

    fn entries(&self, namespace: &CacheId) -> Result<Vec<Entry>, StoreError> {
        let kept = self.kept();
        Ok(kept.namespaces.get(namespace).map(|it| it.by_key.values().cloned().collect()).unwrap_or_default())
    }

    fn open(&self, namespace: &CacheId, entry: &Entry) -> Result<Box<dyn Read + Send>, StoreError> {
        let kept = &mut *self.kept();
        let found = kept.namespaces.get_mut(namespace).and_then(|it| it.by_key.get_mut(&entry.key));
        match found.filter(|found| found.digest == entry.digest) {
            Some(found) => {
                found.used = (self.clock)();
                Ok(Box::new(io::Cursor::new(Arc::clone(&kept.contents[&found.digest]))))
            }
            None => Err(StoreError::Missing { key: entry.key.clone() }),
        }
    }

    fn put_in(
        &self,
        namespace: &NamespaceInfo,
        entry: NewEntry,
        content: &mut dyn Read,
    ) -> Result<Entry, StoreError> {
        entry.check()?;
        let NewEntry { key, writer, data } = entry;
        let mut bytes = Vec::new();
        if let Err(source) = content.read_to_end(&mut bytes) {
            return Err(StoreError::Content { key, source });
        }
        let digest = Digest::from_bytes(Sha256::digest(&bytes).into());
        let (size, used) = (bytes.len() as u64, (self.clock)());
        let entry = Entry { key: key.clone(), writer, data, digest: digest.clone(), size, used };
        let mut kept = self.kept();
        kept.contents.entry(digest).or_insert_with(|| bytes.into());
        let entries = kept.namespaces.entry(namespace.id.clone());
        let entries = entries
            .or_insert_with(|| Entries { printed: namespace.printed.clone(), by_key: BTreeMap::new() });
        entries.by_key.insert(key, entry.clone());
        Ok(entry)
    }

    fn remove(&self, namespace: &CacheId, keys: Option<&[&str]>) -> Result<(), StoreError> {
        self.kept().remove(namespace, keys);
        Ok(())
    }

    fn prune(&self, budget: &Budget) -> Result<Pruned, StoreError> {
        let mut kept = self.kept();
        let entries = |(id, it): (&CacheId, &Entries)| (id.clone(), it.by_key.values().cloned().collect());
        let all: Vec<(CacheId, Vec<Entry>)> = kept.namespaces.iter().map(entries).collect();
        let mut pruned = Pruned::default();
        for (id, entry) in budget.surplus(&all) {
            kept.remove(id, Some(&[&entry.key]));
            pruned.entries.push((id.clone(), entry.key.clone()));
        }
        let entries = kept.namespaces.values().flat_map(|it| it.by_key.values());
        let named: BTreeSet<Digest> = entries.map(|entry| entry.digest.clone()).collect();
        kept.contents.retain(|digest, content| {
            let is_named = named.contains(digest);
            pruned.bytes += if is_named { 0 } else { content.len() as u64 };
            is_named
        });
        Ok(pruned)
    }
}

impl Kept {
    fn remove(&mut self, namespace: &CacheId, keys: Option<&[&str]>) {
        let Some(entries) = self.namespaces.get_mut(namespace) else { return };
        match keys {
            Some(keys) => entries.by_key.retain(|key, _| !keys.contains(&key.as_str())),
            None => entries.by_key.clear(),
        }
        if entries.by_key.is_empty() {
            self.namespaces.remove(namespace);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::suite;

    #[test]
    fn it_passes_the_suite() {
        suite::run(&|clock| Box::new(MemoryStore::new(clock)));
    }
}
