//! Caches that solves take results from and leave them in.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// A cache to export to or import from.
///
/// ```
/// use cnb_llb::CacheEntry;
///
/// let cache = CacheEntry::new("registry").with_attribute("ref", "localhost:5000/cache").with_attribute("mode", "max");
/// # assert_eq!(cache.kind, "registry");
/// ```
#[derive(Clone, Default, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct CacheEntry {
    /// For example `registry`, `inline` or `gha`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Where it is, and how to use it. There may be tokens and keys among them.
    #[serde(rename = "Attrs", default)]
    pub attributes: BTreeMap<String, String>,
}

impl CacheEntry {
    /// A cache of a kind.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), attributes: BTreeMap::new() }
    }

    /// The same with one more attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

impl fmt::Debug for CacheEntry {
    /// Without values: some of them are secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.attributes.keys().collect();
        formatter.debug_struct("CacheEntry").field("kind", &self.kind).field("attributes", &names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_shown() {
        let cache = CacheEntry::new("gha").with_attribute("token", "hunter2");
        assert_eq!(format!("{cache:?}"), r#"CacheEntry { kind: "gha", attributes: ["token"] }"#);
    }
}
