//! plan.toml, what `bin/detect` says about it, and the part of it that a buildpack sees.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use super::is_false;
use crate::document;
use crate::document::InvalidDocument;
use crate::encode::go_toml;
use crate::id::BuildpackId;

/// What plan.toml says: which dependencies are asked for and who provides them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Plan {
    /// One entry for each dependency.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<PlanEntry>,
}

/// One dependency.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct PlanEntry {
    /// Who provides it, in group order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<Provider>,
    /// Every demand for it, in group order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Require>,
}

/// A buildpack or an extension that provides a dependency.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Provider {
    /// Which one.
    pub id: BuildpackId,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Whether it is an extension.
    #[serde(default, skip_serializing_if = "is_false")]
    pub extension: bool,
}

/// A demand for a dependency.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Require {
    /// The name of the dependency.
    pub name: String,
    /// Not allowed any more: the version belongs into the metadata.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// What the provider should know.
    #[serde(deserialize_with = "document::table_or_nothing", skip_serializing_if = "Option::is_none")]
    pub metadata: Option<toml::Table>,
}

/// What `bin/detect` writes: the demands and offers of one buildpack, and alternatives to them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BuildPlan {
    /// What it asks for.
    pub requires: Vec<Require>,
    /// What it offers.
    pub provides: Vec<Provide>,
    /// Alternatives, tried in their order after what stands above.
    pub or: Vec<PlanSection>,
}

/// Demands and offers that belong together.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PlanSection {
    /// What the buildpack asks for.
    pub requires: Vec<Require>,
    /// What it offers.
    pub provides: Vec<Provide>,
}

/// An offer of a dependency.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(default)]
pub struct Provide {
    /// The name of the dependency.
    pub name: String,
}

/// The file that a buildpack gets while it builds: the demands that it has to meet.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct BuildpackPlan {
    /// The demands, in the order of the plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Require>,
}

/// Which list of the group an ID belongs to.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ElementKind {
    /// A buildpack.
    Buildpack,
    /// An image extension.
    Extension,
}

impl fmt::Display for ElementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buildpack => "Buildpack",
            Self::Extension => "Extension",
        })
    }
}

impl Plan {
    /// Reads the text of `file`.
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        document::read(file, text)
    }

    /// The text of the file; nothing at all for a plan without entries.
    pub fn to_toml(&self) -> String {
        go_toml::to_string(self).expect("what was read as TOML can be written as TOML")
    }

    /// The demands of the entries that the buildpack or the extension provides.
    pub fn find(&self, kind: ElementKind, id: &BuildpackId) -> BuildpackPlan {
        let extension = kind == ElementKind::Extension;
        let provided =
            |entry: &&PlanEntry| entry.providers.iter().any(|p| p.id == *id && p.extension == extension);
        let requires = self.entries.iter().filter(provided).flat_map(|entry| &entry.requires);
        BuildpackPlan { entries: requires.cloned().collect() }
    }

    /// The plan without the entries that ask for one of the names.
    ///
    /// Source: `Filter` in the Go lifecycle's `platform/files/plan.go`.
    #[must_use]
    pub fn without(&self, met: &[String]) -> Self {
        let is_met = |entry: &PlanEntry| entry.requires.iter().any(|r| met.contains(&r.name));
        Self { entries: self.entries.iter().filter(|entry| !is_met(entry)).cloned().collect() }
    }
}

impl BuildPlan {
    /// Reads the text of `file`.
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        document::read(file, text)
    }

    /// What stands at the top, then every alternative.
    pub fn sections(&self) -> Vec<PlanSection> {
        let first = PlanSection { requires: self.requires.clone(), provides: self.provides.clone() };
        std::iter::once(first).chain(self.or.iter().cloned()).collect()
    }

    /// Every demand of every section.
    pub fn all_requires(&self) -> impl Iterator<Item = &Require> {
        self.requires.iter().chain(self.or.iter().flat_map(|section| &section.requires))
    }
}

impl BuildpackPlan {
    /// The text of the file; nothing at all for a plan without entries.
    pub fn to_toml(&self) -> String {
        go_toml::to_string(self).expect("what was read as TOML can be written as TOML")
    }

    /// The names of the dependencies, without those that the buildpack declared unmet.
    pub fn met(&self, unmet: &[String]) -> Vec<String> {
        let names = self.entries.iter().map(|entry| &entry.name);
        names.filter(|name| !unmet.contains(name)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"
[[entries]]

  [[entries.providers]]
    id = "a"
    version = "1"

  [[entries.providers]]
    id = "e"
    version = "2"
    extension = true

  [[entries.requires]]
    name = "x"
    [entries.requires.metadata]
      version = "3"

  [[entries.requires]]
    name = "x"

[[entries]]

  [[entries.providers]]
    id = "e"
    version = "2"

  [[entries.requires]]
    name = "y"
"#;

    #[test]
    fn a_plan_is_written_as_it_was_read() {
        let plan = Plan::read(Path::new("plan.toml"), PLAN).expect("a plan");
        assert_eq!(plan.to_toml(), PLAN.trim_start());
        assert_eq!(Plan::default().to_toml(), "");
    }

    #[test]
    fn an_element_sees_what_it_provides_until_it_is_met() {
        let plan = Plan::read(Path::new("plan.toml"), PLAN).expect("a plan");
        let id: BuildpackId = "e".parse().expect("an ID");
        let of_extension = plan.find(ElementKind::Extension, &id);
        assert_eq!(of_extension.met(&[]), ["x", "x"]);
        assert_eq!(of_extension.met(&["x".to_owned()]), Vec::<String>::new());
        assert_eq!(plan.find(ElementKind::Buildpack, &id).met(&[]), ["y"]);
        assert_eq!(plan.without(&["x".to_owned()]).entries, plan.entries[1..]);
    }
}
