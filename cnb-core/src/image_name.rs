//! Where an image is, in the notation of containers-transports(5).

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::reference::Reference;

/// The name of an image together with the transport that reaches it.
///
/// ```
/// use cnb_core::image_name::ImageName;
///
/// let name: ImageName = "oci:build/layout:app".parse()?;
/// assert_eq!(name, ImageName::Oci { directory: "build/layout".into(), tag: Some("app".into()) });
/// assert_eq!(name.to_string(), "oci:build/layout:app");
/// # Ok::<(), cnb_core::image_name::InvalidImageName>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum ImageName {
    /// `docker://REFERENCE`, an image in a registry. What is missing of the reference is filled in.
    Docker {
        /// Registry, repository, and tag or digest.
        reference: Reference,
    },
    /// `docker-archive:FILE[:REFERENCE]`, what `docker save` writes.
    DockerArchive {
        /// The archive.
        file: PathBuf,
        /// The repository and tag inside it.
        reference: Option<String>,
    },
    /// `oci:DIRECTORY[:TAG]`, an OCI layout directory.
    Oci {
        /// The layout.
        directory: PathBuf,
        /// Value of the annotation `org.opencontainers.image.ref.name`.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:TAG]`, a tar of an OCI layout.
    OciArchive {
        /// The archive.
        file: PathBuf,
        /// Value of the annotation `org.opencontainers.image.ref.name`.
        tag: Option<String>,
    },
    /// Another transport, for example `docker-daemon:REFERENCE`; a backend that does not know it says so.
    Other {
        /// The text before the first colon.
        transport: String,
        /// The text after it.
        rest: String,
    },
}

impl FromStr for ImageName {
    type Err = InvalidImageName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| InvalidImageName { name: text.to_owned(), reason: Cow::Borrowed(reason) };
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_transport = |text: &str| !text.is_empty() && text.chars().all(is_word);
        let split = text.split_once(':').filter(|(transport, _)| is_transport(transport));
        let (transport, rest) = split.ok_or_else(|| InvalidImageName::without_transport(text))?;
        if transport == "docker" {
            let reference =
                rest.strip_prefix("//").ok_or_else(|| invalid("`//` must come after `docker:`"))?;
            let reference = reference
                .parse()
                .map_err(|_| invalid(
                    "what follows `docker://` is not [REGISTRY/]REPOSITORY[:TAG|@DIGEST], the repository being two characters or \
                     more of `a-z`, `0-9`, `_`, `-`, `.` and `/`",
                ))?;
            return Ok(Self::Docker { reference });
        }
        let (path, name) = match rest.split_once(':') {
            Some((_, "")) => return Err(invalid("the text after the last colon is empty")),
            Some((path, name)) => (path, Some(name.to_owned())),
            None => (rest, None),
        };
        if path.is_empty() && matches!(transport, "oci" | "oci-archive" | "docker-archive") {
            return Err(invalid("the path is missing"));
        }
        Ok(match transport {
            "docker-archive" => Self::DockerArchive { file: path.into(), reference: name },
            "oci" => Self::Oci { directory: path.into(), tag: name },
            "oci-archive" => Self::OciArchive { file: path.into(), tag: name },
            _ => Self::Other { transport: transport.to_owned(), rest: rest.to_owned() },
        })
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transport, path, name) = match self {
            Self::Docker { reference } => return write!(f, "docker://{reference}"),
            Self::DockerArchive { file, reference } => ("docker-archive", file, reference),
            Self::Oci { directory, tag } => ("oci", directory, tag),
            Self::OciArchive { file, tag } => ("oci-archive", file, tag),
            Self::Other { transport, rest } => return write!(f, "{transport}:{rest}"),
        };
        write!(f, "{transport}:{}", path.display())?;
        name.as_ref().map_or(Ok(()), |name| write!(f, ":{name}"))
    }
}

/// A text is not an image name.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{name}` is not an image name: {reason}")]
pub struct InvalidImageName {
    name: String,
    reason: Cow<'static, str>,
}

impl InvalidImageName {
    /// Most who leave the transport out mean a registry, as `docker` and `pack` do.
    fn without_transport(name: &str) -> Self {
        let reason = if !name.starts_with(['/', '.']) && name.parse::<Reference>().is_ok() {
            format!(
                "a transport must come first; `docker://{name}` is an image in a registry, `oci:DIRECTORY[:TAG]` one in \
                 an OCI layout"
            )
            .into()
        } else {
            "a transport must come first, such as `docker://` for a registry or `oci:` for an OCI layout"
                .into()
        };
        Self { name: name.to_owned(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for text in [
            "oci:a",
            "oci:a:b",
            "oci-archive:f.tar",
            "docker-archive:f:r/x:1",
            "docker://registry.test:5000/team/app:1",
            "docker-daemon:app:1",
        ] {
            let name: ImageName = text.parse().expect(text);
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn references_are_completed() {
        let name: ImageName = "docker://debian".parse().expect("a name");
        assert_eq!(name.to_string(), "docker://index.docker.io/library/debian:latest");
        assert_eq!(name.to_string().parse::<ImageName>().expect("a name"), name);
    }

    #[test]
    fn names_without_transport_or_path_are_refused() {
        for text in
            ["app", "oci:", "oci::tag", ":x", "Oci:x", "oci:a:", "docker://", "docker:app", "docker://A b"]
        {
            assert!(text.parse::<ImageName>().is_err(), "{text}");
        }
    }

    #[test]
    fn who_leaves_the_transport_out_is_told_what_was_meant() {
        for (text, expected) in [
            ("team/builder:24", "first; `docker://team/builder:24` is an image in a registry, `oci:"),
            ("registry.test:5000/app", "first; `docker://registry.test:5000/app` is"),
            ("./layout", "first, such as `docker://` for a registry or `oci:` for an OCI layout"),
            ("A b", "first, such as `docker://`"),
        ] {
            let error = text.parse::<ImageName>().expect_err(text).to_string();
            assert!(
                error
                    .starts_with(&format!("`{text}` is not an image name: a transport must come {expected}")),
                "{error}"
            );
        }
    }
}
