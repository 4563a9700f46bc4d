//! The record of the last build: enough to build on it when its image has no name any more.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;

use crate::atomic;

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

    /// Reads the record at `path`.
    ///
    /// # Errors
    /// When there is none that can be used; never a reason to end a build.
    pub fn read(path: &Path) -> Result<Self, NoRecord> {
        let unusable = |reason: String| NoRecord::Unusable { path: path.to_owned(), reason };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(NoRecord::Missing),
            Err(error) => return Err(unusable(error.to_string())),
        };
        let document: Document =
            serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        if document.version != VERSION {
            return Err(unusable(format!("version {} is not known", document.version)));
        }
        if document.image_id != digest(document.config.as_bytes()) {
            return Err(unusable("the config is not the one that was recorded".to_owned()));
        }
        Self::new(document.config.as_bytes()).map_err(|error| unusable(error.to_string()))
    }

    /// Writes the record to `path`, where the old or the new one is at any time.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let document = Document { version: VERSION, image_id: self.image_id(), config: self.config.clone() };
        atomic::write(path, &serde_json::to_vec(&document)?)
    }

    /// The config, byte for byte.
    pub fn config(&self) -> &[u8] {
        self.config.as_bytes()
    }

    /// The digest of the config.
    pub fn image_id(&self) -> Digest {
        digest(self.config.as_bytes())
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

/// Why there is no record.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoRecord {
    /// Nothing was recorded yet.
    #[error("there is no record of an earlier build")]
    Missing,
    /// There is a file, but it cannot be used.
    #[error("the record of the last build in {} cannot be used: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

const VERSION: u32 = 1;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    image_id: Digest,
    config: String,
}

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

fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let config = format!(
            r#"{{ "rootfs": {{"type":"layers","diff_ids":["sha256:{}"]}}, "config":{{"Labels":{{"k":"<é>"}}}} }}"#,
            "a".repeat(64)
        );
        Record::new(config.as_bytes()).expect("a config")
    }

    #[test]
    fn a_record_keeps_every_byte_of_the_config() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("record.json");
        assert_eq!(Record::read(&path), Err(NoRecord::Missing));
        record().write(&path).expect("a file");
        record().write(&path).expect("the file again");
        let read = Record::read(&path).expect("a record");
        assert_eq!(read, record());
        assert_eq!(read.label("k"), Some("<é>"));
        assert_eq!(read.diff_ids().len(), 1);
        assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1, "nothing else is left");
    }

    #[test]
    fn what_cannot_be_read_is_no_record_and_says_why() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("record.json");
        record().write(&path).expect("a file");
        let text = fs::read_to_string(&path).expect("a file");
        let cases = [
            (text.replace("diff_ids", "diff_xxx"), "not the one that was recorded"),
            (text.replace(r#""version":1"#, r#""version":2"#), "version 2 is not known"),
            (text[..text.len() / 2].to_owned(), "EOF"),
            (String::new(), "EOF"),
        ];
        for (damaged, reason) in cases {
            fs::write(&path, damaged).expect("a file");
            let error = Record::read(&path).expect_err("no record").to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(Record::new(br#"{"rootfs":{"diff_ids":["sha256:1"]}}"#).is_err());
    }
}
