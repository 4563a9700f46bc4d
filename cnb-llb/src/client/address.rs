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
/// | `docker://127.0.0.1:2376` | the same at a port |
/// | `docker-container://NAME` | a `buildkitd` in a container of Docker Engine, for example one of `docker buildx create` |
///
/// ```
/// use cnb_llb::client::Address;
/// use cnb_llb::client::Engine;
///
/// let address: Address = "docker://".parse()?;
/// assert_eq!(address, Address::Docker(Engine::Socket("/var/run/docker.sock".into())));
/// # Ok::<(), cnb_llb::client::InvalidAddress>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Address {
    /// The socket of a `buildkitd`.
    Unix(PathBuf),
    /// Host and port of a `buildkitd`.
    Tcp(String),
    /// The Docker Engine whose own BuildKit it is.
    Docker(Engine),
    /// A container with a `buildkitd` in it.
    DockerContainer {
        /// Its name or ID.
        name: String,
        /// Its Docker Engine.
        engine: Engine,
    },
}

/// Where the API of a Docker Engine is: `unix://PATH` or `tcp://HOST:PORT`, as in `DOCKER_HOST`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Engine {
    /// At a socket.
    Socket(PathBuf),
    /// At host and port.
    Tcp(String),
}

/// This is no address of a BuildKit.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is no address of a BuildKit: it must be unix://PATH, tcp://HOST:PORT, docker://, docker://PATH, \
     docker://HOST:PORT or docker-container://NAME"
)]
pub struct InvalidAddress(String);

impl Address {
    /// The same at a Docker Engine whose API listens elsewhere; nothing else changes.
    #[must_use]
    pub fn with_engine(self, engine: Engine) -> Self {
        match self {
            Self::Docker(_) => Self::Docker(engine),
            Self::DockerContainer { name, .. } => Self::DockerContainer { name, engine },
            other => other,
        }
    }

    /// Host and port of the BuildKit or of its Docker Engine. None for sockets.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Tcp(host)
            | Self::Docker(Engine::Tcp(host))
            | Self::DockerContainer { engine: Engine::Tcp(host), .. } => Some(host),
            _ => None,
        }
    }
}

impl Default for Engine {
    /// Where Docker Engine listens unless it is told otherwise.
    fn default() -> Self {
        Self::Socket(DOCKER_SOCKET.into())
    }
}

/// This is no address of a Docker Engine.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no address of a Docker Engine: it must be unix://PATH or tcp://HOST:PORT")]
pub struct InvalidEngine(String);

impl FromStr for Engine {
    type Err = InvalidEngine;

    fn from_str(text: &str) -> Result<Self, InvalidEngine> {
        match text.split_once("://") {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Socket(path.into())),
            Some(("tcp", host)) if has_port(host) => Ok(Self::Tcp(host.to_owned())),
            _ => Err(InvalidEngine(text.to_owned())),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => path.display().fmt(formatter),
            Self::Tcp(host) => formatter.write_str(host),
        }
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        match text.split_once("://") {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            Some(("tcp", host)) if has_port(host) => Ok(Self::Tcp(host.to_owned())),
            Some(("docker", "")) => Ok(Self::Docker(Engine::default())),
            Some(("docker", path)) if path.contains('/') => Ok(Self::Docker(Engine::Socket(path.into()))),
            Some(("docker", host)) if has_port(host) => Ok(Self::Docker(Engine::Tcp(host.to_owned()))),
            Some(("docker-container", name)) if !name.is_empty() => {
                Ok(Self::DockerContainer { name: name.to_owned(), engine: Engine::default() })
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
            Self::Docker(engine) => write!(formatter, "docker://{engine}"),
            Self::DockerContainer { name, .. } => write!(formatter, "docker-container://{name}"),
        }
    }
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(name, port)| !name.is_empty() && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, written) in [
            ("unix:///run/b.sock", Some("unix:///run/b.sock")),
            ("tcp://localhost:1234", Some("tcp://localhost:1234")),
            ("tcp://localhost", None),
            ("tcp://localhost:1234/path", None),
            ("docker://", Some("docker:///var/run/docker.sock")),
            ("docker:///run/d.sock", Some("docker:///run/d.sock")),
            ("docker://[::1]:2376", Some("docker://[::1]:2376")),
            ("docker://host", None),
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
        let other: Engine = "tcp://host:1".parse().expect("it is valid");
        let docker = docker.with_engine(other.clone());
        assert_eq!((docker.host(), docker.to_string()), (Some("host:1"), "docker://host:1".to_owned()));
        let unix = Address::Unix("/run/b.sock".into());
        assert_eq!((unix.clone().with_engine(other), unix.host()), (unix.clone(), None));
    }

    #[test]
    fn engines_are_where_docker_says() {
        for (text, engine) in [
            ("unix:///run/d.sock", Some(Engine::Socket("/run/d.sock".into()))),
            ("tcp://host:2376", Some(Engine::Tcp("host:2376".to_owned()))),
            ("tcp://host", None),
            ("tcp://host:2376/path", None),
            ("ssh://host", None),
        ] {
            assert_eq!(text.parse().ok(), engine, "{text}");
        }
    }
}
