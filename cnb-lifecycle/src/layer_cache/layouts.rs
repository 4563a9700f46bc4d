//! Cache images in an OCI layout as a store: what is put as a layer is restored from such an image wherever it is copied to,
//! and cache images of a lifecycle that are copied into the layout are entries.
//!
//! Each namespace is an image, whose tag is its ID. It is what [`CacheImage`](super::image::CacheImage) writes, but its layers
//! are not compressed; those of others may be. Which layer is which entry: [`layers`].

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::fs::File;
use std::fs::FileTimes;
use std::io;
use std::io::Read;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use cnb_cache::lock::Lock;
use cnb_cache::store::Budget;
use cnb_cache::store::CacheStore;
use cnb_cache::store::Clock;
use cnb_cache::store::Entry;
use cnb_cache::store::NamespaceInfo;
use cnb_cache::store::NewEntry;
use cnb_cache::store::Pruned;
use cnb_cache::store::StoreError;
use cnb_cache::store::Verified;
use cnb_cache::store::layers;
use cnb_cache::store::layers::LayerEntry;
use cnb_cache::volume::METADATA;
use cnb_core::backend::CacheId;
use cnb_core::backend::ErrorKind;
use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use cnb_core::encode::go_json;
use cnb_core::labels::lifecycle::CacheMetadata;
use cnb_oci::apply::decompress;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use cnb_oci::image::Image;
use cnb_oci::layout;
use cnb_oci::layout::Layout;

use crate::causes::with_causes;
use crate::export::config::Config;
use crate::export::config::DEFAULT_EPOCH;

/// A layout of cache images, one for each namespace. Only such stores may write to it at the same time.
///
/// Listing reads layers to their ends that are compressed: nothing else says how large their contents are. An image that is not
/// whole has no entries; it is replaced by what is put.
#[derive(Clone)]
pub struct LayoutStore {
    directory: PathBuf,
    clock: Clock,
}

impl LayoutStore {
    /// The images in a layout, which is made when something is put. `clock` is asked whenever an entry is put or
    /// opened.
    pub fn new(directory: impl Into<PathBuf>, clock: Clock) -> Self {
        Self { directory: directory.into(), clock }
    }

    fn layout(&self) -> Result<Option<Layout>, StoreError> {
        match Layout::open(&self.directory) {
            Ok(layout) => Ok(Some(layout)),
            Err(layout::Error::NoLayout { .. }) => Ok(None),
            Err(error) => Err(failed("reading")(error)),
        }
    }

    /// Nobody else changes the layout until this is dropped.
    fn lock(&self) -> Result<Lock, StoreError> {
        Lock::wait(&self.directory).map_err(failed("locking"))
    }
}

impl CacheStore for LayoutStore {
    fn namespaces(&self) -> Result<Vec<NamespaceInfo>, StoreError> {
        let Some(layout) = self.layout()? else { return Ok(Vec::new()) };
        let mut infos = Vec::new();
        for id in ids(&layout)? {
            match Kept::read(&layout, &id) {
                Ok(Some(kept)) if !kept.entries().is_empty() => {
                    infos.push(NamespaceInfo::new(id, kept.printed));
                }
                Err(error @ StoreError::Damaged { .. }) => tracing::warn!("{error}"),
                other => drop(other?),
            }
        }
        Ok(infos)
    }

    fn entries(&self, namespace: &CacheId) -> Result<Vec<Entry>, StoreError> {
        let Some(layout) = self.layout()? else { return Ok(Vec::new()) };
        let Some(kept) = Kept::read(&layout, namespace)? else { return Ok(Vec::new()) };
        let there = |entry: LayerEntry| {
            let descriptor = kept.layers.get(&entry.digest)?;
            let metadata = fs::symlink_metadata(layout.blobs().path(&descriptor.digest)).ok()?;
            if metadata.len() != descriptor.size {
                return None;
            }
            let size = size_of_content(&layout, descriptor, &entry.digest)?;
            Some(entry.with_content(size, metadata.mtime().try_into().unwrap_or(0)))
        };
        Ok(kept.entries().into_iter().filter_map(there).collect())
    }

    fn open(&self, namespace: &CacheId, entry: &Entry) -> Result<Box<dyn Read + Send>, StoreError> {
        let missing = || StoreError::Missing { key: entry.key.clone() };
        let layout = self.layout()?.ok_or_else(missing)?;
        let kept = Kept::read(&layout, namespace)?.ok_or_else(missing)?;
        let has = |known: &LayerEntry| known.key == entry.key && known.digest == entry.digest;
        let descriptor = kept.layers.get(&entry.digest).filter(|_| kept.entries().iter().any(has));
        let descriptor = descriptor.ok_or_else(missing)?;
        let content = content(&layout, descriptor).map_err(|error| StoreError::Damaged {
            what: format!("the entry `{}`", entry.key),
            reason: error.to_string(),
        })?;
        mark(&layout, &descriptor.digest, (self.clock)());
        Ok(Box::new(Verified::new(content, entry)))
    }

    fn put_in(
        &self,
        namespace: &NamespaceInfo,
        entry: NewEntry,
        content: &mut dyn Read,
    ) -> Result<Entry, StoreError> {
        entry.check()?;
        let layout = Layout::create(&self.directory).map_err(failed("changing"))?;
        let mut blob = layout.blobs().writer().map_err(failed("changing"))?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => blob.write_all(&buffer[..read]).map_err(failed("changing"))?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(StoreError::Content { key: entry.key, source }),
            }
        }
        let _lock = self.lock()?;
        let blob = blob.finish().map_err(failed("changing"))?;
        let used = (self.clock)();
        mark(&layout, &blob.digest, used);
        let entry = LayerEntry::new(entry, blob.digest.clone());
        change(&layout, &namespace.id, |kept| {
            layers::put(&mut kept.metadata, &entry, &namespace.printed);
            kept.printed.clone_from(&namespace.printed);
            kept.layers.insert(blob.digest.clone(), Descriptor::new(LAYER, blob.digest, blob.size));
        })?;
        Ok(entry.with_content(blob.size, used))
    }

    fn remove(&self, namespace: &CacheId, keys: Option<&[&str]>) -> Result<(), StoreError> {
        let Some(layout) = self.layout()? else { return Ok(()) };
        let _lock = self.lock()?;
        if !ids(&layout)?.contains(namespace) {
            return Ok(());
        }
        change(&layout, namespace, |kept| {
            layers::remove(&mut kept.metadata, |key| keys.is_none_or(|keys| keys.contains(&key)));
        })
    }

    fn prune(&self, budget: &Budget) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        let Some(layout) = self.layout()? else { return Ok(pruned) };
        let mut all = Vec::new();
        for id in ids(&layout)? {
            match self.entries(&id) {
                Ok(entries) => all.push((id, entries)),
                Err(error @ StoreError::Damaged { .. }) => {
                    tracing::warn!("{error}; it is removed");
                    self.remove(&id, None)?;
                }
                Err(error) => return Err(error),
            }
        }
        for (id, entry) in budget.surplus(&all) {
            self.remove(id, Some(&[&entry.key]))?;
            pruned.entries.push((id.clone(), entry.key.clone()));
        }
        let contents: BTreeMap<&Digest, u64> =
            all.iter().flat_map(|(_, entries)| entries).map(|entry| (&entry.digest, entry.size)).collect();
        let _lock = self.lock()?;
        layout.remove_unreachable().map_err(failed("changing"))?;
        let is_gone = |digest: &Digest| !layout.blobs().path(digest).exists();
        pruned.bytes = contents.into_iter().filter(|(digest, _)| is_gone(digest)).map(|(_, size)| size).sum();
        Ok(pruned)
    }
}

impl fmt::Debug for LayoutStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayoutStore").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// The media type of contents as they are.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// A label of ours: the namespace whose image it is, printed.
const NAMESPACE: &str = "cnb.cache.namespace";
/// Layouts read no larger documents.
const MAX_CONFIG: usize = 16 << 20;

/// What the image of a namespace says.
#[derive(Default)]
struct Kept {
    metadata: CacheMetadata,
    layers: BTreeMap<DiffId, Descriptor>,
    printed: String,
}

impl Kept {
    fn read(layout: &Layout, id: &CacheId) -> Result<Option<Self>, StoreError> {
        let entry = match layout.entry(Some(id.as_str())) {
            Ok(entry) => entry,
            Err(layout::Error::NoImage { .. }) => return Ok(None),
            Err(error) => return Err(failed("reading")(error)),
        };
        match layout.image_of(entry) {
            Ok(image) => Ok(Some(Self::of(&image))),
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound) => {
                let what = format!("the image `{}`", id.as_str());
                Err(StoreError::Damaged { what, reason: with_causes(&error) })
            }
            Err(error) => Err(failed("reading")(error)),
        }
    }

    fn of(image: &Image) -> Self {
        let metadata = image.config.label(METADATA).and_then(|label| serde_json::from_str(label).ok());
        let layers = image.layers().map(|(diff_id, blob)| (diff_id.clone(), blob.clone())).collect();
        let printed = image.config.label(NAMESPACE).unwrap_or_default().to_owned();
        Self { metadata: metadata.unwrap_or_default(), layers, printed }
    }

    fn entries(&self) -> Vec<LayerEntry> {
        layers::read(&self.metadata, &self.printed)
    }

    /// Only layers that are there and have a name stay.
    fn forget_missing(&mut self, layout: &Layout) {
        self.layers.retain(|_, blob| layout.blobs().open(&blob.digest, blob.size).is_ok());
        let is_there = |sha: &str| sha.parse::<DiffId>().is_ok_and(|id| self.layers.contains_key(&id));
        for buildpack in &mut self.metadata.buildpacks {
            buildpack.layers.retain(|_, layer| is_there(&layer.sha));
        }
        self.metadata
            .buildpacks
            .retain(|buildpack| !buildpack.layers.is_empty() || buildpack.store.is_some());
        if !is_there(&self.metadata.sbom.sha) {
            self.metadata.sbom.sha.clear();
        }
        let named: Vec<&str> = self
            .metadata
            .buildpacks
            .iter()
            .flat_map(|buildpack| buildpack.layers.values().map(|layer| layer.sha.as_str()))
            .chain([self.metadata.sbom.sha.as_str()])
            .collect();
        self.layers.retain(|id, _| named.contains(&id.as_str()));
    }
}

/// The namespaces that have an image, in order.
fn ids(layout: &Layout) -> Result<Vec<CacheId>, StoreError> {
    let index = layout.index().map_err(failed("reading"))?;
    let mut ids: Vec<CacheId> =
        index.manifests.iter().filter_map(|entry| entry.ref_name().and_then(CacheId::new)).collect();
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// Changes the image of a namespace; the caller has the lock. One that is not whole is as none.
fn change(layout: &Layout, namespace: &CacheId, edit: impl FnOnce(&mut Kept)) -> Result<(), StoreError> {
    let mut kept = match Kept::read(layout, namespace) {
        Err(error @ StoreError::Damaged { .. }) => {
            tracing::warn!("{error}; what it had is forgotten");
            Kept::default()
        }
        other => other?.unwrap_or_default(),
    };
    edit(&mut kept);
    kept.forget_missing(layout);
    let tag = namespace.as_str();
    if kept.metadata == CacheMetadata::default() {
        return layout.remove_image(tag).map_err(failed("changing"));
    }
    let mut config = Config::empty("linux");
    config.set_label(METADATA, &go_json::to_string(&kept.metadata).expect("all keys are strings"));
    config.set_label(NAMESPACE, &kept.printed);
    for diff_id in kept.layers.keys() {
        config.add_layer(diff_id, "");
    }
    config.set_created(DEFAULT_EPOCH, false);
    let config = config.to_bytes();
    if config.len() > MAX_CONFIG {
        let reason = "there is no room for it in the config of the image".to_owned();
        return Err(StoreError::Refused { key: tag.to_owned(), reason });
    }
    let config = layout.blobs().put(&config).map_err(failed("changing"))?;
    let config = Descriptor::new(media_type::OCI_CONFIG, config.digest, config.size);
    let manifest = Manifest::new(config, kept.layers.into_values().collect());
    layout.put_image(Some(tag), &manifest).map(drop).map_err(failed("changing"))
}

fn content(layout: &Layout, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
    let blob = layout.blobs().open(&descriptor.digest, descriptor.size).map_err(io::Error::other)?;
    decompress(&descriptor.media_type, blob).map_err(io::Error::other)
}

fn size_of_content(layout: &Layout, descriptor: &Descriptor, diff_id: &DiffId) -> Option<u64> {
    if descriptor.digest == *diff_id {
        return Some(descriptor.size);
    }
    io::copy(&mut content(layout, descriptor).ok()?, &mut io::sink()).ok()
}

/// Remembers when a content was used, where that is possible.
fn mark(layout: &Layout, digest: &Digest, used: u64) {
    let time = UNIX_EPOCH + Duration::from_secs(used);
    let marked = File::open(layout.blobs().path(digest))
        .and_then(|file| file.set_times(FileTimes::new().set_modified(time)));
    if let Err(error) = marked {
        tracing::debug!("a use of the cache is not remembered: {error}");
    }
}

fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    doing: &'static str,
) -> impl Fn(E) -> StoreError {
    move |error| StoreError::Other { doing, source: error.into() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use cnb_cache::namespace::Namespace;
    use cnb_cache::namespace::Project;
    use cnb_cache::store::Writer;
    use cnb_cache::store::suite;
    use cnb_oci::compression::Compressor;

    use super::*;

    const TOLD: &str = r#"{"data":null,"build":false,"launch":false,"cache":true}"#;

    #[test]
    fn it_passes_the_suite() {
        let directory = tempfile::tempdir().expect("a directory");
        suite::run_in(directory.path(), &|root, clock| Box::new(LayoutStore::new(root, clock)));
    }

    #[test]
    fn what_is_put_is_a_cache_image_and_cache_images_are_entries() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = LayoutStore::new(directory.path(), Arc::new(|| 7));
        let shop = Namespace::new(Project::Name("shop".to_owned()), "builder", "linux/amd64");
        let writer = Writer::new(&shop).with_buildpack("x/pip", "1");
        let new = NewEntry::new("x/pip:put", writer).with_data(TOLD);
        let put = store.put(&shop, new, &mut &b"a tar"[..]).expect("written");

        let layout = Layout::open(directory.path()).expect("a layout");
        let image = |tag: &str| {
            let entry = layout.entry(Some(tag)).expect("an image");
            layout.image_of(entry).expect("a whole image")
        };
        let written = image(shop.id().as_str());
        let metadata: CacheMetadata =
            serde_json::from_str(written.config.label(METADATA).expect("the label")).expect("metadata");
        assert_eq!(metadata.buildpacks[0].layers["put"].sha, put.digest.as_str());
        assert_eq!((written.config.os(), written.config.architecture()), ("linux", ""));
        assert_eq!(written.config.diff_ids(), std::slice::from_ref(&put.digest));

        // The same layer as a lifecycle has it in its cache images.
        let mut gzip = Compressor::default().writer(layout.blobs().writer().expect("a blob"));
        gzip.write_all(b"a tar").expect("written");
        let blob = gzip.finish().expect("written").finish().expect("written");
        let layers = vec![Descriptor::new(media_type::OCI_LAYER_GZIP, blob.digest, blob.size)];
        let manifest = Manifest::new(written.manifest.config.clone(), layers);
        layout.put_image(Some("copied"), &manifest).expect("an image");
        let id = CacheId::new("copied").expect("a name");
        let entries = store.entries(&id).expect("readable");
        assert_eq!(
            (entries[0].key.as_str(), entries[0].size, &entries[0].digest),
            ("x/pip:put", 5, &put.digest)
        );
        assert_eq!(store.bytes(&id, &entries[0]).expect("whole"), b"a tar");
    }

    #[test]
    fn what_is_damaged_is_not_returned_and_put_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = LayoutStore::new(directory.path(), Arc::new(|| 7));
        let shop = Namespace::new(Project::Name("shop".to_owned()), "builder", "linux/amd64");
        let put = || store.put(&shop, NewEntry::new("k", Writer::new(&shop)), &mut &b"content"[..]);
        let entry = put().expect("written");
        let blob = directory.path().join("blobs/sha256").join(entry.digest.hex());
        for damaged in ["Content", "conten", ""] {
            fs::write(&blob, damaged).expect("a file");
            store.bytes(&shop.id(), &entry).expect_err(damaged);
            put().expect("written");
            assert_eq!(store.bytes(&shop.id(), &entry).expect("whole"), b"content");
        }
    }

    #[test]
    fn an_image_that_is_not_whole_costs_its_entries_and_nothing_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = LayoutStore::new(directory.path(), Arc::new(|| 7));
        let [shop, blog] = ["shop", "blog"]
            .map(|name| Namespace::new(Project::Name(name.to_owned()), "builder", "linux/amd64"));
        let put = |namespace| {
            store
                .put(namespace, NewEntry::new("k", Writer::new(namespace)), &mut &b"content"[..])
                .expect("written")
        };
        let layout = || Layout::open(directory.path()).expect("a layout");
        let kept = put(&blog);
        let harm: [&dyn Fn(&Path); 2] = [&|path| fs::write(path, "{").expect("a file"), &|path| {
            fs::remove_file(path).expect("removed");
        }];
        let mend: [&dyn Fn(); 3] =
            [&|| drop(put(&shop)), &|| store.remove(&shop.id(), None).expect("written"), &|| {
                store.prune(&Budget::unlimited()).expect("written");
            }];
        for (harm, mend) in harm.iter().flat_map(|harm| mend.iter().map(move |mend| (harm, mend))) {
            put(&shop);
            let image = layout().entry(Some(shop.id().as_str())).expect("an image");
            harm(&layout().blobs().path(&image.digest));
            let error = store.entries(&shop.id()).expect_err("it is damaged");
            assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
            assert_eq!(store.namespaces().expect("readable"), [NamespaceInfo::from(&blog)]);
            mend();
            let is_there = |entry: &Entry| store.bytes(&shop.id(), entry).is_ok();
            assert!(store.entries(&shop.id()).expect("readable").iter().all(is_there));
            assert_eq!(store.bytes(&blog.id(), &kept).expect("whole"), b"content");
        }
    }
}
