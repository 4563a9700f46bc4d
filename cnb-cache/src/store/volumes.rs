//! The lifecycle's volumes as a store: what is put as a layer is restored by any lifecycle, and what a lifecycle keeps is an
//! entry.
//!
//! ```text
//! <id>/lock            taken by those who change a volume, and by the local backend while a step has it
//! <id>/files/          the volume: see `cnb_cache::volume`
//! <id>/namespace       what the ID stands for, for people
//! new/<number>         a content while it is written
//! ```

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::CacheId;
use cnb_core::digest::Digest;
use cnb_core::labels::lifecycle::CacheMetadata;

use super::CacheStore;
use super::Clock;
use super::budget::Budget;
use super::budget::Pruned;
use super::description;
use super::entry::Entry;
use super::entry::NamespaceInfo;
use super::entry::NewEntry;
use super::error::StoreError;
use super::file::blobs;
use super::file::blobs::Blobs;
use super::file::make_directory;
use super::layers;
use super::layers::LayerEntry;
use super::verified::Verified;
use crate::atomic;
use crate::lock::Lock;
use crate::volume::VolumeCache;
use crate::volume::VolumeError;

/// A directory of volumes, one for each namespace, as the local backend has one for each of its modes.
///
/// Each change replaces the content of a volume as a whole: for a few large entries, which a volume is for, that is cheap.
/// Who puts or removes waits while a build has the volume; pruning leaves such a volume alone. The SBOM of a cache is no entry,
/// and stays.
#[derive(Clone)]
pub struct VolumeStore {
    root: PathBuf,
    blobs: Blobs,
    clock: Clock,
}

impl VolumeStore {
    /// The volumes below `root`, which is made when something is put. `clock` is asked whenever an entry is put or
    /// opened.
    pub fn new(root: impl Into<PathBuf>, clock: Clock) -> Self {
        let root = root.into();
        Self { blobs: Blobs::new(&root), root, clock }
    }

    fn directory(&self, id: &CacheId) -> PathBuf {
        self.root.join(id.as_str())
    }

    /// The volume of a namespace, if it has one.
    fn volume(&self, id: &CacheId) -> Result<Option<VolumeCache>, StoreError> {
        let files = self.directory(id).join(FILES);
        if files.is_dir() { VolumeCache::open(&files).map(Some).map_err(of_volume) } else { Ok(None) }
    }

    fn info(&self, id: &CacheId) -> NamespaceInfo {
        description::read(&self.directory(id), id.clone())
    }

    /// What a volume has: the entries whose contents seem to be there.
    fn entries_of(&self, volume: &VolumeCache, id: &CacheId) -> Result<Vec<Entry>, StoreError> {
        let metadata = volume.metadata().map_err(of_volume)?;
        let there = |entry: LayerEntry| {
            let (size, used) = blobs::used(&volume.tar(&entry.digest))?;
            Some(entry.with_content(size, used))
        };
        Ok(layers::read(&metadata, &self.info(id).printed).into_iter().filter_map(there).collect())
    }

    /// Changes what a volume has; the caller has its lock. When nothing changes, nothing is written.
    fn change(
        &self,
        namespace: &NamespaceInfo,
        new: Option<(&Digest, &Path)>,
        edit: impl FnOnce(&mut CacheMetadata),
    ) -> Result<(), StoreError> {
        let files = self.directory(&namespace.id).join(FILES);
        make_directory(&files)?;
        let volume = VolumeCache::open(&files).map_err(of_volume)?;
        let mut metadata = volume.metadata().map_err(of_volume)?;
        edit(&mut metadata);
        if let Some((digest, path)) = new {
            volume.add_file(digest, path).map_err(of_volume)?;
        }
        for buildpack in &mut metadata.buildpacks {
            buildpack.layers.retain(|_, layer| volume.keep(&layer.sha).is_ok());
        }
        if volume.keep(&metadata.sbom.sha).is_err() {
            metadata.sbom.sha.clear();
        }
        volume.commit(&metadata).map_err(of_volume)
    }

    fn lock(&self, id: &CacheId) -> Result<Lock, StoreError> {
        let directory = self.directory(id);
        make_directory(&directory)?;
        let path = directory.join(LOCK);
        Lock::of_file(&path).map_err(StoreError::at("locking", &path))
    }

    fn ids(&self) -> Result<Vec<CacheId>, StoreError> {
        let entries = atomic::list(&self.root).map_err(StoreError::at("listing", &self.root))?;
        let id = |entry: fs::DirEntry| {
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let id = entry.file_name().to_str().and_then(CacheId::new)?;
            (is_directory && self.directory(&id).join(FILES).is_dir()).then_some(id)
        };
        let mut ids: Vec<CacheId> = entries.into_iter().filter_map(id).collect();
        ids.sort();
        Ok(ids)
    }

    /// Removes entries that are still as they were when that was decided, unless somebody has the volume. Returns their keys,
    /// and bytes of the contents that went with them.
    fn evict(&self, id: &CacheId, surplus: &[&Entry]) -> Result<(Vec<String>, u64), StoreError> {
        let path = self.directory(id).join(LOCK);
        let lock = Lock::try_of_file(&path).map_err(StoreError::at("locking", &path))?;
        if lock.is_none() {
            return Ok((Vec::new(), 0));
        }
        let before = self.entries(id)?;
        let gone: Vec<&Entry> = before.iter().filter(|entry| surplus.contains(entry)).collect();
        self.change(&self.info(id), None, |metadata| {
            layers::remove(metadata, |key| gone.iter().any(|entry| entry.key == key));
        })?;
        let left: BTreeSet<Digest> = self.entries(id)?.into_iter().map(|entry| entry.digest).collect();
        let mut went = BTreeSet::new();
        let contents =
            gone.iter().filter(|entry| !left.contains(&entry.digest) && went.insert(&entry.digest));
        let bytes = contents.map(|entry| entry.size).sum();
        Ok((gone.iter().map(|entry| entry.key.clone()).collect(), bytes))
    }
}

impl CacheStore for VolumeStore {
    fn namespaces(&self) -> Result<Vec<NamespaceInfo>, StoreError> {
        let mut infos = Vec::new();
        for id in self.ids()? {
            if !self.entries(&id)?.is_empty() {
                infos.push(self.info(&id));
            }
        }
        Ok(infos)
    }

    fn entries(&self, namespace: &CacheId) -> Result<Vec<Entry>, StoreError> {
        self.volume(namespace)?.map_or(Ok(Vec::new()), |volume| self.entries_of(&volume, namespace))
    }

    fn open(&self, namespace: &CacheId, entry: &Entry) -> Result<Box<dyn Read + Send>, StoreError> {
        let missing = || StoreError::Missing { key: entry.key.clone() };
        let volume = self.volume(namespace)?.ok_or_else(missing)?;
        let metadata = volume.metadata().map_err(of_volume)?;
        let known = layers::read(&metadata, &self.info(namespace).printed);
        let has = |known: &LayerEntry| known.key == entry.key && known.digest == entry.digest;
        if !known.iter().any(has) {
            return Err(missing());
        }
        let file = blobs::open_content(&volume.tar(&entry.digest), &entry.key)?;
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
        let _lock = self.lock(&namespace.id)?;
        let _shared = self.blobs.share()?;
        let (digest, size, used) = (blob.digest().clone(), blob.size(), (self.clock)());
        let file = self.blobs.in_file(blob)?;
        blobs::mark(file.file(), used);
        description::write(&self.directory(&namespace.id), namespace)?;
        let entry = LayerEntry::new(entry, digest.clone());
        self.change(namespace, Some((&digest, file.path())), |metadata| {
            layers::put(metadata, &entry, &namespace.printed);
        })?;
        Ok(entry.with_content(size, used))
    }

    fn remove(&self, namespace: &CacheId, keys: Option<&[&str]>) -> Result<(), StoreError> {
        if !self.directory(namespace).join(FILES).is_dir() {
            return Ok(());
        }
        let _lock = self.lock(namespace)?;
        self.change(&self.info(namespace), None, |metadata| {
            layers::remove(metadata, |key| keys.is_none_or(|keys| keys.contains(&key)));
        })
    }

    fn prune(&self, budget: &Budget) -> Result<Pruned, StoreError> {
        let mut all = Vec::new();
        for id in self.ids()? {
            let entries = self.entries(&id)?;
            all.push((id, entries));
        }
        let mut pruned = Pruned::default();
        let surplus = budget.surplus(&all);
        for (id, _) in &all {
            let of_it: Vec<&Entry> = surplus.iter().filter(|(it, _)| *it == id).map(|(_, it)| *it).collect();
            if !of_it.is_empty() {
                let (keys, bytes) = self.evict(id, &of_it)?;
                pruned.entries.extend(keys.into_iter().map(|key| (id.clone(), key)));
                pruned.bytes += bytes;
            }
        }
        if self.root.exists() {
            let _alone = self.blobs.take()?;
            self.blobs.remove_unfinished()?;
        }
        Ok(pruned)
    }
}

impl fmt::Debug for VolumeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VolumeStore").field("root", &self.root).finish_non_exhaustive()
    }
}

const FILES: &str = "files";
const LOCK: &str = "lock";

fn of_volume(error: VolumeError) -> StoreError {
    match error {
        VolumeError::Io { doing, path, source } => StoreError::Io { doing, path, source },
        VolumeError::ReadOnly { .. } => StoreError::ReadOnly,
        VolumeError::Unusable(reason) => StoreError::Damaged { what: "a volume".to_owned(), reason },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cnb_core::labels::lifecycle::BuildpackLayers;
    use cnb_core::labels::lifecycle::Layer;

    use super::*;
    use crate::namespace::Namespace;
    use crate::namespace::Project;
    use crate::store::Writer;
    use crate::store::suite;

    const TOLD: &str = r#"{"data":null,"build":false,"launch":false,"cache":true}"#;

    #[test]
    fn it_passes_the_suite() {
        let directory = tempfile::tempdir().expect("a directory");
        suite::run_in(directory.path(), &|root, clock| Box::new(VolumeStore::new(root, clock)));
    }

    #[test]
    fn what_a_lifecycle_keeps_is_an_entry_and_what_is_put_is_restored() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = VolumeStore::new(directory.path(), Arc::new(|| 7));
        let shop = Namespace::new(Project::Name("shop".to_owned()), "builder", "linux/amd64");
        let writer = Writer::new(&shop).with_buildpack("x/pip", "1");
        let new = NewEntry::new("x/pip:put", writer.clone()).with_data(TOLD);
        let put = store.put(&shop, new, &mut &b"a tar"[..]).expect("written");
        store.put(&shop, NewEntry::new("image", Writer::new(&shop)), &mut &b"{}"[..]).expect("written");

        // A lifecycle finds the layer, keeps it, and adds one.
        let files = directory.path().join(shop.id().as_str()).join("files");
        let volume = VolumeCache::open(&files).expect("a volume");
        let mut metadata = volume.metadata().expect("metadata");
        metadata.buildpacks.retain(|buildpack| buildpack.id == "x/pip");
        let layer = &metadata.buildpacks[0].layers["put"];
        assert_eq!((layer.sha.as_str(), layer.cache), (put.digest.as_str(), true));
        volume.reuse(&layer.sha).expect("it is whole");
        let id: Digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            .parse()
            .expect("a digest");
        volume.add(&id, |file| std::io::Write::write_all(file, b"abc")).expect("written");
        let layer = Layer { sha: id.to_string(), cache: true, ..Layer::default() };
        metadata.buildpacks.push(BuildpackLayers {
            id: "x/npm".to_owned(),
            version: "2".to_owned(),
            layers: [("kept".to_owned(), layer)].into(),
            store: None,
        });
        volume.commit(&metadata).expect("committed");

        let entries = store.entries(&shop.id()).expect("readable");
        let [kept, again] = &entries[..] else { panic!("{entries:?}") };
        assert_eq!(again, &put);
        assert_eq!((kept.key.as_str(), kept.data.as_str(), kept.size), ("x/npm:kept", TOLD, 3));
        assert_eq!(kept.writer, Writer::new(&shop).with_buildpack("x/npm", "2"));
        assert_eq!(store.bytes(&shop.id(), kept).expect("whole"), b"abc");
    }

    #[test]
    fn a_volume_that_a_build_has_is_not_pruned() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = VolumeStore::new(directory.path(), Arc::new(|| 7));
        let shop = Namespace::new(Project::Name("shop".to_owned()), "builder", "linux/amd64");
        store.put(&shop, NewEntry::new("k", Writer::new(&shop)), &mut &b"content"[..]).expect("written");
        let lock = Lock::of_file(&directory.path().join(shop.id().as_str()).join("lock")).expect("a lock");
        let all = Budget::unlimited().with_total(0);
        assert_eq!(store.prune(&all).expect("it is left alone"), Pruned::default());
        drop(lock);
        assert_eq!(store.prune(&all).expect("written").bytes, 7);
    }
}
