//! The labels of a builder.
//!
//! Source: `internal/builder/metadata.go`, `pkg/dist/dist.go` and `pkg/dist/buildmodule.go` of pack.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use super::lifecycle::RunImageNames;
use crate::buildpack::order::OrderGroup;
use crate::buildpack::stack::StackId;
use crate::buildpack::target::Target;
use crate::digest::DiffId;
use crate::lifecycle::Apis;

/// The key of [`BuilderLabel`].
pub const LABEL: &str = "io.buildpacks.builder.metadata";
/// The order of the builder: a list of [`OrderGroup`]s.
pub const ORDER: &str = "io.buildpacks.buildpack.order";
/// The key of [`BuildpackLayers`].
pub const LAYERS: &str = "io.buildpacks.buildpack.layers";
/// The version of the lifecycle, as plain text.
pub const LIFECYCLE_VERSION: &str = "io.buildpacks.lifecycle.version";
/// The [`Apis`] of the lifecycle.
pub const LIFECYCLE_APIS: &str = "io.buildpacks.lifecycle.apis";

/// What a builder is made of.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct BuilderLabel {
    /// For people.
    pub description: String,
    /// Its buildpacks.
    pub buildpacks: Vec<Module>,
    /// Its image extensions.
    pub extensions: Vec<Module>,
    /// The run image once more, for old platforms.
    pub stack: Stack,
    /// Its lifecycle.
    pub lifecycle: Lifecycle,
    /// What made it.
    #[serde(rename = "createdBy")]
    pub created_by: Creator,
    /// Its run images, the preferred one first.
    pub images: Vec<RunImageNames>,
}

/// A buildpack or an extension.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Module {
    /// Its ID.
    pub id: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Where to read about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub homepage: String,
}

/// The run image in the words of Platform APIs before 0.12.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Stack {
    /// The image.
    #[serde(rename = "runImage")]
    pub run_image: RunImageNames,
}

/// The lifecycle of a builder.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Lifecycle {
    /// Its version.
    pub version: String,
    /// The oldest APIs that it supports.
    pub api: OldestApis,
    /// All APIs that it supports.
    pub apis: Apis,
}

/// The oldest APIs of a lifecycle.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct OldestApis {
    /// The Buildpack API.
    pub buildpack: String,
    /// The Platform API.
    pub platform: String,
}

/// The program that made a builder.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Creator {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The layer of each version of each buildpack.
pub type BuildpackLayers = BTreeMap<String, BTreeMap<String, BuildpackLayer>>;

/// The layer of a buildpack, and what the buildpack says of itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BuildpackLayer {
    /// Its Buildpack API.
    pub api: String,
    /// The stacks it supports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<StackId>,
    /// The platforms it supports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// The groups that a composite buildpack stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<OrderGroup>,
    /// The layer.
    #[serde(rename = "layerDiffID")]
    pub diff_id: DiffId,
    /// Where to read about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub homepage: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}
