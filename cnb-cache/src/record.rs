//! The record of the last build: enough to build on it when its image has no name any more.

use std::collections::BTreeMap;

use cnb_core::backend::CacheId;
use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use serde::Deserialize;
use sha2::Digest as _;
use sha2::Sha256;

use crate::namespace::Namespace;
use crate::store::CacheStore;
use crate::store::NewEntry;
use crate::store::StoreError;
use crate::store::Writer;

/// What the last build made: the config of its image, and with it the labels and the diffIDs of all layers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    config: String,
    parsed: ImageConfig,
}

impl Record {
    /// The record of an image with this config.
    ///
    /// # Errors
    /// When the bytes are no image config.
    pub fn new(config: &[u8]) -> Result<Self, serde_json::Error> {
        let parsed: ImageConfig = serde_json::from_slice(config)?;
        let config = String::from_utf8(config.to_vec()).map_err(serde::de::Error::custom)?;
        Ok(Self { config, parsed })
    }

    /// The record that a namespace has in a store, if it has one.
    ///
    /// # Errors
    /// When there is one that cannot be used; never a reason to end a build.
    pub fn load(store: &dyn CacheStore, namespace: &CacheId) -> Result<Option<Self>, StoreError> {
        let Some(entry) = store.entry(namespace, KEY)? else { return Ok(None) };
        let config = store.bytes(namespace, &entry)?;
        let record = Self::new(&config).map_err(|error| StoreError::Damaged {
            what: format!("the entry `{KEY}`"),
            reason: error.to_string(),
        })?;
        Ok(Some(record))
    }

    /// Keeps it in place of the one that the namespace has.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn save(
        &self,
        store: &dyn CacheStore,
        namespace: &Namespace,
        writer: Writer,
    ) -> Result<(), StoreError> {
        store.put(namespace, NewEntry::new(KEY, writer), &mut self.config()).map(drop)
    }

    /// The config, byte for byte.
    pub fn config(&self) -> &[u8] {
        self.config.as_bytes()
    }

    /// The digest of the config.
    pub fn image_id(&self) -> Digest {
        Digest::from_bytes(Sha256::digest(&self.config).into())
    }

    /// A label of the image.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.parsed.config.labels.as_ref()?.get(key).map(String::as_str)
    }

    /// The diffIDs of all layers, lowest first.
    pub fn diff_ids(&self) -> &[DiffId] {
        &self.parsed.rootfs.diff_ids
    }
}

/// The key of the entry.
const KEY: &str = "image";

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
struct ImageConfig {
    rootfs: RootFs,
    #[serde(default)]
    config: ContainerConfig,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
struct RootFs {
    diff_ids: Vec<DiffId>,
}

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
struct ContainerConfig {
    #[serde(default, rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::namespace::Project;
    use crate::store::MemoryStore;

    fn record() -> Record {
        let config = format!(
            r#"{{ "rootfs": {{"type":"layers","diff_ids":["sha256:{}"]}}, "config":{{"Labels":{{"k":"<é>"}}}} }}"#,
            "a".repeat(64)
        );
        Record::new(config.as_bytes()).expect("a config")
    }

    #[test]
    fn a_record_keeps_every_byte_of_the_config() {
        let store = MemoryStore::new(Arc::new(|| 0));
        let [a, b] =
            ["a", "b"].map(|name| Namespace::new(Project::Name(name.to_owned()), "b", "linux/amd64"));
        assert_eq!(Record::load(&store, &a.id()).expect("readable"), None);
        record().save(&store, &a, Writer::new(&a)).expect("written");
        let read = Record::load(&store, &a.id()).expect("readable").expect("a record");
        assert_eq!(read, record());
        assert_eq!(read.label("k"), Some("<é>"));
        assert_eq!(read.diff_ids().len(), 1);
        assert_eq!(Record::load(&store, &b.id()).expect("readable"), None);
    }

    #[test]
    fn what_is_no_config_is_no_record() {
        let store = MemoryStore::new(Arc::new(|| 0));
        let namespace = Namespace::new(Project::Name("a".to_owned()), "b", "linux/amd64");
        for content in ["", "{}", r#"{"rootfs":{"diff_ids":["sha256:1"]}}"#] {
            assert!(Record::new(content.as_bytes()).is_err(), "{content}");
            let entry = NewEntry::new(KEY, Writer::new(&namespace));
            store.put(&namespace, entry, &mut content.as_bytes()).expect("written");
            let error = Record::load(&store, &namespace.id()).expect_err("no record").to_string();
            assert!(error.starts_with("the entry `image` of the cache cannot be used: "), "{error}");
        }
    }
}
