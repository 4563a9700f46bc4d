//! What a gateway tells a frontend when it starts it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::Platform;
use crate::Worker;

/// The start of the variables that hold options.
const OPTION: &str = "BUILDKIT_FRONTEND_OPT_";

/// The environment of a frontend, taken apart.
///
/// Pure: the variables of the process are the caller's to read.
///
/// Source: `frontend/gateway/gateway.go` and `frontend/gateway/grpcclient` of BuildKit.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Environment {
    /// Every option by its key. See [`Options`](super::Options) for what they mean.
    pub options: BTreeMap<String, String>,
    /// The session of the client: who has the local directories. Empty if there is none.
    pub session_id: String,
    /// What can build, the default first.
    pub workers: Vec<Worker>,
    /// `docker` inside Docker Engine, else `buildkit` or empty.
    pub product: String,
}

/// The gateway started the frontend in a way that it does not understand.
#[derive(Debug, thiserror::Error)]
#[error("BUILDKIT_WORKERS is not a list of workers in JSON")]
pub struct InvalidWorkers(#[source] serde_json::Error);

impl Environment {
    /// Reads the variables of the environment, in any order; others are passed over.
    ///
    /// # Errors
    /// When `BUILDKIT_WORKERS` is there, but is no list of workers.
    pub fn read<N, V>(environment: impl IntoIterator<Item = (N, V)>) -> Result<Self, InvalidWorkers>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut read = Self::default();
        for (name, value) in environment {
            let value = value.as_ref();
            match name.as_ref() {
                "BUILDKIT_SESSION_ID" => value.clone_into(&mut read.session_id),
                "BUILDKIT_EXPORTEDPRODUCT" => value.clone_into(&mut read.product),
                "BUILDKIT_WORKERS" => read.workers = workers(value)?,
                name if name.starts_with(OPTION) => {
                    let (key, value) = value.split_once('=').unwrap_or((value, ""));
                    read.options.insert(key.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        Ok(read)
    }
}

impl fmt::Debug for Environment {
    /// Without the values of options: there are secrets in caches.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("options", &self.options.keys())
            .field("session_id", &self.session_id)
            .field("workers", &self.workers)
            .field("product", &self.product)
            .finish()
    }
}

fn workers(json: &str) -> Result<Vec<Worker>, InvalidWorkers> {
    let workers: Option<Vec<WorkerJson>> = serde_json::from_str(json).map_err(InvalidWorkers)?;
    Ok(workers.unwrap_or_default().into_iter().map(Worker::from).collect())
}

#[derive(Deserialize)]
struct WorkerJson {
    id: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    platforms: Vec<PlatformJson>,
}

/// A platform as the OCI image specification writes it.
#[derive(Deserialize)]
struct PlatformJson {
    architecture: String,
    os: String,
    #[serde(default)]
    variant: String,
    #[serde(default, rename = "os.version")]
    os_version: String,
    #[serde(default, rename = "os.features")]
    os_features: Vec<String>,
}

impl From<WorkerJson> for Worker {
    fn from(WorkerJson { id, labels, platforms }: WorkerJson) -> Self {
        Self { id, labels, platforms: platforms.into_iter().map(Platform::from).collect() }
    }
}

impl From<PlatformJson> for Platform {
    fn from(platform: PlatformJson) -> Self {
        let PlatformJson { architecture, os, variant, os_version, os_features } = platform;
        Self { architecture, os, variant, os_version, os_features }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_apart_at_the_first_equals_sign() {
        let environment = [
            ("BUILDKIT_FRONTEND_OPT_10", "build-arg:A=1=2"),
            ("BUILDKIT_FRONTEND_OPT_0", "no-cache="),
            ("BUILDKIT_FRONTEND_OPT_1", "bare"),
            ("PATH", "/bin"),
        ];
        let read = Environment::read(environment).expect("no workers are named");
        let options: Vec<(&str, &str)> =
            read.options.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(options, [("bare", ""), ("build-arg:A", "1=2"), ("no-cache", "")]);
    }

    #[test]
    fn workers_are_read_and_unknown_fields_passed_over() {
        let json = r#"[{"id":"w","labels":{"a":"b"},"new":1,
            "platforms":[{"architecture":"arm64","os":"linux","variant":"v8","os.version":"1"}]},{"id":"x","labels":null}]"#;
        assert!(Environment::read([("BUILDKIT_WORKERS", json)]).is_err(), "labels are a map or missing");
        let json = json.replace(r#","labels":null"#, "");
        let read = Environment::read([("BUILDKIT_WORKERS", json.as_str())]).expect("valid JSON");
        let expected = Platform::new("linux", "arm64").with_variant("v8").with_os_version("1");
        assert_eq!(read.workers[0].platforms, [expected]);
        assert_eq!(read.workers[1].id, "x");
        assert_eq!(Environment::read([("BUILDKIT_WORKERS", "null")]).expect("Go's empty list").workers, []);
    }

    #[test]
    fn broken_workers_are_an_error_with_its_cause() {
        let error = Environment::read([("BUILDKIT_WORKERS", "{")]).expect_err("it is no list");
        assert_eq!(error.to_string(), "BUILDKIT_WORKERS is not a list of workers in JSON");
        assert!(std::error::Error::source(&error).is_some());
    }
}
