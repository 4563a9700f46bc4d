//! Options that people set by environment variables.

use cnb_core::environment::Environment;

use super::Options;
use super::Proxy;
use super::keychain::AuthVariable;
use super::keychain::Chain;
use super::keychain::DockerConfig;
use super::keychain::KeychainError;

impl Options {
    /// What the environment of a program says.
    ///
    /// | variable | what for |
    /// |---|---|
    /// | `CNB_REGISTRY_AUTH` | credentials, as the Platform specification has them |
    /// | `DOCKER_CONFIG`, else `HOME` | the directory of Docker's `config.json`, else `.docker` in it |
    /// | `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` | proxies; names in lower case win |
    ///
    /// # Errors
    /// When `CNB_REGISTRY_AUTH` makes no sense.
    pub fn from_environment(environment: &Environment) -> Result<Self, KeychainError> {
        Ok(Self::new().with_keychain(keychain(environment)?).with_proxy(proxy(environment)))
    }
}

fn keychain(environment: &Environment) -> Result<Chain, KeychainError> {
    let mut chain = Chain::new();
    if let Some(value) = environment.text("CNB_REGISTRY_AUTH").filter(|value| !value.is_empty()) {
        chain = chain.with(AuthVariable::parse(value)?);
    }
    if let Some(docker) = DockerConfig::from_environment(environment) {
        chain = chain.with(docker);
    }
    Ok(chain)
}

fn proxy(environment: &Environment) -> Proxy {
    let variable = |name: &str| {
        let lower = environment.text(name.to_lowercase());
        lower.or_else(|| environment.text(name)).filter(|value| !value.is_empty())
    };
    let mut proxy = Proxy::new();
    if let Some(url) = variable("HTTP_PROXY") {
        proxy = proxy.with_http(url);
    }
    if let Some(url) = variable("HTTPS_PROXY") {
        proxy = proxy.with_https(url);
    }
    match variable("NO_PROXY") {
        Some(hosts) => proxy.with_no_proxy(hosts),
        None => proxy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Credential;

    #[test]
    fn credentials_of_the_variable_come_before_those_of_docker() {
        let docker = tempfile::tempdir().expect("a directory");
        let config = r#"{"auths":{"a.example":{"auth":"dTpk"},"b.example":{"auth":"dTpk"}}}"#;
        std::fs::write(docker.path().join("config.json"), config).expect("a file");
        let mut environment = Environment::from_iter([("CNB_REGISTRY_AUTH", r#"{"a.example":"Bearer t"}"#)]);
        environment.set("DOCKER_CONFIG", docker.path());
        let options = Options::from_environment(&environment).expect("options");
        let credential = |registry| options.keychain.credential(registry, "app").expect("a credential");
        assert!(matches!(credential("a.example"), Credential::Bearer(_)));
        assert!(matches!(credential("b.example"), Credential::Basic { .. }));
        assert_eq!(credential("c.example"), Credential::Anonymous);
        assert!(Options::from_environment(&Environment::from_iter([("CNB_REGISTRY_AUTH", "x")])).is_err());
    }
}
