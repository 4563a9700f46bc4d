//! The platforms that images are for.

use std::fmt;
use std::str::FromStr;

use cnb_core::os_release::go_arch;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

/// An operating system and architecture, in Go's names.
///
/// ```
/// use cnb_oci::platform::Platform;
///
/// let platform: Platform = "linux/arm64/v8".parse()?;
/// assert_eq!(platform.architecture, "arm64");
/// assert!(platform.accepts(&"linux/arm64".parse()?));
/// # Ok::<(), cnb_oci::platform::InvalidPlatform>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Platform {
    /// For example `amd64`.
    pub architecture: String,
    /// For example `linux`.
    pub os: String,
    /// For example `v8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Fields that this crate does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Platform {
    /// The platform of this machine.
    pub fn host() -> Self {
        let (architecture, os) = (go_arch(std::env::consts::ARCH).to_owned(), "linux".to_owned());
        Self { architecture, os, variant: None, other: Map::new() }
    }

    /// Whether an image for `offered` is one for this platform. A variant matters only where both name one.
    pub fn accepts(&self, offered: &Self) -> bool {
        let same = self.os == offered.os && self.architecture == offered.architecture;
        let variant = |platform: &Self| platform.variant.clone().filter(|variant| !variant.is_empty());
        match (variant(self), variant(offered)) {
            (Some(wanted), Some(offered)) => same && wanted == offered,
            _ => same,
        }
    }
}

impl FromStr for Platform {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant.to_owned())),
            _ => return Err(InvalidPlatform(text.to_owned())),
        };
        if parts.contains(&"") {
            return Err(InvalidPlatform(text.to_owned()));
        }
        Ok(Self { architecture: architecture.to_owned(), os: os.to_owned(), variant, other: Map::new() })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// A text is not `os/architecture` or `os/architecture/variant`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a platform of the form os/architecture or os/architecture/variant")]
pub struct InvalidPlatform(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_round_trip() {
        for text in ["linux/amd64", "linux/arm64/v8"] {
            assert_eq!(text.parse::<Platform>().expect(text).to_string(), text);
        }
        for text in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_variant_matters_where_both_name_one() {
        let cases = [
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/arm/v7", "linux/arm/v6", false),
            ("linux/amd64", "linux/arm64", false),
            ("linux/amd64", "windows/amd64", false),
        ];
        for (wanted, offered, expected) in cases {
            let parse = |text: &str| text.parse::<Platform>().expect(text);
            assert_eq!(parse(wanted).accepts(&parse(offered)), expected, "{wanted} {offered}");
        }
    }
}
