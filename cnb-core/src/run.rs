//! `run.toml` and, before Platform API 0.12, `stack.toml`: the run images of a platform.
//!
//! Source: `platform/files/run.go` and `stack.go` of the lifecycle.

use serde::Deserialize;

pub use crate::labels::lifecycle::RunImageNames;
use crate::reference::Reference;

/// run.toml.
///
/// ```
/// use cnb_core::run::Run;
///
/// let run: Run = toml::from_str("[[images]]\nimage = \"run\"\nmirrors = [\"example.com/run\"]\n")?;
/// assert!(run.images[0].contains("docker.io/library/run:latest"));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
pub struct Run {
    /// The images, the preferred one first.
    pub images: Vec<RunImageNames>,
}

/// stack.toml.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, rename_all = "kebab-case")]
pub struct Stack {
    /// The image.
    pub run_image: RunImageNames,
}

impl RunImageNames {
    /// Whether this is the image of that name. Digests do not count, and a missing tag is `latest`.
    pub fn contains(&self, name: &str) -> bool {
        let name = comparable(name);
        std::iter::once(&self.image).chain(&self.mirrors).any(|own| comparable(own) == name)
    }
}

/// Source: `internal/name/ref.go` of the lifecycle.
fn comparable(name: &str) -> String {
    let without_digest =
        if name.contains("@sha256:") { name.split('@').next().unwrap_or(name) } else { name };
    without_digest.parse::<Reference>().map_or_else(|_| name.to_owned(), |reference| reference.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_digest_and_with_defaults() {
        let image = RunImageNames {
            image: "example.com/run".to_owned(),
            mirrors: vec!["mirror:5000/run:1".to_owned(), "library/xy".to_owned()],
        };
        let digest = "@sha256:0000000000000000000000000000000000000000000000000000000000000000";
        let cases = [
            ("example.com/run", true),
            ("example.com/run:latest", true),
            ("example.com/run:1", false),
            ("mirror:5000/run:1", true),
            ("mirror:5000/run", false),
            ("index.docker.io/library/xy:latest", true),
            ("xy", true),
            ("", false),
        ];
        for (name, expected) in cases {
            assert_eq!(image.contains(name), expected, "{name}");
        }
        assert!(image.contains(&format!("example.com/run{digest}")));
        assert!(image.contains(&format!("mirror:5000/run:1{digest}")));
    }
}
