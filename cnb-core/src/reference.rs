//! Names of images in registries: `[registry/]repository[:tag][@digest]`.
//!
//! Source: `pkg/name` of go-containerregistry with weak validation: what is missing is
//! `index.docker.io`, `library/` there, and the tag `latest`.

use std::fmt;
use std::str::FromStr;

const DEFAULT_REGISTRY: &str = "index.docker.io";
const DEFAULT_TAG: &str = "latest";

/// A name with every default filled in.
///
/// ```
/// use cnb_core::reference::Reference;
///
/// let reference: Reference = "ubuntu".parse()?;
/// assert_eq!(reference.to_string(), "index.docker.io/library/ubuntu:latest");
/// # Ok::<(), cnb_core::reference::InvalidReference>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Reference {
    registry: String,
    repository: String,
    identifier: Identifier,
}

#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Identifier {
    Tag(String),
    Digest(String),
}

impl Reference {
    /// The registry with its port, for example `index.docker.io`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository in the registry, for example `library/ubuntu`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The digest, or else the tag.
    pub fn identifier(&self) -> &str {
        match &self.identifier {
            Identifier::Digest(text) | Identifier::Tag(text) => text,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        match &self.identifier {
            Identifier::Digest(digest) => write!(f, "@{digest}"),
            Identifier::Tag(tag) => write!(f, ":{tag}"),
        }
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidReference(text.to_owned());
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let (name, tag) = split_tag(name);
        let (registry, name) = split_registry(name);
        let registry = if matches!(registry, "" | "docker.io") { DEFAULT_REGISTRY } else { registry };
        let repository = if registry == DEFAULT_REGISTRY && !name.contains('/') {
            format!("library/{name}")
        } else {
            name.to_owned()
        };
        let identifier = match digest {
            Some(digest) if is_digest(digest) => Identifier::Digest(digest.to_owned()),
            Some(_) => return Err(invalid()),
            None => Identifier::Tag(tag.unwrap_or(DEFAULT_TAG).to_owned()),
        };
        let valid = is_registry(registry) && is_repository(name) && tag.is_none_or(is_tag);
        let reference = Self { registry: registry.to_owned(), repository, identifier };
        if valid { Ok(reference) } else { Err(invalid()) }
    }
}

/// A text is not the name of an image.
#[derive(Clone, Debug, thiserror::Error)]
#[error("could not parse reference: {0}")]
pub struct InvalidReference(String);

/// A colon before the last slash belongs to a port.
fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((base, tag)) if !tag.contains('/') => (base, Some(tag)),
        _ => (name, None),
    }
}

/// The first part is a registry when it looks like a host.
fn split_registry(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
        _ => ("", name),
    }
}

fn is_registry(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']' | b'_');
    !text.is_empty() && text.bytes().all(allowed)
}

fn is_repository(text: &str) -> bool {
    let allowed =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.' | b'/');
    (2..=255).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_tag(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_digest(text: &str) -> bool {
    text.parse::<crate::digest::Digest>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_filled_in() {
        let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
        let cases = [
            ("ab", "index.docker.io/library/ab:latest".to_owned()),
            ("a/b:1", "index.docker.io/a/b:1".to_owned()),
            ("docker.io/ab", "index.docker.io/library/ab:latest".to_owned()),
            ("localhost/ab", "localhost/ab:latest".to_owned()),
            ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest".to_owned()),
            (&format!("example.com/xy:tag@{digest}"), format!("example.com/xy@{digest}")),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Reference>().expect(text).to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "a", "Ab", "a b", "ab:", "ab@sha256:1", "ab:b c", "example.com/", "/a/B"] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
