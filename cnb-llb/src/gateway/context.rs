//! Named contexts: `docker build --build-context NAME=SOURCE`.

use super::options::InvalidOption;

/// A place that files come from, under a name.
///
/// Source: `frontend/dockerui/namedcontext.go` of BuildKit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedContext {
    /// Its name.
    pub name: String,
    /// The platform it is for, for example `linux/amd64`; every one if there is none.
    pub platform: Option<String>,
    /// Where the files are.
    pub source: ContextSource,
}

/// Where the files of a context are.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ContextSource {
    /// `docker-image://REFERENCE`, an image in a registry.
    DockerImage(String),
    /// `input:NAME`, what another build of the same request makes.
    Input(String),
    /// `local:NAME`, a directory of the client.
    Local(String),
    /// `oci-layout://STORE[:TAG]@DIGEST`, an image in a layout of the client.
    OciLayout(String),
    /// A repository (`git:`) or an archive (`http:`, `https:`), with its whole address.
    Remote(String),
}

impl NamedContext {
    /// The context behind an option whose key is `context:` and `key`.
    pub(super) fn read(key: &str, value: &str) -> Result<Self, InvalidOption> {
        let (name, platform) = match key.split_once("::") {
            Some((name, platform)) => (name, Some(platform.to_owned())),
            None => (key, None),
        };
        let invalid = || InvalidOption::new(&format!("context:{key}"), value, "an unknown kind of context");
        let (kind, rest) = value.split_once(':').ok_or_else(invalid)?;
        let place = rest.strip_prefix("//").unwrap_or(rest).to_owned();
        let source = match kind {
            "docker-image" => ContextSource::DockerImage(place),
            "git" | "http" | "https" => ContextSource::Remote(value.to_owned()),
            "input" => ContextSource::Input(place),
            "local" => ContextSource::Local(place),
            "oci-layout" => ContextSource::OciLayout(place),
            _ => return Err(invalid()),
        };
        Ok(Self { name: name.to_owned(), platform, source })
    }
}
