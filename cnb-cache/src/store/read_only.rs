//! A store for those who may read and nothing else.

use std::io::Read;

use cnb_core::backend::CacheId;

use super::CacheStore;
use super::budget::Budget;
use super::budget::Pruned;
use super::entry::Entry;
use super::entry::NamespaceInfo;
use super::entry::NewEntry;
use super::error::StoreError;

/// A store whose entries stay as they are: builds of code that nobody has looked at use what others left, and leave
/// nothing. Its writing methods all fail with [`StoreError::ReadOnly`]; uses of entries are remembered.
#[derive(Clone, Debug)]
pub struct ReadOnly<S> {
    store: S,
}

impl<S: CacheStore> ReadOnly<S> {
    /// The same store without the right to change it.
    pub fn new(store: S) -> Self {
        Self { store }
    }
}

impl<S: CacheStore> CacheStore for ReadOnly<S> {
    fn namespaces(&self) -> Result<Vec<NamespaceInfo>, StoreError> {
        self.store.namespaces()
    }

    fn entries(&self, namespace: &CacheId) -> Result<Vec<Entry>, StoreError> {
        self.store.entries(namespace)
    }

    fn open(&self, namespace: &CacheId, entry: &Entry) -> Result<Box<dyn Read + Send>, StoreError> {
        self.store.open(namespace, entry)
    }

    fn put_in(
        &self,
        _namespace: &NamespaceInfo,
        _entry: NewEntry,
        _content: &mut dyn Read,
    ) -> Result<Entry, StoreError> {
        Err(StoreError::ReadOnly)
    }

    fn remove(&self, _namespace: &CacheId, _keys: Option<&[&str]>) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }

    fn prune(&self, _budget: &Budget) -> Result<Pruned, StoreError> {
        Err(StoreError::ReadOnly)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::namespace::Namespace;
    use crate::namespace::Project;
    use crate::store::MemoryStore;
    use crate::store::Writer;

    #[test]
    fn what_is_there_can_be_read_and_not_changed() {
        let namespace = Namespace::new(Project::Name("a".to_owned()), "builder", "linux/amd64");
        let new = || NewEntry::new("k", Writer::new(&namespace));
        let store = MemoryStore::new(Arc::new(|| 1));
        let entry = store.put(&namespace, new(), &mut &b"trusted"[..]).expect("written");
        let untrusted = ReadOnly::new(store.clone());
        let id = namespace.id();
        let refused = [
            untrusted.put(&namespace, new(), &mut &b"poison"[..]).map(drop),
            untrusted.remove(&id, None),
            untrusted.prune(&Budget::unlimited().with_total(0)).map(drop),
        ];
        for result in refused {
            assert!(matches!(result, Err(StoreError::ReadOnly)), "{result:?}");
        }
        assert_eq!(untrusted.namespaces().expect("readable"), store.namespaces().expect("readable"));
        assert_eq!(untrusted.entries(&id).expect("readable"), std::slice::from_ref(&entry));
        assert_eq!(untrusted.bytes(&id, &entry).expect("readable"), b"trusted");
        assert_eq!(store.bytes(&id, &entry).expect("readable"), b"trusted");
    }
}
