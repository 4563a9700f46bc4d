//! Docker's `config.json`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::auth::Credentials;
use super::auth::Keychain;
use super::auth::KeychainError;

/// The credentials that `docker login` left in `config.json` itself.
///
/// Those in credential helpers are not asked for.
#[derive(Clone, Debug, Default)]
pub struct DockerConfig {
    credentials: BTreeMap<String, Credentials>,
}

/// This is no `config.json` of Docker. Says nothing of what is in it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDockerConfig {
    /// It is no JSON of the kind.
    #[error("the Docker config is no JSON of its kind (line {line}, column {column})")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// `auth` of a registry is not `name:password` in base64.
    #[error("the Docker config has an invalid `auth` for {0}")]
    Auth(String),
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default, rename = "identitytoken")]
    identity_token: String,
}

impl DockerConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is none of the kind; nothing of what is in it is in the error but names of registries.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidDockerConfig> {
        let config: Config = serde_json::from_slice(json)
            .map_err(|error| InvalidDockerConfig::Json { line: error.line(), column: error.column() })?;
        let read = |(server, entry): (String, Entry)| {
            let credentials = entry.credentials().ok_or_else(|| InvalidDockerConfig::Auth(server.clone()))?;
            Ok((host(&server).to_owned(), credentials))
        };
        Ok(Self { credentials: config.auths.into_iter().map(read).collect::<Result<_, _>>()? })
    }
}

#[tonic::async_trait]
impl Keychain for DockerConfig {
    async fn credentials(&self, host: &str) -> Result<Option<Credentials>, KeychainError> {
        let host = if host == "registry-1.docker.io" { "index.docker.io" } else { host };
        Ok(self.credentials.get(host).cloned())
    }
}

impl Entry {
    fn credentials(self) -> Option<Credentials> {
        if !self.identity_token.is_empty() {
            return Some(Credentials { username: String::new(), secret: self.identity_token });
        }
        if self.auth.is_empty() {
            return Some(Credentials { username: self.username, secret: self.password });
        }
        let text = String::from_utf8(BASE64_STANDARD.decode(self.auth).ok()?).ok()?;
        let (username, secret) = text.split_once(':')?;
        Some(Credentials { username: username.to_owned(), secret: secret.trim_matches('\0').to_owned() })
    }
}

/// Servers are hosts, or what the first registry was called by: `https://index.docker.io/v1/`.
fn host(server: &str) -> &str {
    let host = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://")).unwrap_or(server);
    let host = host.split('/').next().unwrap_or(host);
    if host == "docker.io" { "index.docker.io" } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credentials_are_found_by_host() {
        let json = br#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "YTpiOmM="},
            "localhost:5000": {"username": "u", "password": "p"},
            "ghcr.io": {"auth": "eDp5", "identitytoken": "t"}
        }, "credsStore": "x"}"#;
        let config = DockerConfig::parse(json).expect("it is valid");
        for (host, expected) in [
            ("registry-1.docker.io", Some(("a", "b:c"))),
            ("localhost:5000", Some(("u", "p"))),
            ("ghcr.io", Some(("", "t"))),
            ("quay.io", None),
        ] {
            let found = config.credentials(host).await.expect("nothing can fail");
            let found = found.as_ref().map(|found| (found.username.as_str(), found.secret.as_str()));
            assert_eq!(found, expected, "{host}");
        }
    }

    #[test]
    fn errors_quote_nothing() {
        let error = DockerConfig::parse(br#"{"auths": {"a": {"auth": "c2VjcmV0"}}}"#).expect_err("no colon");
        assert_eq!(error.to_string(), "the Docker config has an invalid `auth` for a");
        let error = DockerConfig::parse(b"{\"auths\": secret").expect_err("no JSON");
        assert_eq!(error.to_string(), "the Docker config is no JSON of its kind (line 1, column 11)");
        let shown = format!("{:?}", DockerConfig::parse(br#"{"auths": {"a": {"auth": "YTpzM2NyM3Q="}}}"#));
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}
