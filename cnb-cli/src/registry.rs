//! Registries, as the environment and the command line have them.

use cnb_core::environment::Environment;
use cnb_oci::registry::Options;
use cnb_oci::registry::Registry;

use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// How registries are reached.
#[derive(Debug, clap::Args)]
pub(crate) struct Registries {
    /// Reach registries whose images begin with PREFIX without TLS; may be given several times.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) insecure_registry: Vec<String>,
}

/// A client with the credentials of Docker's configuration and of `CNB_REGISTRY_AUTH`.
pub(crate) fn client(args: &Registries) -> Result<Registry> {
    let options = options()?.with_user_agent(concat!("cnb/", env!("CARGO_PKG_VERSION")));
    let options = args.insecure_registry.iter().fold(options, Options::with_insecure);
    Registry::new(options).map_err(|error| Failure::caused(Exit::Machine, &error))
}

/// Credentials and proxies of the environment.
#[allow(clippy::disallowed_methods, reason = "a program reads its environment")]
pub(crate) fn options() -> Result<Options> {
    let environment: Environment = std::env::vars_os().collect();
    Options::from_environment(&environment).map_err(|error| Failure::caused(Exit::Usage, &error))
}
