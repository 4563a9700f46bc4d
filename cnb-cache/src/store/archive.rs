//! Entries as a tar, to carry them from one store to another.
//!
//! ```text
//! index.json               {"version":1,"namespaces":[{"id":"…","namespace":"…","entries":[…]}]}
//! blobs/sha256/<hex>       each content once, in order of the digests
//! ```
//!
//! The same entries are the same bytes.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::Write;

use cnb_core::backend::CacheId;
use cnb_core::digest::Digest;
use serde::Deserialize;
use serde::Serialize;

use super::CacheStore;
use super::entry;
use super::entry::Entry;
use super::entry::NamespaceInfo;
use super::entry::NewEntry;
use super::entry::Writer;
use super::error::StoreError;
use super::verified::Verified;

#[cfg(test)]
mod tests;

/// How many entries went where they should.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Carried {
    /// Namespaces.
    pub namespaces: usize,
    /// Entries.
    pub entries: usize,
    /// Bytes of their contents, each content once.
    pub bytes: u64,
    /// Why some were left out: those whose contents are damaged.
    pub left_out: Vec<String>,
}

/// Why entries cannot be carried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive cannot be read or written.
    #[error("{doing} the archive")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// It is not what [`export`] writes.
    #[error("this is no archive of a cache, or it was changed: {0}")]
    Invalid(String),
}

/// Writes all entries of these namespaces. Each content is verified before: what is damaged is left out, and said.
///
/// # Errors
/// When the store cannot be read, or the archive not be written.
pub fn export(
    store: &dyn CacheStore,
    namespaces: &[NamespaceInfo],
    to: &mut dyn Write,
) -> Result<Carried, ArchiveError> {
    let mut carried = Carried::default();
    let mut document = Document { version: VERSION, namespaces: Vec::new() };
    let mut contents: BTreeMap<Digest, (CacheId, Entry)> = BTreeMap::new();
    for namespace in namespaces {
        let mut entries = Vec::new();
        for entry in store.entries(&namespace.id)? {
            if !contents.contains_key(&entry.digest) {
                if let Err(error) = verify(store, &namespace.id, &entry) {
                    carried.left_out.push(format!("{}: {error}", namespace.id.as_str()));
                    continue;
                }
                carried.bytes += entry.size;
                contents.insert(entry.digest.clone(), (namespace.id.clone(), entry.clone()));
            }
            entries.push(Named::from(entry));
        }
        if !entries.is_empty() {
            carried.namespaces += 1;
            carried.entries += entries.len();
            let (id, namespace) = (namespace.id.as_str().to_owned(), namespace.printed.clone());
            document.namespaces.push(Space { id, namespace, entries });
        }
    }
    let index = serde_json::to_vec(&document).expect("all keys are strings");
    let mut tar = tar::Builder::new(to);
    append(&mut tar, INDEX, index.len() as u64, &mut &*index)?;
    for (digest, (namespace, entry)) in &contents {
        let mut content = Verified::new(store.open(namespace, entry)?, entry);
        append(&mut tar, &format!("{BLOBS}{}", digest.hex()), entry.size, &mut content)?;
    }
    tar.into_inner().and_then(Write::flush).map_err(writing)?;
    Ok(carried)
}

/// Puts everything that is in an archive, in place of entries with the same keys. All of it is verified before anything is
/// put. What entries say of their writers is what the archive says: import only what comes from somebody you trust.
///
/// # Errors
/// [`ArchiveError::Invalid`] for anything that [`export`] does not write: then the store is as it was. When the store
/// cannot be written: then it may have some of the entries, each of them whole.
pub fn import(store: &dyn CacheStore, from: &mut (impl Read + Seek)) -> Result<Carried, ArchiveError> {
    let document =
        walk(from, &mut |content, _| io::copy(content, &mut io::sink()).map(drop).map_err(unlike))?;
    from.rewind().map_err(reading)?;
    let mut bytes = 0;
    let mut put = |content: &mut dyn Read, uses: &[(NamespaceInfo, Named)]| {
        let ((first, named), others) = uses.split_first().expect("what nobody uses is refused");
        let entry = store.put_in(first, named.new_entry(), content)?;
        bytes += entry.size;
        for (namespace, named) in others {
            let mut content = store.open(&first.id, &entry)?;
            store.put_in(namespace, named.new_entry(), &mut content)?;
        }
        Ok(())
    };
    let again = walk(from, &mut put)?;
    if again != document {
        return Err(invalid("it changed while it was read"));
    }
    let entries = document.namespaces.iter().map(|space| space.entries.len()).sum();
    Ok(Carried { namespaces: document.namespaces.len(), entries, bytes, left_out: Vec::new() })
}

const VERSION: u32 = 1;
const INDEX: &str = "index.json";
const BLOBS: &str = "blobs/sha256/";
/// The index of an archive is read as a whole.
const MAX_INDEX: u64 = 256 << 20;
const MAX_NAMESPACE: usize = 64 * 1024;

#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Document {
    version: u32,
    namespaces: Vec<Space>,
}

#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Space {
    id: String,
    namespace: String,
    entries: Vec<Named>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Named {
    key: String,
    writer: Writer,
    data: String,
    digest: Digest,
    size: u64,
}

impl From<Entry> for Named {
    fn from(entry: Entry) -> Self {
        let Entry { key, writer, data, digest, size, .. } = entry;
        Self { key, writer, data, digest, size }
    }
}

impl Named {
    fn new_entry(&self) -> NewEntry {
        NewEntry::new(&self.key, self.writer.clone()).with_data(&self.data)
    }

    /// The entry that has this content.
    fn entry(&self) -> Entry {
        let Self { key, writer, data, digest, size } = self.clone();
        Entry { key, writer, data, digest, size, used: 0 }
    }
}

/// Who uses each content.
type Uses = BTreeMap<Digest, Vec<(NamespaceInfo, Named)>>;

impl Document {
    fn read(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let document: Self = serde_json::from_slice(bytes)
            .map_err(|error| invalid(format!("its index makes no sense: {error}")))?;
        if document.version != VERSION {
            return Err(invalid(format!("its version {} is not known", document.version)));
        }
        Ok(document)
    }

    fn uses(&self) -> Result<Uses, ArchiveError> {
        let mut uses = Uses::new();
        for space in &self.namespaces {
            let id = CacheId::new(&space.id).filter(|_| space.namespace.len() <= MAX_NAMESPACE);
            let id = id.ok_or_else(|| invalid("it has a namespace that cannot be"))?;
            if !space.entries.is_sorted_by(|one, next| one.key < next.key) {
                return Err(invalid("its keys are not in order"));
            }
            let info = NamespaceInfo::new(id, &space.namespace);
            for named in &space.entries {
                entry::check(&named.key, &named.writer, &named.data)
                    .map_err(|reason| invalid(format!("an entry: {reason}")))?;
                let of_content = uses.entry(named.digest.clone()).or_default();
                if of_content.first().is_some_and(|(_, other)| other.size != named.size) {
                    return Err(invalid(format!("the content {} has two sizes", named.digest)));
                }
                of_content.push((info.clone(), named.clone()));
            }
        }
        Ok(uses)
    }
}

/// What is done with a content.
type Visit<'a> = dyn FnMut(&mut dyn Read, &[(NamespaceInfo, Named)]) -> Result<(), ArchiveError> + 'a;

/// Reads an archive from its start to its end. It has the index and then each content of it, in order, and nothing else.
fn walk(from: &mut impl Read, visit: &mut Visit<'_>) -> Result<Document, ArchiveError> {
    let mut tar = tar::Archive::new(from);
    // Raw entries: headers that would change names, sizes or links of others are refused as what they are.
    let mut entries = tar.entries().map_err(unlike)?.raw(true);
    let mut next = || -> Result<Option<(String, tar::Entry<'_, _>)>, ArchiveError> {
        let Some(entry) = entries.next() else { return Ok(None) };
        let entry = entry.map_err(unlike)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(invalid(format!("`{}` is no file", shown(&name))));
        }
        Ok(Some((name, entry)))
    };
    let (name, mut index) = next()?.ok_or_else(|| invalid("it is empty"))?;
    if name != INDEX || index.size() > MAX_INDEX {
        return Err(invalid(format!("it begins with `{}` and not with its index", shown(&name))));
    }
    let mut bytes = Vec::new();
    index.read_to_end(&mut bytes).map_err(unlike)?;
    let document = Document::read(&bytes)?;
    for (digest, uses) in document.uses()? {
        let (name, content) = next()?.ok_or_else(|| invalid(format!("the content {digest} is missing")))?;
        if name != format!("{BLOBS}{}", digest.hex()) {
            return Err(invalid(format!("it has `{}` where {digest} should be", shown(&name))));
        }
        let mut content = Verified::new(content, &uses[0].1.entry());
        visit(&mut content, &uses)?;
    }
    match next()? {
        Some((name, _)) => Err(invalid(format!("it has `{}`, which nothing uses", shown(&name)))),
        None => Ok(document),
    }
}

fn verify(store: &dyn CacheStore, namespace: &CacheId, entry: &Entry) -> Result<(), StoreError> {
    let mut content = Verified::new(store.open(namespace, entry)?, entry);
    io::copy(&mut content, &mut io::sink())
        .map(drop)
        .map_err(|error| StoreError::while_reading(&entry.key, error))
}

fn append<W: Write>(
    tar: &mut tar::Builder<W>,
    name: &str,
    size: u64,
    content: &mut dyn Read,
) -> Result<(), ArchiveError> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).expect("all names are short");
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    tar.append(&header, content).map_err(writing)
}

fn invalid(reason: impl Into<String>) -> ArchiveError {
    ArchiveError::Invalid(reason.into())
}

/// Bytes that are no such archive, unless it is the disk that fails.
fn unlike(error: io::Error) -> ArchiveError {
    match error.downcast::<StoreError>() {
        Ok(inner) => invalid(inner.to_string()),
        Err(error) if error.raw_os_error().is_some() => reading(error),
        Err(error) => invalid(error.to_string()),
    }
}

fn reading(source: io::Error) -> ArchiveError {
    ArchiveError::Io { doing: "reading", source }
}

fn writing(source: io::Error) -> ArchiveError {
    ArchiveError::Io { doing: "writing", source }
}

/// Names in an archive may be anything.
fn shown(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_default).collect()
}
