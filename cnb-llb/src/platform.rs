//! Platforms of images and commands.

use std::env::consts;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

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

/// A text is no platform.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidPlatform(String);

impl fmt::Display for InvalidPlatform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` is no platform such as `linux/amd64` or `linux/arm/v7`", self.0)
    }
}

impl Error for InvalidPlatform {}

impl FromStr for Platform {
    type Err = InvalidPlatform;

    /// Reads `OS/ARCHITECTURE[/VARIANT]`, in the names that Go has for them: what `Display` writes.
    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        let parts: Vec<&str> = text.split('/').collect();
        let platform = match parts[..] {
            [os, architecture] => Self::new(os, architecture),
            [os, architecture, variant] => Self::new(os, architecture).with_variant(variant),
            _ => return Err(InvalidPlatform(text.to_owned())),
        };
        if parts.contains(&"") { Err(InvalidPlatform(text.to_owned())) } else { Ok(platform) }
    }
}

/// `linux/arm/v7`
impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(formatter, "/{}", self.variant) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_read_as_they_are_written() {
        for text in ["linux/amd64", "linux/arm/v7"] {
            assert_eq!(text.parse::<Platform>().map(|platform| platform.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "linux", "linux/", "/amd64", "linux/arm/", "linux/arm/v7/x"] {
            let error = text.parse::<Platform>().expect_err(text).to_string();
            assert!(error.starts_with(&format!("`{text}` is no platform")), "{error}");
        }
    }
}
