//! Versions of the Platform API and the Buildpack API, and which rules they have.

use std::fmt;
use std::str::FromStr;

mod gates;

macro_rules! api_version {
    ($(#[$doc:meta])* $name:ident, supported $first:literal..=$last:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name {
            major: u32,
            minor: u32,
        }

        impl $name {
            /// The oldest supported version.
            pub const OLDEST: Self = Self { major: 0, minor: $first };
            /// The newest supported version.
            pub const NEWEST: Self = Self { major: 0, minor: $last };

            /// Version `0.minor`.
            pub const fn v0(minor: u32) -> Self {
                Self { major: 0, minor }
            }

            /// Whether this crate implements the version.
            ///
            /// ```
            #[doc = concat!("use cnb_core::api::", stringify!($name), ";")]
            #[doc = concat!("assert!(", stringify!($name), "::NEWEST.is_supported());")]
            #[doc = concat!("assert!(!", stringify!($name), "::v0(1).is_supported());")]
            /// ```
            pub fn is_supported(self) -> bool {
                self >= Self::OLDEST && self <= Self::NEWEST
            }

            /// Every supported version, oldest first.
            pub fn supported() -> impl DoubleEndedIterator<Item = Self> {
                ($first..=$last).map(Self::v0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}.{}", self.major, self.minor)
            }
        }

        impl FromStr for $name {
            type Err = InvalidApiVersion;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let (major, minor) = parse(text).ok_or_else(|| InvalidApiVersion(text.to_owned()))?;
                Ok(Self { major, minor })
            }
        }
    };
}

api_version!(
    /// A version of the contract between a platform and a lifecycle (`CNB_PLATFORM_API`).
    PlatformApi,
    supported 7..=15
);
api_version!(
    /// A version of the contract between a lifecycle and a buildpack (`api` in buildpack.toml).
    BuildpackApi,
    supported 7..=12
);

/// A text is not `<major>.<minor>` or `<major>`, with an optional `v` before it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("could not parse `{0}` as an API version")]
pub struct InvalidApiVersion(String);

/// The syntax of the Go lifecycle: `^v?(\d+)\.?(\d*)$`.
fn parse(text: &str) -> Option<(u32, u32)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (major, rest) = text.split_at(digits);
    let minor = rest.strip_prefix('.').unwrap_or(rest);
    let minor = match minor {
        "" => 0,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        _ => return None,
    };
    Some((major.parse().ok()?, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_go_lifecycle_reads_them() {
        for (text, expected) in
            [("0.12", "0.12"), ("v0.7", "0.7"), ("1", "1.0"), ("1.", "1.0"), ("2.3", "2.3")]
        {
            assert_eq!(text.parse::<PlatformApi>().expect(text).to_string(), expected);
        }
        for text in ["", "v", ".1", "0.x", "0.1.2", "a"] {
            assert!(text.parse::<PlatformApi>().is_err(), "{text}");
        }
    }
}
