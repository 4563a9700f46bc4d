//! Docker's `config.json` and the programs it names.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::environment::Environment;
use docker_credential::CredentialRetrievalError;
use docker_credential::DockerCredential;

use super::Credential;
use super::Keychain;
use super::KeychainError;

/// The registry of images without one; Docker's configs have it as a URL.
const HUB: &str = "index.docker.io";
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// The credentials of Docker's `config.json`: `auths`, `credHelpers` and `credsStore`.
///
/// The file is read each time, and helper programs `docker-credential-*` are looked for in `PATH`. A file that is
/// not there has no credentials.
#[derive(Clone, Debug)]
pub struct DockerConfig {
    path: PathBuf,
}

impl DockerConfig {
    /// The config of a directory: `DOCKER_CONFIG`, or else `.docker` in the home directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self::of_file(directory.into().join("config.json"))
    }

    /// The config that the environment of a program names: in `DOCKER_CONFIG`, else in `.docker` of `HOME`.
    pub fn from_environment(environment: &Environment) -> Option<Self> {
        let home = || environment.get("HOME").map(|home| PathBuf::from(home).join(".docker"));
        let docker = environment.get("DOCKER_CONFIG").filter(|path| !path.is_empty());
        docker.map(PathBuf::from).or_else(home).map(Self::new)
    }

    /// A config under any name, for example Podman's `auth.json`.
    pub fn of_file(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn look_up(&self, config: &[u8], key: &str) -> Result<Credential, KeychainError> {
        use CredentialRetrievalError as E;
        let invalid = |reason| Err(KeychainError::Invalid { path: self.path.clone(), reason });
        let helper = |reason: String| {
            let (path, registry) = (self.path.clone(), key.to_owned());
            Err(KeychainError::Helper { path, registry, reason })
        };
        match docker_credential::get_credential_from_reader(config, key) {
            Ok(credential) => Ok(known(credential)),
            Err(E::NoCredentialConfigured | E::ConfigNotFound) => Ok(Credential::Anonymous),
            // Its output may hold a secret, so it is compared with and not shown.
            Err(E::HelperFailure { stdout, .. }) if is_not_found(&stdout) => Ok(Credential::Anonymous),
            Err(E::HelperFailure { helper: name, .. }) => helper(format!("`{name}` fails")),
            Err(E::HelperCommunicationError) => helper("its credential helper cannot be run".to_owned()),
            Err(E::MalformedHelperResponse) => helper("its credential helper answers no JSON".to_owned()),
            Err(E::ConfigReadError) => invalid("it has another form"),
            Err(E::CredentialDecodingError) => invalid("an `auth` is no user and password in base64"),
            Err(E::CredentialMismatchError) => invalid("an `auth` is not the user and password beside it"),
        }
    }
}

impl Keychain for DockerConfig {
    fn credential(&self, registry: &str, repository: &str) -> Result<Credential, KeychainError> {
        let config = match fs::read(&self.path) {
            Ok(config) => config,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Credential::Anonymous),
            Err(source) => return Err(KeychainError::File { path: self.path.clone(), source }),
        };
        for key in keys(host(registry), repository) {
            let credential = self.look_up(&config, &key)?;
            if credential != Credential::Anonymous {
                return Ok(credential);
            }
        }
        Ok(Credential::Anonymous)
    }
}

/// The registry without the other names that Docker Hub has.
pub(super) fn host(registry: &str) -> &str {
    match registry {
        "docker.io" | "registry-1.docker.io" | HUB_KEY => HUB,
        other => other,
    }
}

/// What a config may have the credential under, the most particular first.
fn keys(registry: &str, repository: &str) -> Vec<String> {
    let mut keys = Vec::new();
    if !repository.is_empty() {
        keys.push(format!("{registry}/{repository}"));
    }
    if registry == HUB {
        keys.extend([HUB_KEY.to_owned(), "docker.io".to_owned()]);
    }
    keys.push(registry.to_owned());
    keys
}

fn known(credential: DockerCredential) -> Credential {
    match credential {
        DockerCredential::IdentityToken(token) if !token.is_empty() => Credential::IdentityToken(token),
        DockerCredential::UsernamePassword(username, password) if !password.is_empty() => {
            Credential::Basic { username, password }
        }
        _ => Credential::Anonymous,
    }
}

/// What all helpers answer when they have nothing. Source: `credentials/error.go` of docker-credential-helpers.
fn is_not_found(stdout: &str) -> bool {
    stdout.trim() == "credentials not found in native keychain"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &str, registry: &str, repository: &str) -> Result<Credential, KeychainError> {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("config.json"), config).expect("it can be written");
        DockerConfig::new(directory.path()).credential(registry, repository)
    }

    #[test]
    fn keys_of_all_forms_are_found() {
        let basic = |password: &str| Credential::basic("me", password);
        // `me:1`, `me:2`, `me:3`
        let config = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "bWU6MQ=="},
            "registry.test": {"auth": "bWU6Mg=="},
            "registry.test/team/app": {"auth": "bWU6Mw"},
            "https://old.test/v1/": {"username": "me", "password": "4"},
            "empty.test": {},
            "token.test": {"auth": "bWU6", "identitytoken": "t"}
        }}"#;
        for (registry, repository, expected) in [
            ("index.docker.io", "library/app", basic("1")),
            ("docker.io", "", basic("1")),
            ("registry.test", "other", basic("2")),
            ("registry.test", "team/app", basic("3")),
            ("old.test", "app", basic("4")),
            ("empty.test", "app", Credential::Anonymous),
            ("token.test", "app", Credential::IdentityToken("t".into())),
            ("unknown.test", "app", Credential::Anonymous),
        ] {
            assert_eq!(
                of(config, registry, repository).expect(registry),
                expected,
                "{registry}/{repository}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_secrets() {
        for (config, expected) in [
            ("{", "it has another form"),
            (r#"{"auths": {"a.test": {"auth": "c2VjcmV0"}}}"#, "no user and password in base64"),
            (r#"{"credHelpers": {"a.test": "cnb-no-such-helper"}}"#, "cannot be run"),
        ] {
            let error = of(config, "a.test", "app").expect_err(config).to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("c2VjcmV0") && !error.contains("secret"), "{error}");
        }
    }
}
