//! What to solve.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use serde_json::json;

use super::Export;
use crate::CacheEntry;
use crate::pb::control;
use crate::pb::ops;

/// What to solve, and what to do with the result.
///
/// Either a graph or a frontend; with neither, only [`Client::build`](super::Client::build) gives a result.
#[derive(Default)]
pub struct SolveRequest {
    id: String,
    definition: Option<ops::Definition>,
    frontend: String,
    attributes: BTreeMap<String, String>,
    inputs: BTreeMap<String, ops::Definition>,
    exports: Vec<Export>,
    cache_exports: Vec<CacheEntry>,
    cache_imports: Vec<CacheEntry>,
    entitlements: Vec<String>,
}

impl SolveRequest {
    /// A solve of this name, which no other has on the same BuildKit. Go's client takes 25 random characters.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// Solves a graph: a [`Definition`](crate::Definition), or the message itself.
    #[must_use]
    pub fn with_definition(mut self, graph: impl Into<ops::Definition>) -> Self {
        self.definition = Some(graph.into());
        self
    }

    /// Runs a frontend of BuildKit, for example `dockerfile.v0`, or `gateway.v0` with the image in the attribute `source`.
    #[must_use]
    pub fn with_frontend(mut self, name: impl Into<String>) -> Self {
        self.frontend = name.into();
        self
    }

    /// An option for the frontend, for example `target`.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// A graph for the frontend, by a name that it knows.
    #[must_use]
    pub fn with_input(mut self, name: impl Into<String>, graph: impl Into<ops::Definition>) -> Self {
        self.inputs.insert(name.into(), graph.into());
        self
    }

    /// Exports the result; BuildKit 0.13 is the first that can do so more than once.
    #[must_use]
    pub fn with_export(mut self, export: Export) -> Self {
        self.exports.push(export);
        self
    }

    /// Exports the cache of this solve.
    #[must_use]
    pub fn with_cache_export(mut self, cache: CacheEntry) -> Self {
        self.cache_exports.push(cache);
        self
    }

    /// Takes results from a cache. Frontends are told too.
    #[must_use]
    pub fn with_cache_import(mut self, cache: CacheEntry) -> Self {
        self.cache_imports.push(cache);
        self
    }

    /// Allows something that a BuildKit does not do by itself, for example `network.host`.
    #[must_use]
    pub fn with_entitlement(mut self, name: impl Into<String>) -> Self {
        self.entitlements.push(name.into());
        self
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The options for the frontend.
    pub fn attributes(&self) -> &BTreeMap<String, String> {
        &self.attributes
    }

    /// The message, and the exports.
    pub(crate) fn into_message(self, session: &str) -> (control::SolveRequest, Vec<Export>) {
        let attributes = self.frontend_attributes();
        let exporters: Vec<control::Exporter> = self.exports.iter().map(Export::message).collect();
        let first = exporters.first().cloned().unwrap_or_default();
        let cache = control::CacheOptions {
            exports: self.cache_exports.into_iter().map(message).collect(),
            imports: self.cache_imports.into_iter().map(message).collect(),
            ..control::CacheOptions::default()
        };
        let message = control::SolveRequest {
            r#ref: self.id,
            definition: self.definition,
            // BuildKit before 0.13 reads these, the others the list.
            exporter_deprecated: first.r#type,
            exporter_attrs_deprecated: first.attrs,
            exporters,
            session: session.to_owned(),
            frontend: self.frontend,
            frontend_attrs: attributes.into_iter().collect(),
            frontend_inputs: self.inputs.into_iter().collect(),
            cache: Some(cache),
            entitlements: self.entitlements,
            ..control::SolveRequest::default()
        };
        (message, self.exports)
    }

    /// The options for the frontend with the caches: frontends pass them on to what they solve.
    pub(super) fn frontend_attributes(&self) -> BTreeMap<String, String> {
        let mut attributes = self.attributes.clone();
        if !self.cache_imports.is_empty() {
            let entry = |cache: &CacheEntry| json!({ "Type": cache.kind, "Attrs": cache.attributes });
            let imports: Value = self.cache_imports.iter().map(entry).collect();
            attributes.entry("cache-imports".to_owned()).or_insert_with(|| imports.to_string());
        }
        attributes
    }
}

impl fmt::Debug for SolveRequest {
    /// Without the values of options: there are secrets in caches.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SolveRequest")
            .field("id", &self.id)
            .field("frontend", &self.frontend)
            .field("attributes", &self.attributes.keys())
            .field("inputs", &self.inputs.keys())
            .field("exports", &self.exports)
            .field("cache_exports", &self.cache_exports)
            .field("cache_imports", &self.cache_imports)
            .field("entitlements", &self.entitlements)
            .finish_non_exhaustive()
    }
}

fn message(cache: CacheEntry) -> control::CacheOptionsEntry {
    control::CacheOptionsEntry { r#type: cache.kind, attrs: cache.attributes.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_finds_the_first_exporter() {
        let request = SolveRequest::new("id")
            .with_export(Export::new("image").with_attribute("name", "a"))
            .with_export(Export::new("image").with_attribute("name", "b"));
        let (message, exports) = request.into_message("session");
        assert_eq!(message.exporter_deprecated, "image");
        assert_eq!(message.exporter_attrs_deprecated["name"], "a");
        assert_eq!(message.exporters.len(), 2);
        assert_eq!((message.session.as_str(), exports.len()), ("session", 2));
    }

    #[test]
    fn secrets_are_not_shown() {
        let cache = CacheEntry::new("gha").with_attribute("token", "hunter2");
        let request =
            SolveRequest::new("id").with_cache_import(cache).with_attribute("cache-imports", "hunter2");
        let shown = format!("{request:?}");
        assert!(shown.contains("token") && shown.contains("cache-imports"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn frontends_know_the_caches() {
        let cache = CacheEntry::new("registry").with_attribute("ref", "r");
        let request = SolveRequest::new("id").with_cache_import(cache);
        let told = request.frontend_attributes();
        let (message, _) = request.into_message("");
        assert_eq!(told, message.frontend_attrs.clone().into_iter().collect());
        assert_eq!(message.frontend_attrs["cache-imports"], r#"[{"Type":"registry","Attrs":{"ref":"r"}}]"#);
        assert_eq!(message.cache.expect("it is set").imports.len(), 1);
    }
}
