//! The parts of an image config that decide about a build.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What a build reads of the config of an image.
#[derive(Debug, Deserialize)]
pub(super) struct ImageConfig {
    /// Operating system.
    #[serde(default)]
    pub(super) os: String,
    /// Processor architecture, as Go names it.
    #[serde(default)]
    pub(super) architecture: String,
    /// Its variant.
    #[serde(default)]
    pub(super) variant: String,
    #[serde(default, rename = "config")]
    run: Run,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Run {
    env: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

impl ImageConfig {
    /// Reads a config.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The value of a label.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.run.labels.as_ref()?.get(name).map(String::as_str)
    }

    /// The environment, in order.
    pub(super) fn env(&self) -> Vec<(String, String)> {
        let pairs = self.run.env.iter().flatten().filter_map(|text| text.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_means_nothing() {
        let text = br#"{"os":"linux","architecture":"amd64","config":{"Env":null,"Labels":null}}"#;
        let config = ImageConfig::read(text).expect("a config");
        assert_eq!((config.env(), config.label("a")), (Vec::new(), None));
        let text = br#"{"config":{"Env":["A=1=2","broken"],"Labels":{"a":"b"}}}"#;
        let config = ImageConfig::read(text).expect("a config");
        assert_eq!(config.env(), [("A".to_owned(), "1=2".to_owned())]);
        assert_eq!(config.label("a"), Some("b"));
    }
}
