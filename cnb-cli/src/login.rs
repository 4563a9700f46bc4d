//! What to do when a registry refuses for lack of rights.

use std::error::Error;
use std::iter::successors;

use cnb_core::backend;
use cnb_core::backend::ErrorKind;
use cnb_core::environment::Environment;
use cnb_core::image_name::ImageName;
use cnb_core::reference::Reference;
use cnb_llb::errdefs::BuildError;
use cnb_oci::registry::Credential;
use cnb_oci::registry::Requester;
use cnb_oci::registry::keychain::AuthVariable;
use cnb_oci::registry::keychain::DockerConfig;
use cnb_oci::registry::keychain::Keychain as _;

const VARIABLE: &str = "CNB_REGISTRY_AUTH";

/// What to do, when that is why something failed.
#[allow(clippy::disallowed_methods, reason = "a program reads its environment")]
pub(crate) fn help(error: &(dyn Error + 'static)) -> Option<String> {
    let environment: Environment = std::env::vars_os().collect();
    match Requester::of(error) {
        Some(Requester { registry, repository, .. }) => Some(told(registry, repository, &environment)),
        // It asks for credentials of registries alone.
        None => Some(told(&of_buildkit(error)?, "", &environment)),
    }
}

/// The registry that refuses a BuildKit, which has the credentials of this machine.
fn of_buildkit(error: &(dyn Error + 'static)) -> Option<String> {
    causes(error).find(|cause| cause.is::<BuildError>())?;
    let denied = causes(error)
        .filter_map(|cause| cause.downcast_ref::<backend::Error>())
        .find(|cause| cause.kind() == ErrorKind::Denied)?;
    let named = denied.context().iter().find(|(key, _)| matches!(*key, "image" | "output"))?;
    let reference: Reference = match named.1.parse() {
        Ok(ImageName::Docker { reference }) => reference,
        _ => named.1.parse().ok()?,
    };
    Some(reference.registry().to_owned())
}

/// An error and its causes.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    successors(Some(error), |error| (**error).source())
}

fn told(registry: &str, repository: &str, environment: &Environment) -> String {
    let login = match registry {
        "index.docker.io" => "docker login".to_owned(),
        other => format!("docker login {other}"),
    };
    let has = |credential| !matches!(credential, Ok(Credential::Anonymous));
    let variable = environment.text(VARIABLE).filter(|value| !value.is_empty());
    let of_variable = variable.and_then(|value| AuthVariable::parse(value).ok());
    if of_variable.is_some_and(|variable| has(variable.credential(registry, repository))) {
        return format!(
            "the credentials for {registry} in {VARIABLE} are not valid, or may not do this: correct the variable, which \
             goes before `{login}`"
        );
    }
    let config = DockerConfig::from_environment(environment);
    if let Some(config) = &config
        && has(config.credential(registry, repository))
    {
        let path = config.path().display();
        return format!(
            "the credentials for {registry} that {path} has or refers to are not valid, or may not do this: `{login}` \
             replaces them"
        );
    }
    let set = if variable.is_some() { "" } else { ", which is not set," };
    let config = match &config {
        Some(config) if config.path().exists() => format!("in {}", config.path().display()),
        Some(config) => format!("in {}, which is not there", config.path().display()),
        None => "of Docker, as neither DOCKER_CONFIG nor HOME is set".to_owned(),
    };
    format!("log in with `{login}`: credentials for {registry} are neither in {VARIABLE}{set} nor {config}")
}

#[cfg(test)]
mod tests {
    use cnb_llb::errdefs::Code;

    use super::*;

    fn denied(key: &'static str, name: &str) -> backend::Error {
        let said = BuildError::new(Code::PermissionDenied, "insufficient_scope: authorization failed");
        backend::Error::new(ErrorKind::Denied, "BuildKit cannot do it").with_source(said).with(key, name)
    }

    #[test]
    fn the_registry_that_refuses_a_buildkit_is_that_of_the_image() {
        for (key, name, expected) in [
            ("image", "registry.test/app:1", Some("registry.test")),
            ("image", "index.docker.io/library/app", Some("index.docker.io")),
            ("output", "docker://localhost:5000/app", Some("localhost:5000")),
            ("path", "/registry.test/app", None),
        ] {
            assert_eq!(of_buildkit(&denied(key, name)).as_deref(), expected, "{name}");
        }
        let local = backend::Error::new(ErrorKind::Denied, "no").with("image", "registry.test/app");
        assert_eq!(of_buildkit(&local), None, "it is a file that cannot be read");
    }

    #[test]
    fn what_was_looked_at_is_named() {
        let docker = tempfile::tempdir().expect("a directory");
        let mut environment = Environment::from_iter([(VARIABLE, r#"{"a.test":"Bearer t"}"#)]);
        let path = docker.path().join("config.json");
        let place = path.display();
        assert!(told("b.test", "app", &environment).ends_with("neither DOCKER_CONFIG nor HOME is set"));
        environment.set("DOCKER_CONFIG", docker.path());
        let help = told("b.test", "app", &environment);
        assert!(help.starts_with("log in with `docker login b.test`: "), "{help}");
        assert!(help.ends_with(&format!("in {VARIABLE} nor in {place}, which is not there")), "{help}");
        std::fs::write(&path, r#"{"auths":{"b.test":{"auth":"dTpk"}}}"#).expect("a file");
        let help = told("b.test", "app", &environment);
        assert!(help.contains(&format!("that {place} has or refers to are not valid")), "{help}");
        let help = told("a.test", "app", &environment);
        assert!(help.contains(&format!("in {VARIABLE} are not valid")), "{help}");
        let help = told("index.docker.io", "app", &environment);
        assert!(help.starts_with("log in with `docker login`: "), "{help}");
    }
}
