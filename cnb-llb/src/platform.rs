//! Platforms of images and commands.

use std::env::consts;
use std::fmt;

use crate::ops::Platform;

impl Platform {
    /// For example `linux` and `amd64`, as Go names them.
    pub fn new(os: impl Into<String>, architecture: impl Into<String>) -> Self {
        Self { os: os.into(), architecture: architecture.into(), ..Self::default() }
    }

    /// Linux on the architecture that this program was compiled for: what is meant where no platform is said.
    pub fn native() -> Self {
        let (architecture, variant) = match consts::ARCH {
            "x86_64" => ("amd64", ""),
            "x86" => ("386", ""),
            "aarch64" => ("arm64", ""),
            "arm" => ("arm", "v7"),
            "powerpc64" if cfg!(target_endian = "little") => ("ppc64le", ""),
            "powerpc64" => ("ppc64", ""),
            "loongarch64" => ("loong64", ""),
            same => (same, ""),
        };
        Self::new("linux", architecture).with_variant(variant)
    }

    /// Says which variant of the architecture, for example `v7` of `arm`.
    #[must_use]
    pub fn with_variant(mut self, variant: impl Into<String>) -> Self {
        self.variant = variant.into();
        self
    }

    /// Says which version of the operating system, as images of Windows do.
    #[must_use]
    pub fn with_os_version(mut self, version: impl Into<String>) -> Self {
        self.os_version = version.into();
        self
    }

    /// Says what the operating system must have.
    #[must_use]
    pub fn with_os_features(mut self, features: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.os_features = features.into_iter().map(Into::into).collect();
        self
    }
}

/// `linux/arm/v7`
impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(formatter, "/{}", self.variant) }
    }
}
