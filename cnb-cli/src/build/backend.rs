//! `--backend`.

use std::str::FromStr;

use cnb_llb::client::Address;
use cnb_llb::client::Engine;

use super::docker_context::Context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// Says where Docker Engine listens.
const DOCKER_HOST: &str = "DOCKER_HOST";
/// The directory of Docker's configuration.
pub(super) const DOCKER_CONFIG: &str = "DOCKER_CONFIG";
/// Says where a BuildKit listens.
const BUILDKIT_HOST: &str = "BUILDKIT_HOST";

const BUILDKIT_SOCKET: &str = "/run/buildkit/buildkitd.sock";

/// What builds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Backend {
    /// Containers of this machine, without a daemon.
    Local,
    /// The BuildKit inside the Docker Engine that the environment names.
    Docker,
    /// The BuildKit at an address, or else at the one that the environment names.
    BuildKit(Option<Address>),
}

/// Where a BuildKit is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) address: Address,
    /// The context of docker that says so.
    pub(super) context: Option<Context>,
}

impl From<Address> for Place {
    fn from(address: Address) -> Self {
        Self { address, context: None }
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.split_once('=') {
            None if text == "local" => Ok(Self::Local),
            None if text == "docker" => Ok(Self::Docker),
            None if text == "buildkit" => Ok(Self::BuildKit(None)),
            Some(("buildkit", address)) => Self::at(address),
            _ => Err("it must be `local`, `docker`, `buildkit` or `buildkit=ADDRESS`".to_owned()),
        }
    }
}

impl Backend {
    /// The BuildKit at an address; Docker Engine's own without a path is that of the environment.
    fn at(address: &str) -> std::result::Result<Self, String> {
        match address {
            "docker://" => Ok(Self::Docker),
            address => Ok(Self::BuildKit(Some(address.parse().map_err(|error| format!("{error}"))?))),
        }
    }

    /// Where the BuildKit is, in an environment. None for the local backend.
    pub(super) fn place(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Place>> {
        match self {
            Self::Local => Ok(None),
            Self::Docker => at_engine(&Address::Docker(Engine::default()), variable).map(Some),
            Self::BuildKit(Some(address @ Address::DockerContainer { .. })) => {
                at_engine(address, variable).map(Some)
            }
            Self::BuildKit(Some(address)) => Ok(Some(address.clone().into())),
            Self::BuildKit(None) => match variable(BUILDKIT_HOST).filter(|address| !address.is_empty()) {
                None => Ok(Some(Address::Unix(BUILDKIT_SOCKET.into()).into())),
                Some(address) => {
                    let backend = Self::at(&address);
                    let backend = backend.map_err(|error| unusable(BUILDKIT_HOST, &error))?;
                    backend.place(variable)
                }
            },
        }
    }
}

/// The address at the Docker Engine that commands of `docker` talk to.
fn at_engine(address: &Address, variable: impl Fn(&str) -> Option<String>) -> Result<Place> {
    let at = |engine: Engine| address.clone().with_engine(engine);
    if let Some(host) = variable(DOCKER_HOST).filter(|host| !host.is_empty()) {
        let engine = host.parse().map_err(|error| unusable(DOCKER_HOST, &format!("{error}")))?;
        return Ok(at(engine).into());
    }
    let context = Context::in_use(variable)?;
    let engine = context.as_ref().map_or_else(Engine::default, |context| context.engine.clone());
    Ok(Place { address: at(engine), context })
}

fn unusable(variable: &str, reason: &str) -> Failure {
    Failure::new(Exit::Machine, format!("{variable} cannot be used: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str, environment: &[(&str, &str)]) -> std::result::Result<String, String> {
        let backend: Backend = text.parse()?;
        let variable = |name: &str| {
            let found = environment.iter().find(|(other, _)| *other == name);
            match found {
                // That of who runs the tests is not read.
                None if name == DOCKER_CONFIG => Some("/nowhere".to_owned()),
                found => found.map(|(_, value)| (*value).to_owned()),
            }
        };
        let place = backend.place(variable).map_err(|failure| failure.message)?;
        Ok(place.map_or("none".to_owned(), |place| place.address.to_string()))
    }

    #[test]
    fn addresses_are_those_of_the_command_line_or_the_environment() {
        let docker = ("DOCKER_HOST", "unix:///run/d.sock");
        let buildkit = ("BUILDKIT_HOST", "tcp://localhost:1234");
        for (text, environment, expected) in [
            ("local", &[docker, buildkit][..], "none"),
            ("docker", &[], "docker:///var/run/docker.sock"),
            ("docker", &[docker], "docker:///run/d.sock"),
            ("docker", &[("DOCKER_HOST", "")], "docker:///var/run/docker.sock"),
            ("docker", &[("DOCKER_HOST", "tcp://h:2376"), ("DOCKER_CONTEXT", "c")], "docker://h:2376"),
            ("buildkit=docker://h:2376", &[docker], "docker://h:2376"),
            ("buildkit", &[docker], "unix:///run/buildkit/buildkitd.sock"),
            ("buildkit", &[buildkit], "tcp://localhost:1234"),
            ("buildkit", &[("BUILDKIT_HOST", "docker://"), docker], "docker:///run/d.sock"),
            ("buildkit=unix:///run/b.sock", &[buildkit], "unix:///run/b.sock"),
            ("buildkit=docker://", &[docker], "docker:///run/d.sock"),
            ("buildkit=docker:///run/e.sock", &[docker], "docker:///run/e.sock"),
            ("buildkit=docker-container://b0", &[docker], "docker-container://b0"),
        ] {
            assert_eq!(address(text, environment).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn containers_are_those_of_the_engine_of_the_environment() {
        let backend: Backend = "buildkit=docker-container://b0".parse().expect("it is valid");
        let place = backend.place(|_| Some("unix:///run/d.sock".to_owned())).map_err(|_| ());
        let expected =
            Address::DockerContainer { name: "b0".to_owned(), engine: Engine::Socket("/run/d.sock".into()) };
        assert_eq!(place, Ok(Some(expected.into())));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, environment, expected) in [
            ("podman", &[][..], "it must be `local`"),
            ("docker=unix:///x", &[], "it must be `local`"),
            ("buildkit=/run/b.sock", &[], "`/run/b.sock` is no address of a BuildKit"),
            ("buildkit", &[("BUILDKIT_HOST", "x")], "BUILDKIT_HOST cannot be used: `x` is no address"),
            (
                "docker",
                &[("DOCKER_CONTEXT", "c")],
                "the context `c` of docker cannot be used: there is no `/nowhere/",
            ),
            ("buildkit=docker-container://b0", &[("DOCKER_CONTEXT", "c")], "the context `c` of docker"),
            ("docker", &[("DOCKER_HOST", "ssh://h")], "DOCKER_HOST cannot be used: `ssh://h` is no address"),
        ] {
            let error = address(text, environment).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
    }
}
