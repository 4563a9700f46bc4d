//! `<layer>.toml`: what a layer is for, and what the buildpack remembers about it.

use std::path::Path;

use serde::Deserialize;
use serde::Serialize;
use toml::Spanned;

use crate::document;
use crate::document::InvalidDocument;
use crate::encode::go_toml;

/// What `<layer>.toml` says. A layer without the file is for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    /// What the layer is for.
    pub types: LayerTypes,
    /// What the buildpack remembers: nearly always a table.
    pub metadata: Option<toml::Value>,
}

/// What a layer is for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct LayerTypes {
    /// Later buildpacks see it.
    pub build: bool,
    /// The image contains it.
    pub launch: bool,
    /// The next build gets it back.
    pub cache: bool,
}

impl Layer {
    /// Reads the text of `file`.
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        let document: Document = document::read(file, text)?;
        // What the Go lifecycle looks for here are these very keys, in no other case.
        let flags: Flags = toml::from_str(text).unwrap_or_default();
        if let Some(flag) = flags.build.or(flags.launch).or(flags.cache) {
            let message = "the launch, cache and build flags should be in the types table";
            return Err(InvalidDocument::at(file, text, flag.span(), message));
        }
        Ok(Self { types: document.types, metadata: document.metadata })
    }

    /// The text of the file of a restored layer: the metadata alone, the buildpack says anew what the layer is for.
    pub fn restored_toml(metadata: Option<&toml::Value>) -> String {
        #[derive(Serialize)]
        struct Restored<'a> {
            metadata: Option<&'a toml::Value>,
        }
        go_toml::to_string(&Restored { metadata }).expect("what was read as TOML can be written as TOML")
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    types: LayerTypes,
    metadata: Option<toml::Value>,
}

/// The flags where they stood before Buildpack API 0.6.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Flags {
    build: Option<Spanned<toml::Value>>,
    launch: Option<Spanned<toml::Value>>,
    cache: Option<Spanned<toml::Value>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_belong_into_the_types() {
        let file = Path::new("l.toml");
        let layer = Layer::read(file, "[types]\nlaunch = true\n[metadata]\nv = 1\n").expect("a layer");
        assert_eq!(layer.types, LayerTypes { launch: true, ..LayerTypes::default() });
        assert_eq!(Layer::restored_toml(layer.metadata.as_ref()), "[metadata]\n  v = 1\n");
        assert_eq!(Layer::restored_toml(None), "");
        assert_eq!(Layer::read(file, "").expect("an empty file"), Layer::default());
        let error = Layer::read(file, "[types]\n[launch]").expect_err("a flag at the top").to_string();
        assert_eq!(error, "l.toml:2:1: the launch, cache and build flags should be in the types table");
    }
}
