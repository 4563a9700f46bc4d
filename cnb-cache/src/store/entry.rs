//! What an index says of a content.

use cnb_core::backend::CacheId;
use cnb_core::digest::Digest;
use serde::Deserialize;
use serde::Serialize;

use super::error::StoreError;
use crate::namespace::Namespace;

/// A content that a store has.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// The name under which it is found. Any text; it is part of no path.
    pub key: String,
    /// Who put it there.
    pub writer: Writer,
    /// What the writer remembers beside the content. Stores do not look into it; writers of this workspace use JSON.
    pub data: String,
    /// The SHA-256 of the content.
    pub digest: Digest,
    /// Bytes of the content.
    pub size: u64,
    /// When it was put or opened last, in seconds since 1970. Uses of the same content by others may count.
    pub used: u64,
}

/// A content that a store is to have.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NewEntry {
    /// As in [`Entry`].
    pub key: String,
    /// As in [`Entry`].
    pub writer: Writer,
    /// As in [`Entry`].
    pub data: String,
}

/// Who wrote an entry, as far as it is known. Readers may trust less than all of them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Writer {
    /// The namespace of the build, printed. Entries that several projects share lie in a namespace of their own: then it
    /// is another one than that.
    pub namespace: String,
    /// The digest of the builder image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder: Option<Digest>,
    /// The buildpack that made the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buildpack: Option<Buildpack>,
}

/// A buildpack, by name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Buildpack {
    /// Its ID.
    pub id: String,
    /// Its version.
    pub version: String,
}

/// A namespace by its ID, as it is known to those who do not know what it is made of.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NamespaceInfo {
    /// Its ID.
    pub id: CacheId,
    /// What the ID stands for, for people to read: a [`Namespace`] as it is printed.
    pub printed: String,
}

impl NewEntry {
    /// Bytes of a key.
    pub const MAX_KEY: usize = 1024;
    /// Bytes of the data, and of the writer.
    pub const MAX_DATA: usize = 1 << 20;

    /// An entry without data.
    pub fn new(key: impl Into<String>, writer: Writer) -> Self {
        Self { key: key.into(), writer, data: String::new() }
    }

    /// The same with data.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<String>) -> Self {
        self.data = data.into();
        self
    }

    /// Whether it keeps the limits; stores check it before they keep anything.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the key is empty, or something is too long: data that is large is a content.
    pub fn check(&self) -> Result<(), StoreError> {
        check(&self.key, &self.writer, &self.data)
            .map_err(|reason| StoreError::Refused { key: self.key.clone(), reason })
    }
}

/// Which limit is broken, if one is.
pub(super) fn check(key: &str, writer: &Writer, data: &str) -> Result<(), String> {
    let buildpack = writer.buildpack.as_ref().map_or(0, |it| it.id.len() + it.version.len());
    let parts = [
        ("key", key.len(), NewEntry::MAX_KEY),
        ("data", data.len(), NewEntry::MAX_DATA),
        ("writer", writer.namespace.len() + buildpack, NewEntry::MAX_DATA),
    ];
    if let Some((part, size, limit)) = parts.into_iter().find(|(_, size, limit)| size > limit) {
        return Err(format!("its {part} has {size} bytes, more than {limit}"));
    }
    if key.is_empty() { Err("its key is empty".to_owned()) } else { Ok(()) }
}

impl Writer {
    /// A build of this namespace.
    pub fn new(namespace: &Namespace) -> Self {
        Self::of(namespace.to_string())
    }

    /// A build of the namespace that is printed so.
    pub fn of(printed: impl Into<String>) -> Self {
        Self { namespace: printed.into(), builder: None, buildpack: None }
    }

    /// With a builder image of this digest.
    #[must_use]
    pub fn with_builder(mut self, digest: Digest) -> Self {
        self.builder = Some(digest);
        self
    }

    /// And in it, this buildpack.
    #[must_use]
    pub fn with_buildpack(mut self, id: impl Into<String>, version: impl Into<String>) -> Self {
        self.buildpack = Some(Buildpack { id: id.into(), version: version.into() });
        self
    }
}

impl NamespaceInfo {
    /// The namespace with this ID.
    pub fn new(id: CacheId, printed: impl Into<String>) -> Self {
        Self { id, printed: printed.into() }
    }
}

impl From<&Namespace> for NamespaceInfo {
    fn from(namespace: &Namespace) -> Self {
        Self::new(namespace.id(), namespace.to_string())
    }
}
