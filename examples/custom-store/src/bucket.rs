//! The place where objects are.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// What every object storage can do. An object changes as a whole, and who reads sees the old or the new one.
pub trait Bucket: Debug + Send + Sync {
    /// The object with this name, if there is one.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Makes or replaces an object.
    ///
    /// # Errors
    /// When the bucket cannot be reached, or is full.
    fn put(&self, name: &str, object: Vec<u8>) -> io::Result<()>;

    /// Removes an object, if it is there.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names that begin so, in order.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    fn list(&self, prefix: &str) -> io::Result<Vec<String>>;
}

/// A bucket of this process. Clones are the same bucket.
#[derive(Clone, Debug, Default)]
pub struct MemoryBucket {
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl MemoryBucket {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> T {
        work(&mut self.objects.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Bucket for MemoryBucket {
    fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.with(|objects| objects.get(name).cloned()))
    }

    fn put(&self, name: &str, object: Vec<u8>) -> io::Result<()> {
        self.with(|objects| objects.insert(name.to_owned(), object));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.with(|objects| objects.remove(name));
        Ok(())
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<String>> {
        let has_prefix = |name: &&String| name.starts_with(prefix);
        Ok(self.with(|objects| objects.keys().filter(has_prefix).cloned().collect()))
    }
}
