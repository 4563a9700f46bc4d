//! The index of a namespace.
//!
//! ```text
//! {"version":1,"entries":[{"key":"image","writer":{"namespace":"…"},"data":"","digest":"sha256:…","size":123}]}
//! ```

use std::io;
use std::path::Path;

use cnb_core::digest::Digest;
use serde::Deserialize;
use serde::Serialize;

use super::blobs;
use crate::store::entry;
use crate::store::entry::Entry;
use crate::store::entry::Writer;
use crate::store::error::StoreError;

/// Entries in byte order of their keys, each key once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Index {
    entries: Vec<Named>,
}

/// An entry, but for its last use.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Named {
    pub(super) key: String,
    pub(super) writer: Writer,
    pub(super) data: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// An index is read as a whole: this is as much as it may have.
const MAX_SIZE: usize = 16 << 20;

const VERSION: u32 = 1;

#[derive(Deserialize)]
struct Document {
    version: u32,
    entries: Vec<Named>,
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    entries: &'a [Named],
}

impl Index {
    /// Reads an index; one that does not exist is empty.
    pub(super) fn read(path: &Path) -> Result<Self, StoreError> {
        let damaged =
            |reason: String| StoreError::Damaged { what: format!("the index {}", path.display()), reason };
        let bytes = match blobs::read_small(path, MAX_SIZE as u64) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(damaged(error.to_string()));
            }
            Err(error) => return Err(StoreError::at("reading", path)(error)),
        };
        let document: Document =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if document.version != VERSION {
            return Err(damaged(format!("its version {} is not known", document.version)));
        }
        for Named { key, writer, data, .. } in &document.entries {
            entry::check(key, writer, data).map_err(|reason| damaged(format!("an entry: {reason}")))?;
        }
        if !document.entries.is_sorted_by(|one, next| one.key < next.key) {
            return Err(damaged("its keys are not in order".to_owned()));
        }
        Ok(Self { entries: document.entries })
    }

    /// Adds an entry in place of the one with its key. Where that makes the index too large, the least recently used
    /// go.
    pub(super) fn put(&mut self, entry: Named, last_use: impl Fn(&Named) -> Option<u64>) {
        let key = entry.key.clone();
        match self.find(&key) {
            Ok(at) => self.entries[at] = entry,
            Err(at) => self.entries.insert(at, entry),
        }
        while self.to_bytes().len() > MAX_SIZE {
            let others = (0..self.entries.len()).filter(|at| self.entries[*at].key != key);
            let oldest = others.min_by_key(|at| last_use(&self.entries[*at]));
            self.entries.remove(oldest.expect("no single entry is too large"));
        }
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Named) -> bool) {
        self.entries.retain(keep);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Named> {
        self.entries.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let document = Written { version: VERSION, entries: &self.entries };
        serde_json::to_vec(&document).expect("all keys are strings")
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|named| named.key.as_str().cmp(key))
    }
}

impl Named {
    pub(super) fn at(self, used: u64) -> Entry {
        let Self { key, writer, data, digest, size } = self;
        Entry { key, writer, data, digest, size, used }
    }
}
