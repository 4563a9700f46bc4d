//! How much may be kept, and what has to go.

use std::collections::BTreeMap;

use cnb_core::backend::CacheId;
use cnb_core::digest::Digest;

use super::entry::Entry;

/// How much a store may keep. The default is everything.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Budget {
    /// Bytes of all contents of a namespace.
    pub namespace: Option<u64>,
    /// Bytes of all contents. What several namespaces have counts once.
    pub total: Option<u64>,
    /// A time in seconds since 1970: what was not used since goes, however small it is.
    pub unused_since: Option<u64>,
}

/// What was removed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Pruned {
    /// The entries, by namespace and key.
    pub entries: Vec<(CacheId, String)>,
    /// Bytes of the contents that nobody has any more.
    pub bytes: u64,
}

impl Budget {
    /// No limits: only contents that no entry has go.
    pub fn unlimited() -> Self {
        Self::default()
    }

    /// At most so many bytes for each namespace.
    #[must_use]
    pub fn with_namespace(mut self, bytes: u64) -> Self {
        self.namespace = Some(bytes);
        self
    }

    /// At most so many bytes for all of them.
    #[must_use]
    pub fn with_total(mut self, bytes: u64) -> Self {
        self.total = Some(bytes);
        self
    }

    /// Nothing that was last used before this second since 1970.
    #[must_use]
    pub fn with_unused_since(mut self, time: u64) -> Self {
        self.unused_since = Some(time);
        self
    }

    /// What has to go, least recently used first: what is too old, then what is too much for its namespace, then
    /// what is too much for all of them.
    pub fn surplus<'a>(&self, entries: &'a [(CacheId, Vec<Entry>)]) -> Vec<(&'a CacheId, &'a Entry)> {
        let mut by_use: Vec<(&CacheId, &Entry)> =
            entries.iter().flat_map(|(id, entries)| entries.iter().map(move |entry| (id, entry))).collect();
        by_use.sort_by_key(|(id, entry)| (entry.used, *id, &entry.key));
        let mut namespaces: BTreeMap<&CacheId, Contents<'_>> = BTreeMap::new();
        let mut all = Contents::default();
        for (id, entry) in &by_use {
            namespaces.entry(id).or_default().add(entry);
            all.add(entry);
        }
        let is_old = |entry: &Entry| self.unused_since.is_some_and(|time| entry.used < time);
        let (mut gone, mut kept) = (Vec::new(), Vec::new());
        for (id, entry) in by_use {
            let contents = namespaces.entry(id).or_default();
            if is_old(entry) || contents.exceed(self.namespace) {
                contents.remove(entry);
                all.remove(entry);
                gone.push((id, entry));
            } else {
                kept.push((id, entry));
            }
        }
        for (id, entry) in kept {
            if !all.exceed(self.total) {
                break;
            }
            all.remove(entry);
            gone.push((id, entry));
        }
        gone
    }
}

/// Contents, each counted once.
#[derive(Default)]
struct Contents<'a> {
    names: BTreeMap<&'a Digest, usize>,
    bytes: u64,
}

impl<'a> Contents<'a> {
    fn add(&mut self, entry: &'a Entry) {
        let names = self.names.entry(&entry.digest).or_default();
        *names += 1;
        if *names == 1 {
            self.bytes = self.bytes.saturating_add(entry.size);
        }
    }

    fn remove(&mut self, entry: &'a Entry) {
        let names = self.names.entry(&entry.digest).or_default();
        *names -= 1;
        if *names == 0 {
            self.bytes = self.bytes.saturating_sub(entry.size);
        }
    }

    fn exceed(&self, limit: Option<u64>) -> bool {
        limit.is_some_and(|limit| self.bytes > limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::entry::Writer;

    fn entry(key: &str, digest: u8, size: u64, used: u64) -> Entry {
        let writer = Writer { namespace: String::new(), builder: None, buildpack: None };
        let digest = Digest::from_bytes([digest; 32]);
        Entry { key: key.to_owned(), writer, data: String::new(), digest, size, used }
    }

    #[test]
    fn what_was_used_long_ago_goes_first() {
        let id = |name: &str| CacheId::new(name).expect("a name");
        let entries = [
            (id("a"), vec![entry("a1", 1, 10, 5), entry("a2", 2, 20, 1), entry("a3", 3, 30, 9)]),
            (id("b"), vec![entry("b1", 4, 40, 2), entry("b2", 1, 10, 6)]),
        ];
        let unlimited = Budget::unlimited();
        let cases = [
            (unlimited, ""),
            (unlimited.with_total(100), ""),
            (unlimited.with_total(99), "a2"),
            (unlimited.with_total(79), "a2 b1"),
            // a1 and b2 are one content: it stays until both are gone.
            (unlimited.with_total(30), "a2 b1 a1 b2"),
            (unlimited.with_total(0), "a2 b1 a1 b2 a3"),
            (unlimited.with_namespace(45), "a2 b1"),
            (unlimited.with_namespace(30), "a2 b1 a1"),
            (unlimited.with_unused_since(6), "a2 b1 a1"),
            (unlimited.with_namespace(45).with_total(35), "a2 b1 a1 b2"),
        ];
        for (budget, expected) in cases {
            let keys: Vec<&str> =
                budget.surplus(&entries).iter().map(|(_, entry)| entry.key.as_str()).collect();
            assert_eq!(keys.join(" "), expected, "{budget:?}");
        }
    }
}
