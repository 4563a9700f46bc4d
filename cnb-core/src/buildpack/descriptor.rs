//! buildpack.toml.

use std::path::Path;

use serde::Deserialize;

use super::order::OrderElement;
use super::order::OrderGroup;
use super::stack::BIONIC;
use super::stack::StackId;
use super::target::Distro;
use super::target::Target;
use crate::api::BuildpackApi;
use crate::document;
use crate::document::InvalidDocument;
use crate::id::BuildpackId;

/// What buildpack.toml says.
///
/// ```
/// use std::path::Path;
/// use cnb_core::buildpack::descriptor::BuildpackDescriptor;
///
/// let text = "api = '0.10'\n[buildpack]\nid = 'example/pip'\nversion = '1.0.0'\n";
/// let descriptor = BuildpackDescriptor::read(Path::new("buildpack.toml"), text).unwrap();
/// assert!(!descriptor.is_composite());
/// ```
#[derive(Clone, Debug, Deserialize)]
pub struct BuildpackDescriptor {
    /// The version of the Buildpack API, as written.
    #[serde(default)]
    pub api: String,
    /// Who the buildpack is.
    #[serde(default)]
    pub buildpack: BuildpackInfo,
    /// The groups that a composite buildpack stands for.
    #[serde(default)]
    pub order: Vec<OrderGroup>,
    /// The platforms it supports.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// The stacks it supports: the older form of targets.
    #[serde(default)]
    pub stacks: Vec<StackId>,
}

/// The table `[buildpack]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct BuildpackInfo {
    /// Its ID, which nobody needs who knows it by the directory that it is in.
    pub id: Option<BuildpackId>,
    /// For people.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where to read about it.
    pub homepage: String,
    /// Whether the variables of the user are kept from it.
    pub clear_env: bool,
    /// The media types of the SBOMs that it writes.
    pub sbom_formats: Vec<String>,
    /// The execution environments it is for; empty for all.
    pub exec_env: Vec<String>,
}

impl BuildpackDescriptor {
    /// Reads the text of `file`.
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        document::read(file, text)
    }

    /// The buildpack as an order names it. `file` is where it was read.
    ///
    /// # Errors
    /// When it gives no ID.
    pub fn order_element(&self, file: &Path) -> Result<OrderElement, InvalidDocument> {
        let BuildpackInfo { id, version, .. } = &self.buildpack;
        let id = id.clone().ok_or_else(|| {
            InvalidDocument::new(file, "it gives no ID: add `id` to its table `[buildpack]`")
        })?;
        Ok(OrderElement { id, version: version.clone(), optional: false })
    }

    /// Whether the buildpack stands for other buildpacks.
    pub fn is_composite(&self) -> bool {
        !self.order.is_empty()
    }

    /// The targets as written, else those that the stacks mean, else Linux if there is a `bin/build`.
    ///
    /// Source: `ReadBpDescriptor` in the Go lifecycle's `buildpack/bp_descriptor.go`.
    pub fn inferred_targets(&self, has_bin_build: bool) -> Vec<Target> {
        if !self.targets.is_empty() {
            return self.targets.clone();
        }
        let targets: Vec<Target> = self.stacks.iter().filter_map(|stack| self.target_of(stack)).collect();
        if targets.is_empty() && has_bin_build { vec![Target::linux()] } else { targets }
    }

    fn target_of(&self, stack: &StackId) -> Option<Target> {
        let several_stacks = self.api.parse().is_ok_and(|api: BuildpackApi| api.has_targets());
        match stack.id.as_str() {
            "*" => Some(Target::default()),
            BIONIC if several_stacks || self.stacks.len() == 1 => Some(Target {
                arch: "amd64".to_owned(),
                distros: vec![Distro { name: "ubuntu".to_owned(), version: "18.04".to_owned() }],
                ..Target::linux()
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BuildpackDescriptor, InvalidDocument> {
        BuildpackDescriptor::read(Path::new("buildpack.toml"), text)
    }

    #[test]
    fn unknown_keys_are_ignored_and_wrong_types_are_not() {
        let descriptor = read(
            "api = '0.12'\nx = 1\n[buildpack]\nid = 'a/b'\nclear-env = true\nlicenses = []\n\
             [[order]]\n[[order.group]]\nid = 'c'\nversion = '1'\noptional = true\n\
             [[targets]]\narch-variant = 'v8'\nvariant = 'v7'",
        )
        .expect("a descriptor");
        assert!(descriptor.is_composite() && descriptor.buildpack.clear_env);
        assert_eq!(descriptor.targets[0].arch_variant, "v8");
        let error =
            read("[buildpack]\nid = 'a'\n[[buildpack.exec-env]]\nname = 'test'").expect_err("a table");
        assert!(error.to_string().starts_with("buildpack.toml:3:1: "), "{error}");
    }

    #[test]
    fn an_order_needs_an_id() {
        let file = Path::new("a/buildpack.toml");
        let element = |text| read(text).expect("a descriptor").order_element(file);
        let named = element("[buildpack]\nid = 'a'\nversion = '1'\n").expect("it has an ID");
        assert_eq!((named.id.as_str(), named.version.as_str(), named.optional), ("a", "1", false));
        let error = element("[buildpack]\nversion = '1'\n").expect_err("it has none").to_string();
        assert!(error.starts_with("a/buildpack.toml: it gives no ID"), "{error}");
    }

    #[test]
    fn targets_are_inferred() {
        let table = [
            ("0.10", "", true, "linux//"),
            ("0.10", "", false, ""),
            ("0.9", "[[stacks]]\nid = 'io.buildpacks.stacks.bionic'", true, "linux/amd64/18.04"),
            ("0.9", "[[stacks]]\nid = 'io.buildpacks.stacks.bionic'\n[[stacks]]\nid = 'x'", true, "linux//"),
            (
                "0.10",
                "[[stacks]]\nid = 'io.buildpacks.stacks.bionic'\n[[stacks]]\nid = '*'",
                true,
                "linux/amd64/18.04 //",
            ),
            ("0.10", "[[targets]]\narch = 'arm64'", true, "/arm64/"),
        ];
        for (api, text, has_bin_build, expected) in table {
            let descriptor = read(&format!("api = '{api}'\n[buildpack]\nid = 'a'\n{text}")).expect(text);
            let targets: Vec<String> = descriptor
                .inferred_targets(has_bin_build)
                .iter()
                .map(|t| {
                    let version = t.distros.first().map_or("", |d| &d.version);
                    format!("{}/{}/{version}", t.os, t.arch)
                })
                .collect();
            assert_eq!(targets.join(" "), expected, "{text}");
        }
    }
}
