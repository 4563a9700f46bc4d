//! What images are for, as people write it.

use std::collections::BTreeSet;

use cnb_llb::Platform;

/// A text is not a platform.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a platform such as `linux/amd64` or `linux/arm/v7`")]
pub struct InvalidPlatform(String);

/// Reads `OS/ARCHITECTURE[/VARIANT]`, and an architecture alone, with the names that Go's tools take for the same
/// architecture. Without their defaults, platforms that are the same are equal.
///
/// Source: `Parse` and `Normalize` of `containerd/platforms`.
///
/// # Errors
/// When it has other than one to three parts, or one that is no word.
pub fn read(text: &str) -> Result<Platform, InvalidPlatform> {
    let lower = text.trim().to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('/').collect();
    let (os, architecture, variant) = match parts[..] {
        [architecture] if architecture != "linux" => ("linux", architecture, ""),
        [os, architecture] => (os, architecture, ""),
        [os, architecture, variant] => (os, architecture, variant),
        _ => return Err(InvalidPlatform(text.to_owned())),
    };
    let is_word = |part: &&str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if !parts.iter().all(is_word) {
        return Err(InvalidPlatform(text.to_owned()));
    }
    let (architecture, variant) = match (architecture, variant) {
        ("x86_64" | "x86-64" | "amd64", "" | "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("i386", _) => ("386", ""),
        ("aarch64" | "arm64", "" | "8" | "v8") => ("arm64", ""),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        same => same,
    };
    Ok(Platform::new(os, architecture).with_variant(variant))
}

/// The platforms of a build, each once, in the order that they were asked for.
///
/// # Errors
/// For the first that is none.
pub fn read_all(texts: &[String]) -> Result<Vec<Platform>, InvalidPlatform> {
    let mut seen = BTreeSet::new();
    let mut platforms = Vec::new();
    for text in texts {
        let platform = read(text)?;
        if seen.insert(platform.to_string()) {
            platforms.push(platform);
        }
    }
    Ok(platforms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_platform_has_one_name() {
        let cases = [
            ("linux/amd64", "linux/amd64"),
            ("Linux/x86_64", "linux/amd64"),
            ("arm64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/v6", "linux/arm/v6"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("windows/amd64", "windows/amd64"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).expect(text).to_string(), expected);
        }
        for text in ["", "linux", "linux/", "a/b/c/d", "linux/a b"] {
            assert!(read(text).is_err(), "{text}");
        }
        let texts = ["linux/arm64", "linux/amd64", "arm64"].map(str::to_owned);
        let all: Vec<String> = read_all(&texts).expect("valid").iter().map(ToString::to_string).collect();
        assert_eq!(all, ["linux/arm64", "linux/amd64"]);
    }
}
