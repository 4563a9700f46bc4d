#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::io::Cursor;
use std::io::Read;

use cnb_cache::store::Budget;
use cnb_cache::store::CacheStore;
use cnb_cache::store::Clock;
use cnb_cache::store::Entry;
use cnb_cache::store::NamespaceInfo;
use cnb_cache::store::NewEntry;
use cnb_cache::store::Pruned;
use cnb_cache::store::StoreError;
use cnb_cache::store::Verified;
use cnb_core::backend::CacheId;
use cnb_core::digest::Digest;
use sha2::Digest as _;
use sha2::Sha256;

mod bucket;
mod object;

pub use bucket::Bucket;
pub use bucket::MemoryBucket;
pub use object::Object;

/// A store in a bucket.
///
/// ```text
/// entries/<id>/<key in hexadecimal digits>    an entry and its content
/// used/<id>/<key in hexadecimal digits>       when it was used last
/// ```
#[derive(Clone)]
pub struct BucketStore<B> {
    bucket: B,
    clock: Clock,
}

impl<B: Bucket> BucketStore<B> {
    /// The store in a bucket. `clock` says seconds since 1970.
    pub fn new(bucket: B, clock: Clock) -> Self {
        Self { bucket, clock }
    }

    /// The object with this name. One that makes no sense is none: it costs time, never a build.
    fn object(&self, id: &CacheId, name: &str) -> Result<Option<Object>, StoreError> {
        let Some(bytes) = self.bucket.get(name).map_err(failed("reading"))? else { return Ok(None) };
        let used = self.bucket.get(&name.replacen(ENTRIES, USED, 1)).map_err(failed("reading"))?;
        let used = used.and_then(|text| String::from_utf8(text).ok()?.parse().ok()).unwrap_or(0);
        let is_its_place = |object: &Object| name == place(id, &object.entry.key);
        Ok(Object::from_bytes(&bytes, used).filter(is_its_place))
    }

    fn objects(&self, id: &CacheId) -> Result<Vec<Object>, StoreError> {
        let names = self.bucket.list(&format!("{ENTRIES}{}/", id.as_str())).map_err(failed("listing"))?;
        // Hexadecimal digits have the order of the bytes.
        names.iter().filter_map(|name| self.object(id, name).transpose()).collect()
    }

    fn remove_entry(&self, id: &CacheId, key: &str) -> Result<(), StoreError> {
        let name = place(id, key);
        self.bucket.remove(&name).map_err(failed("changing"))?;
        self.bucket.remove(&name.replacen(ENTRIES, USED, 1)).map_err(failed("changing"))
    }

    fn use_now(&self, name: &str) -> Result<u64, StoreError> {
        let now = (self.clock)();
        let object = now.to_string().into_bytes();
        self.bucket.put(&name.replacen(ENTRIES, USED, 1), object).map_err(failed("changing"))?;
        Ok(now)
    }
}

impl<B: Bucket> CacheStore for BucketStore<B> {
    fn namespaces(&self) -> Result<Vec<NamespaceInfo>, StoreError> {
        let mut infos: Vec<NamespaceInfo> = Vec::new();
        for name in self.bucket.list(ENTRIES).map_err(failed("listing"))? {
            let id = name[ENTRIES.len()..].split('/').next().and_then(CacheId::new);
            let Some(id) = id.filter(|id| infos.iter().all(|info| info.id != *id)) else { continue };
            if let Some(object) = self.object(&id, &name)? {
                infos.push(NamespaceInfo::new(id, object.namespace));
            }
        }
        infos.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(infos)
    }

    fn entries(&self, namespace: &CacheId) -> Result<Vec<Entry>, StoreError> {
        Ok(self.objects(namespace)?.into_iter().map(|object| object.entry).collect())
    }

    fn open(&self, namespace: &CacheId, entry: &Entry) -> Result<Box<dyn Read + Send>, StoreError> {
        let name = place(namespace, &entry.key);
        // It may have been replaced since it was listed.
        let object = self.object(namespace, &name)?.filter(|object| object.entry.digest == entry.digest);
        let object = object.ok_or_else(|| StoreError::Missing { key: entry.key.clone() })?;
        self.use_now(&name)?;
        Ok(Box::new(Verified::new(Cursor::new(object.content), &object.entry)))
    }

    fn put_in(
        &self,
        namespace: &NamespaceInfo,
        entry: NewEntry,
        content: &mut dyn Read,
    ) -> Result<Entry, StoreError> {
        entry.check()?;
        let NewEntry { key, writer, data, .. } = entry;
        let mut bytes = Vec::new();
        if let Err(source) = content.read_to_end(&mut bytes) {
            return Err(StoreError::Content { key, source });
        }
        let digest = Digest::from_bytes(Sha256::digest(&bytes).into());
        let name = place(&namespace.id, &key);
        let used = self.use_now(&name)?;
        let entry = Entry { key, writer, data, digest, size: bytes.len() as u64, used };
        let object = Object { entry, namespace: namespace.printed.clone(), content: bytes };
        self.bucket.put(&name, object.to_bytes()).map_err(failed("changing"))?;
        Ok(object.entry)
    }

    fn remove(&self, namespace: &CacheId, keys: Option<&[&str]>) -> Result<(), StoreError> {
        for entry in self.entries(namespace)? {
            if keys.is_none_or(|keys| keys.contains(&entry.key.as_str())) {
                self.remove_entry(namespace, &entry.key)?;
            }
        }
        Ok(())
    }

    fn prune(&self, budget: &Budget) -> Result<Pruned, StoreError> {
        let mut all = Vec::new();
        for info in self.namespaces()? {
            let entries = self.entries(&info.id)?;
            all.push((info.id, entries));
        }
        let mut pruned = Pruned::default();
        for (id, entry) in budget.surplus(&all) {
            self.remove_entry(id, &entry.key)?;
            pruned.bytes += entry.size;
            pruned.entries.push((id.clone(), entry.key.clone()));
        }
        Ok(pruned)
    }
}

impl<B: Bucket> fmt::Debug for BucketStore<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketStore").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

const ENTRIES: &str = "entries/";
const USED: &str = "used/";

/// Keys are any text, and names of objects are not.
fn place(id: &CacheId, key: &str) -> String {
    let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{ENTRIES}{}/{hex}", id.as_str())
}

fn failed(doing: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Other { doing, source: source.into() }
}
