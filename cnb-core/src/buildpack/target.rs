//! `[[targets]]` of buildpack.toml and extension.toml.

use serde::Deserialize;
use serde::Serialize;

/// A platform that a buildpack or an extension supports. An empty value matches everything.
///
/// The key of the variant is `arch-variant`, as the Go lifecycle reads it (the specification says `variant`).
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Target {
    /// The operating system, for example `linux`.
    pub os: String,
    /// The architecture as Go names it, for example `amd64`.
    pub arch: String,
    /// The variant of the architecture, for example `v8`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub arch_variant: String,
    /// The distributions, one of which the image must have; empty for any or none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distros: Vec<Distro>,
}

/// A distribution of an operating system. An empty value of a target matches everything.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Distro {
    /// For example `debian`.
    pub name: String,
    /// For example `12`.
    pub version: String,
}

impl Target {
    /// Any architecture of Linux.
    pub(crate) fn linux() -> Self {
        Self { os: "linux".to_owned(), ..Self::default() }
    }
}
