//! Where builds keep what they know: bytes by digest, and for each namespace an index that says what they are.

use std::fmt::Debug;
use std::io::Read;
use std::sync::Arc;

use cnb_core::backend::CacheId;

use crate::namespace::Namespace;

#[cfg(feature = "archive")]
pub mod archive;
mod budget;
mod description;
mod entry;
mod error;
mod file;
pub mod layers;
mod memory;
mod read_only;
#[cfg(any(test, feature = "conformance"))]
pub mod suite;
mod verified;
mod volumes;

pub use budget::Budget;
pub use budget::Pruned;
pub use entry::Buildpack;
pub use entry::Entry;
pub use entry::NamespaceInfo;
pub use entry::NewEntry;
pub use entry::Writer;
pub use error::StoreError;
pub use file::FileStore;
pub use memory::MemoryStore;
pub use read_only::ReadOnly;
pub use verified::Verified;
pub use volumes::VolumeStore;

/// Tells the time, in seconds since 1970. A store asks it whenever something is put or opened.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Keeps entries: contents with names, apart for each namespace.
///
/// A store is shared: by threads, and where it is not in memory, by processes. Its methods block.
///
/// An error is never a reason to end a build. A build that cannot read does what it would have read; one that cannot
/// write goes on, and the next one has more to do. Both say so.
///
/// What it has to do in every detail is in the suite, `store::suite`, with the feature `conformance`.
pub trait CacheStore: Debug + Send + Sync {
    /// Every namespace that has entries, in order of their IDs.
    ///
    /// # Errors
    /// When it cannot be found out.
    fn namespaces(&self) -> Result<Vec<NamespaceInfo>, StoreError>;

    /// The entries of a namespace, in byte order of their keys: those whose content seems to be there. A namespace that
    /// does not exist has none.
    ///
    /// # Errors
    /// When its index cannot be read or makes no sense: as good as no entries, but somebody should know.
    fn entries(&self, namespace: &CacheId) -> Result<Vec<Entry>, StoreError>;

    /// The content of an entry that the index of the namespace has, and marks it as used.
    ///
    /// The reader ends only if the bytes have the digest and the size of the entry; else reading fails, with a
    /// [`StoreError::Damaged`] inside of the [`io::Error`](std::io::Error). What was read up to there must not be used:
    /// take [`bytes`](Self::bytes) for what is small, and remove again what was made of a content that fails.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the namespace has no such entry (any more), [`StoreError::Damaged`] when it can be
    /// told beforehand that the content is not what it was.
    fn open(&self, namespace: &CacheId, entry: &Entry) -> Result<Box<dyn Read + Send>, StoreError>;

    /// Adds an entry, or replaces the one with its key. The content is complete and lasts before the index names it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for an entry beyond the [limits](NewEntry::check), [`StoreError::Content`] when the
    /// content cannot be read, and when the store cannot be written: then it is as it was.
    fn put_in(
        &self,
        namespace: &NamespaceInfo,
        entry: NewEntry,
        content: &mut dyn Read,
    ) -> Result<Entry, StoreError>;

    /// Forgets the entries of a namespace with these keys, or all of them. What is not there is forgotten already.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn remove(&self, namespace: &CacheId, keys: Option<&[&str]>) -> Result<(), StoreError>;

    /// Removes what is [beyond the budget](Budget::surplus), and then every content that no entry has.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    fn prune(&self, budget: &Budget) -> Result<Pruned, StoreError>;

    /// [`put_in`](Self::put_in) for those who know whose it is.
    ///
    /// # Errors
    /// Its errors.
    fn put(
        &self,
        namespace: &Namespace,
        entry: NewEntry,
        content: &mut dyn Read,
    ) -> Result<Entry, StoreError> {
        self.put_in(&namespace.into(), entry, content)
    }

    /// The entry with a key, if there is one.
    ///
    /// # Errors
    /// As for [`entries`](Self::entries).
    fn entry(&self, namespace: &CacheId, key: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.entries(namespace)?.into_iter().find(|entry| entry.key == key))
    }

    /// The whole content of an entry, verified whatever the store does, in memory. Marks it as used.
    ///
    /// # Errors
    /// As for [`open`](Self::open); none of the bytes are returned then.
    fn bytes(&self, namespace: &CacheId, entry: &Entry) -> Result<Vec<u8>, StoreError> {
        let mut reader = Verified::new(self.open(namespace, entry)?, entry);
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|error| StoreError::while_reading(&entry.key, error))?;
        Ok(bytes)
    }
}
