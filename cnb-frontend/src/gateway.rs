//! What a gateway tells a frontend when it starts it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The start of the variables that hold options.
const OPTION: &str = "BUILDKIT_FRONTEND_OPT_";

/// The environment of a frontend, taken apart.
///
/// Source: `frontend/gateway/gateway.go` and `frontend/gateway/grpcclient` of BuildKit.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Gateway {
    /// Every option by its key. See [`Options`](crate::options::Options) for what they mean.
    pub options: BTreeMap<String, String>,
    /// The session of the client: who has the local directories. Empty if there is none.
    pub session_id: String,
    /// What can build, the default first.
    pub workers: Vec<Worker>,
    /// `docker` inside Docker Engine, else `buildkit` or empty.
    pub product: String,
}

/// Something that can build.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct Worker {
    /// Its name.
    pub id: String,
    /// What its operator says about it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What it can run, its own platform first.
    #[serde(default)]
    pub platforms: Vec<WorkerPlatform>,
}

/// A platform as the OCI image specification writes it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct WorkerPlatform {
    /// For example `amd64`.
    pub architecture: String,
    /// For example `linux`.
    pub os: String,
    /// For example `v8`; empty if there is none.
    #[serde(default)]
    pub variant: String,
}

/// The gateway started the frontend in a way that it does not understand.
#[derive(Debug, thiserror::Error)]
#[error("BUILDKIT_WORKERS is not a list of workers in JSON")]
pub struct InvalidWorkers(#[source] serde_json::Error);

impl Gateway {
    /// Reads the variables of the environment, in any order; others are passed over.
    pub fn read<N, V>(environment: impl IntoIterator<Item = (N, V)>) -> Result<Self, InvalidWorkers>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut gateway = Self::default();
        for (name, value) in environment {
            let value = value.as_ref();
            match name.as_ref() {
                "BUILDKIT_SESSION_ID" => value.clone_into(&mut gateway.session_id),
                "BUILDKIT_EXPORTEDPRODUCT" => value.clone_into(&mut gateway.product),
                "BUILDKIT_WORKERS" => gateway.workers = workers(value)?,
                name if name.starts_with(OPTION) => {
                    let (key, value) = value.split_once('=').unwrap_or((value, ""));
                    gateway.options.insert(key.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        Ok(gateway)
    }
}

fn workers(json: &str) -> Result<Vec<Worker>, InvalidWorkers> {
    let workers: Option<Vec<Worker>> = serde_json::from_str(json).map_err(InvalidWorkers)?;
    Ok(workers.unwrap_or_default())
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
        let gateway = Gateway::read(environment).expect("no workers are named");
        let options: Vec<(&str, &str)> =
            gateway.options.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(options, [("bare", ""), ("build-arg:A", "1=2"), ("no-cache", "")]);
    }

    #[test]
    fn workers_are_read_and_unknown_fields_passed_over() {
        let json = r#"[{"id":"w","labels":{"a":"b"},"new":1,
            "platforms":[{"architecture":"arm64","os":"linux","variant":"v8"}]},{"id":"x","labels":null}]"#;
        assert!(Gateway::read([("BUILDKIT_WORKERS", json)]).is_err(), "labels are a map or missing");
        let json = json.replace(r#","labels":null"#, "");
        let gateway = Gateway::read([("BUILDKIT_WORKERS", json.as_str())]).expect("valid JSON");
        assert_eq!(gateway.workers[0].platforms[0].variant, "v8");
        assert_eq!(gateway.workers[1].id, "x");
        assert_eq!(Gateway::read([("BUILDKIT_WORKERS", "null")]).expect("Go's empty list").workers, []);
    }

    #[test]
    fn broken_workers_are_an_error_with_its_cause() {
        let error = Gateway::read([("BUILDKIT_WORKERS", "{")]).expect_err("it is no list");
        assert_eq!(error.to_string(), "BUILDKIT_WORKERS is not a list of workers in JSON");
        assert!(std::error::Error::source(&error).is_some());
    }
}
