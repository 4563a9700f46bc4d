//! Where a BuildKit is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where Docker Engine listens unless it is told otherwise.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// Where a BuildKit is.
///
/// | written | |
/// |---|---|
/// | `unix:///run/buildkit/buildkitd.sock` | a `buildkitd` at a socket |
/// | `tcp://127.0.0.1:1234` | a `buildkitd` at a port; see [`Connector::with_tls`](super::Connector::with_tls) |
/// | `docker://`, `docker:///run/docker.sock` | the BuildKit inside Docker Engine, at its API's socket |
/// | `docker-container://NAME` | a `buildkitd` in a container of Docker Engine, for example one of `docker buildx create` |
///
/// ```
/// use cnb_llb::client::Address;
///
/// let address: Address = "docker://".parse()?;
/// assert_eq!(address, Address::Docker("/var/run/docker.sock".into()));
/// # Ok::<(), cnb_llb::client::InvalidAddress>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Address {
    /// The socket of a `buildkitd`.
    Unix(PathBuf),
    /// Host and port of a `buildkitd`.
    Tcp(String),
    /// The socket of the API of a Docker Engine whose own BuildKit it is.
    Docker(PathBuf),
    /// A container with a `buildkitd` in it.
    DockerContainer {
        /// Its name or ID.
        name: String,
        /// The socket of the API of its Docker Engine.
        engine: PathBuf,
    },
}

/// This is no address of a BuildKit.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is no address of a BuildKit: it starts with unix://, tcp://, docker:// or docker-container://"
)]
pub struct InvalidAddress(String);

impl Address {
    /// The same at a Docker Engine whose API listens elsewhere; nothing else changes.
    #[must_use]
    pub fn with_engine(self, engine: impl Into<PathBuf>) -> Self {
        match self {
            Self::Docker(_) => Self::Docker(engine.into()),
            Self::DockerContainer { name, .. } => Self::DockerContainer { name, engine: engine.into() },
            other => other,
        }
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        match text.split_once("://") {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            Some(("tcp", host)) if !host.is_empty() => Ok(Self::Tcp(host.to_owned())),
            Some(("docker", "")) => Ok(Self::Docker(DOCKER_SOCKET.into())),
            Some(("docker", path)) => Ok(Self::Docker(path.into())),
            Some(("docker-container", name)) if !name.is_empty() => {
                Ok(Self::DockerContainer { name: name.to_owned(), engine: DOCKER_SOCKET.into() })
            }
            _ => Err(InvalidAddress(text.to_owned())),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::Tcp(host) => write!(formatter, "tcp://{host}"),
            Self::Docker(path) => write!(formatter, "docker://{}", path.display()),
            Self::DockerContainer { name, .. } => write!(formatter, "docker-container://{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, written) in [
            ("unix:///run/b.sock", Some("unix:///run/b.sock")),
            ("tcp://localhost:1234", Some("tcp://localhost:1234")),
            ("docker://", Some("docker:///var/run/docker.sock")),
            ("docker:///run/d.sock", Some("docker:///run/d.sock")),
            ("docker-container://b0", Some("docker-container://b0")),
            ("docker-container://", None),
            ("unix://", None),
            ("ssh://host", None),
            ("/run/b.sock", None),
        ] {
            let address = text.parse::<Address>().map(|address| address.to_string()).ok();
            assert_eq!(address.as_deref(), written, "{text}");
        }
    }

    #[test]
    fn another_engine_is_for_those_that_have_one() {
        let docker: Address = "docker://".parse().expect("it is valid");
        assert_eq!(docker.with_engine("/x"), Address::Docker("/x".into()));
        let unix = Address::Unix("/run/b.sock".into());
        assert_eq!(unix.clone().with_engine("/x"), unix);
    }
}
