//! lifecycle.toml: which lifecycle a builder has, and what it supports.
//!
//! Source: the Platform Interface Specification, "lifecycle.toml".

use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::api::BuildpackApi;
use crate::api::PlatformApi;
use crate::document;
use crate::document::InvalidDocument;
use crate::encode::go_toml;

/// What lifecycle.toml says.
///
/// ```
/// use cnb_core::lifecycle::LifecycleDescriptor;
///
/// let descriptor = LifecycleDescriptor::new("1.2.3");
/// let text = descriptor.to_toml();
/// assert_eq!(LifecycleDescriptor::read("lifecycle.toml".as_ref(), &text).unwrap(), descriptor);
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct LifecycleDescriptor {
    /// What it is.
    pub lifecycle: LifecycleInfo,
    /// The APIs that it supports.
    pub apis: Apis,
}

/// The table `[lifecycle]`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct LifecycleInfo {
    /// Its version.
    pub version: String,
}

/// The table `[apis]`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Apis {
    /// Versions of the Buildpack API.
    pub buildpack: ApiVersions,
    /// Versions of the Platform API.
    pub platform: ApiVersions,
}

/// Versions of one API, as written.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct ApiVersions {
    /// Supported for now.
    pub deprecated: Vec<String>,
    /// Supported.
    pub supported: Vec<String>,
}

impl LifecycleDescriptor {
    /// A lifecycle that supports what this crate implements.
    pub fn new(version: impl Into<String>) -> Self {
        let buildpack = BuildpackApi::supported().map(|api| api.to_string()).collect();
        let platform = PlatformApi::supported().map(|api| api.to_string()).collect();
        Self {
            lifecycle: LifecycleInfo { version: version.into() },
            apis: Apis {
                buildpack: ApiVersions { deprecated: Vec::new(), supported: buildpack },
                platform: ApiVersions { deprecated: Vec::new(), supported: platform },
            },
        }
    }

    /// Reads the text of `file`.
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        document::read(file, text)
    }

    /// The text of the document.
    pub fn to_toml(&self) -> String {
        go_toml::to_string(self).expect("texts and lists of texts can be written")
    }
}

impl ApiVersions {
    /// All versions, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.deprecated.iter().chain(&self.supported).map(String::as_str)
    }
}
