//! Contexts of `docker`: which Docker Engine its commands talk to.
//!
//! `docker context use` keeps the name of one in `config.json`; each is a file `meta.json`, with certificates in a
//! directory of their own. Source: `cli/context/store` and `resolveContextName` in `cli/command/cli.go` of docker/cli.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;

use cnb_llb::client::Engine;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::backend::DOCKER_CONFIG;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// Names a context, before the one in use.
const DOCKER_CONTEXT: &str = "DOCKER_CONTEXT";
/// The context that is none: the Docker Engine of the environment, or of this machine.
const NONE: &str = "default";

/// Where a context says that Docker Engine is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Context {
    pub(super) engine: Engine,
    /// The directory with `ca.pem`, `cert.pem` and `key.pem`, when it is to be reached over TLS.
    pub(super) certificates: Option<PathBuf>,
}

/// `config.json`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    current_context: Option<String>,
}

/// `meta.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Endpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

impl Context {
    /// The context in use, in an environment.
    pub(super) fn in_use(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let Some(directory) = configuration(set) else { return Ok(None) };
        let in_use = || -> Result<String> {
            let config: Option<Config> = read(&directory.join("config.json"))?;
            Ok(config.and_then(|config| config.current_context).unwrap_or_default())
        };
        let name = set(DOCKER_CONTEXT).map_or_else(in_use, Ok)?;
        if name.is_empty() || name == NONE { Ok(None) } else { Self::named(&name, &directory).map(Some) }
    }

    fn named(name: &str, directory: &Path) -> Result<Self> {
        let (id, contexts) = (cnb_oci::digest(name.as_bytes()), directory.join("contexts"));
        let path = contexts.join("meta").join(id.hex()).join("meta.json");
        let unusable = |reason: String| {
            let message = format!(
                "the context `{name}` of docker cannot be used: {reason}\n  help: choose another one with `docker context \
                 use`, or say with DOCKER_HOST where Docker Engine is"
            );
            Failure::new(Exit::Machine, message)
        };
        let meta: Option<Meta> = read(&path)?;
        let meta = meta.ok_or_else(|| unusable(format!("there is no `{}`", path.display())))?;
        let Endpoint { host, skip_tls_verify } = meta.endpoints.docker;
        if skip_tls_verify {
            return Err(unusable("it is not to be verified who answers, and cnb always does".to_owned()));
        }
        let engine = host.parse().map_err(|error| unusable(format!("{error}")))?;
        let certificates = contexts.join("tls").join(id.hex()).join("docker");
        Ok(Self { engine, certificates: Some(certificates).filter(|directory| directory.is_dir()) })
    }
}

/// The directory of Docker's configuration.
pub(super) fn configuration(set: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    set(DOCKER_CONFIG).map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".docker")))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let invalid = |error: &dyn std::fmt::Display| {
        let message = format!("failed to read `{}` of docker: {error}", path.display());
        Failure::new(Exit::InvalidInput, message)
    };
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| invalid(&error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(invalid(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `printf remote | sha256sum` prints.
    const REMOTE: &str = "b71199ebd070b36beab7317920c2c2f1d777df8d05e5527d8458fda57cb17a7a";

    struct Configuration(tempfile::TempDir);

    impl Configuration {
        fn new(files: &[(&str, &str)]) -> Self {
            let directory = tempfile::tempdir().expect("there is a directory");
            for (path, text) in files {
                let path = directory.path().join(path);
                fs::create_dir_all(path.parent().expect("it is below")).expect("a directory");
                fs::write(path, text).expect("a file");
            }
            Self(directory)
        }

        fn context(&self, name: Option<&str>) -> std::result::Result<Option<Context>, String> {
            let context = Context::in_use(|variable| match variable {
                DOCKER_CONFIG => Some(self.0.path().display().to_string()),
                DOCKER_CONTEXT => name.map(ToOwned::to_owned),
                _ => None,
            });
            context.map_err(|failure| failure.message)
        }
    }

    fn meta(endpoint: &str) -> String {
        format!(r#"{{"Name":"remote","Metadata":{{}},"Endpoints":{{"docker":{endpoint}}}}}"#)
    }

    fn path(kind: &str, file: &str) -> String {
        format!("contexts/{kind}/{REMOTE}/{file}")
    }

    #[test]
    fn the_context_is_that_of_the_environment_or_the_one_in_use() {
        let (meta, file) =
            (meta(r#"{"Host":"unix:///run/d.sock","SkipTLSVerify":false}"#), path("meta", "meta.json"));
        let in_use = ("config.json", r#"{"auths":{},"currentContext":"remote"}"#);
        let remote = Some(Context { engine: Engine::Socket("/run/d.sock".into()), certificates: None });
        for (config, name, expected) in [
            (Some(in_use), None, &remote),
            (Some(in_use), Some(""), &remote),
            (Some(in_use), Some("default"), &None),
            (Some(("config.json", "{}")), None, &None),
            (Some(("config.json", r#"{"currentContext":null}"#)), None, &None),
            (None, Some("remote"), &remote),
            (None, None, &None),
        ] {
            let files: Vec<_> = config.into_iter().chain([(file.as_str(), meta.as_str())]).collect();
            assert_eq!(
                Configuration::new(&files).context(name).as_ref(),
                Ok(expected),
                "{config:?} {name:?}"
            );
        }
    }

    #[test]
    fn certificates_are_those_of_the_context() {
        let (meta, file) = (meta(r#"{"Host":"tcp://h:2376"}"#), path("meta", "meta.json"));
        let (certificate, directory) = (path("tls", "docker/ca.pem"), path("tls", "docker"));
        let configuration = Configuration::new(&[(&file, &meta), (&certificate, "")]);
        let context = configuration.context(Some("remote")).expect("it is valid").expect("it is there");
        assert_eq!(context.engine, Engine::Tcp("h:2376".to_owned()));
        assert_eq!(context.certificates, Some(configuration.0.path().join(directory)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let file = path("meta", "meta.json");
        for (meta, expected) in [
            (
                meta(r#"{"Host":"ssh://h"}"#),
                "the context `remote` of docker cannot be used: `ssh://h` is no address",
            ),
            (meta(r#"{"Host":"tcp://h:1","SkipTLSVerify":true}"#), "not to be verified"),
            (meta("{}"), "missing field `Host`"),
            ("{".to_owned(), "meta.json` of docker: EOF while parsing an object at line 1"),
        ] {
            let error = Configuration::new(&[(&file, &meta)]).context(Some("remote")).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
        let error = Configuration::new(&[]).context(Some("remote")).expect_err("there is none");
        assert!(error.contains("there is no `") && error.contains("help: "), "{error}");
        let error = Configuration::new(&[("config.json", "[")]).context(None).expect_err("it is no JSON");
        assert!(error.contains("config.json` of docker: "), "{error}");
    }
}
