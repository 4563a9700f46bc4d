//! The config of the new image: the run image's, changed as the Go lifecycle changes it.
//!
//! Go reads a config into a struct and writes that struct, so keys it does not know are lost, keys come in the order of its
//! fields, whatever their case was, and null is nothing (`pkg/v1/config.go` of go-containerregistry; the changes are those of
//! `cnb_image.go` of imgutil and `phase/exporter.go` of the lifecycle).

use std::collections::BTreeMap;

use cnb_core::digest::DiffId;
use cnb_core::encode::go_json;
use cnb_core::labels;
use serde::Deserialize;
use serde::Serialize;

/// When images that say nothing else were made: one second after 1980 began.
pub const DEFAULT_EPOCH: i64 = 315_532_801;

/// An image config as Go keeps it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Config {
    architecture: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    author: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    container: String,
    created: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    docker_version: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<History>,
    os: String,
    rootfs: RootFs,
    #[serde(rename = "config")]
    process: Container,
    #[serde(rename = "os.version", skip_serializing_if = "String::is_empty")]
    os_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    variant: String,
    #[serde(rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    os_features: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct History {
    #[serde(skip_serializing_if = "String::is_empty")]
    author: String,
    created: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    created_by: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    comment: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    empty_layer: bool,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct RootFs {
    r#type: String,
    diff_ids: Vec<String>,
}

/// What a container of the image starts with.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, clippy::zero_sized_map_values, reason = "the format has them")]
struct Container {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    attach_stderr: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    attach_stdin: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    attach_stdout: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cmd: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<Healthcheck>,
    #[serde(skip_serializing_if = "String::is_empty")]
    domainname: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    env: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    hostname: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    image: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    on_build: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    open_stdin: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stdin_once: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tty: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    user: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    volumes: BTreeMap<String, Empty>,
    #[serde(skip_serializing_if = "String::is_empty")]
    working_dir: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    exposed_ports: BTreeMap<String, Empty>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    args_escaped: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    network_disabled: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    mac_address: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    stop_signal: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shell: Vec<String>,
}

/// A volume or a port, of which nothing is said.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Empty {}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
struct Healthcheck {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    test: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    interval: i64,
    #[serde(skip_serializing_if = "is_zero")]
    timeout: i64,
    #[serde(skip_serializing_if = "is_zero")]
    start_period: i64,
    #[serde(skip_serializing_if = "is_zero")]
    retries: i64,
}

impl Config {
    /// Reads the config of a run image and gives each of its layers an entry of history.
    ///
    /// # Errors
    /// When the bytes are no image config.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let mut config: Self = labels::from_value(serde_json::from_slice(bytes)?)?;
        config.history.retain(|entry| !entry.empty_layer);
        if config.history.len() != config.rootfs.diff_ids.len() {
            config.history = vec![History::default(); config.rootfs.diff_ids.len()];
        }
        Ok(config)
    }

    /// A config of no layers for an operating system and any architecture.
    pub fn empty(os: &str) -> Self {
        let rootfs = RootFs { r#type: "layers".to_owned(), diff_ids: Vec::new() };
        Self { os: os.to_owned(), rootfs, ..Self::default() }
    }

    /// The diffID of the topmost layer.
    pub fn top_layer(&self) -> Option<&str> {
        self.rootfs.diff_ids.last().map(String::as_str)
    }

    /// Puts a layer on top.
    pub fn add_layer(&mut self, diff_id: &DiffId, created_by: &str) {
        self.rootfs.diff_ids.push(diff_id.to_string());
        self.history.push(History { created_by: created_by.to_owned(), ..History::default() });
    }

    /// The image on another base: the layers of `base`, then those of this image above the layer with the diffID
    /// `top_layer`. Only what a container starts with stays, as in Go; nothing when there is no such layer.
    ///
    /// Go also loses the lowest of the upper layers when the history of this image is empty. Here it is kept.
    /// Source: `pkg/v1/mutate/rebase.go` of go-containerregistry.
    pub fn on_base(&self, base: &Self, top_layer: &str) -> Option<Self> {
        let upper = self.rootfs.diff_ids.iter().position(|diff_id| diff_id == top_layer)? + 1;
        let diff_ids = [&base.rootfs.diff_ids, &self.rootfs.diff_ids[upper..]].concat();
        Some(Self {
            architecture: base.architecture.clone(),
            os: base.os.clone(),
            os_version: base.os_version.clone(),
            process: self.process.clone(),
            history: vec![History::default(); diff_ids.len()],
            rootfs: RootFs { r#type: "layers".to_owned(), diff_ids },
            ..Self::default()
        })
    }

    /// Takes over the labels whose names begin with one of `prefixes`, and has no others of these.
    pub fn sync_labels(&mut self, from: &Self, prefixes: &[&str]) {
        let is_meant = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
        self.process.labels.retain(|name, _| !is_meant(name));
        let labels = from.process.labels.iter().filter(|(name, _)| is_meant(name));
        self.process.labels.extend(labels.map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Starts containers as another image does.
    pub fn set_process_of(&mut self, other: Self) {
        self.process = other.process;
    }

    /// Sets a label.
    pub fn set_label(&mut self, key: &str, value: &str) {
        self.process.labels.insert(key.to_owned(), value.to_owned());
    }

    /// The value of a variable of the environment. One whose value contains `=` is not found, as in Go.
    pub fn env(&self, name: &str) -> Option<&str> {
        let found = |entry: &&String| matches!(entry.split_once('='), Some((key, value)) if key == name && !value.contains('='));
        self.process.env.iter().find(found).map(|entry| &entry[name.len() + 1..])
    }

    /// Sets a variable of the environment where it is, or at the end.
    pub fn set_env(&mut self, name: &str, value: &str) {
        let entry = format!("{name}={value}");
        let is_it = |entry: &&mut String| entry.split('=').next() == Some(name);
        match self.process.env.iter_mut().find(is_it) {
            Some(old) => *old = entry,
            None => self.process.env.push(entry),
        }
    }

    /// Sets where processes start and which one starts; there is no default argument.
    pub fn set_process(&mut self, working_dir: &str, entrypoint: &str) {
        working_dir.clone_into(&mut self.process.working_dir);
        self.process.entrypoint = vec![entrypoint.to_owned()];
        self.process.cmd.clear();
    }

    /// Says when the image and all its layers were made, in seconds since 1970. Without `keep_history` nothing
    /// else is said about the layers.
    pub fn set_created(&mut self, epoch: i64, keep_history: bool) {
        self.created = rfc3339(epoch);
        self.container.clear();
        for entry in &mut self.history {
            if !keep_history {
                *entry = History::default();
            }
            entry.created.clone_from(&self.created);
        }
    }

    /// The bytes whose digest is the image ID.
    pub fn to_bytes(&self) -> Vec<u8> {
        go_json::to_string(self).expect("all keys are strings").into_bytes()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The date of a number of seconds since 1970, in UTC. Source: Howard Hinnant, `civil_from_days`.
fn rfc3339(epoch: i64) -> String {
    let (days, seconds) = (epoch.div_euclid(86_400), epoch.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::read(text.as_bytes()).expect("a config")
    }

    fn written(config: &Config) -> String {
        String::from_utf8(config.to_bytes()).expect("JSON is text")
    }

    #[test]
    fn known_keys_are_kept_in_the_order_of_go_and_others_are_lost() {
        let base = concat!(
            r#"{"variant":"v8","x":1,"os.version":"10","os.features":["f"],"os":"linux","architecture":"arm64","#,
            r#""author":"me <m>","docker_version":"20","created":"2020-01-01T00:00:00Z","history":null,"#,
            r#""rootfs":{"diff_ids":[],"type":"layers"},"config":{"Shell":["sh"],"StopSignal":"INT","#,
            r#""Volumes":{"/b":{},"/a":{}},"ExposedPorts":{"80/tcp":{}},"OnBuild":["X"],"Unknown":1,"#,
            r#""Healthcheck":{"Interval":1000,"Test":["CMD"]},"Hostname":"h","User":"1:2","Labels":{"b":"<","a":""}}}"#,
        );
        let expected = concat!(
            r#"{"architecture":"arm64","author":"me \u003cm\u003e","created":"2020-01-01T00:00:00Z","#,
            r#""docker_version":"20","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{"#,
            r#""Healthcheck":{"Test":["CMD"],"Interval":1000},"Hostname":"h","Labels":{"a":"","b":"\u003c"},"#,
            r#""OnBuild":["X"],"User":"1:2","Volumes":{"/a":{},"/b":{}},"ExposedPorts":{"80/tcp":{}},"#,
            r#""StopSignal":"INT","Shell":["sh"]},"os.version":"10","variant":"v8","os.features":["f"]}"#,
        );
        assert_eq!(written(&config(base)), expected);
    }

    #[test]
    fn null_is_nothing_and_the_case_of_keys_does_not_count() {
        let base = concat!(
            r#"{"OS":"linux","author":null,"history":[null,{"AUTHOR":"a","created":null}],"#,
            r#""rootfs":{"type":"layers","diff_ids":["sha256:1","sha256:2"]},"config":{"env":[null,"A=1"],"#,
            r#""Labels":{"l":null},"Volumes":{"/n":null,"/v":{"x":1}},"ENTRYPOINT":null,"Healthcheck":null}}"#,
        );
        let expected = concat!(
            r#"{"architecture":"","created":"","history":[{"created":""},{"author":"a","created":""}],"os":"linux","#,
            r#""rootfs":{"type":"layers","diff_ids":["sha256:1","sha256:2"]},"config":{"Env":["","A=1"],"#,
            r#""Labels":{"l":""},"Volumes":{"/n":{},"/v":{}}}}"#,
        );
        assert_eq!(written(&config(base)), expected);
        for wrong in [r#"{"config":{"User":1}}"#, r#"{"config":{"Volumes":["/v"]}}"#, r#"{"os":[]}"#] {
            assert!(Config::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn history_of_the_base_is_kept_only_when_it_fits_its_layers() {
        let base = |history: &str| {
            config(&format!(
                r#"{{"history":[{history}],"rootfs":{{"type":"layers","diff_ids":["sha256:1"]}},"container":"c"}}"#
            ))
        };
        let entry = r#"{"created":"2020-01-01T00:00:00Z","created_by":"ADD","comment":"c"}"#;
        let empty = r#"{"created_by":"ENV","empty_layer":true}"#;
        let kept = r#"{"created":"1980-01-01T00:00:01Z","created_by":"ADD","comment":"c"}"#;
        let blank = r#"{"created":"1980-01-01T00:00:01Z"}"#;
        let cases = [
            (format!("{entry},{empty}"), true, kept),
            (entry.to_owned(), false, blank),
            (format!("{entry},{entry}"), true, blank),
            (String::new(), true, blank),
        ];
        for (history, keep, expected) in cases {
            let mut config = base(&history);
            config.set_created(DEFAULT_EPOCH, keep);
            let text = written(&config);
            assert!(text.contains(&format!(r#""history":[{expected}]"#)), "{text}");
            assert!(!text.contains("container"), "{text}");
        }
    }

    #[test]
    fn environment_is_replaced_in_place_or_appended() {
        let mut config = config(r#"{"config":{"Env":["A=1","PATH=/bin","B=x=y"]}}"#);
        assert_eq!(config.env("PATH"), Some("/bin"));
        assert_eq!(config.env("B"), None, "Go does not find values with an equals sign");
        config.set_env("B", "2");
        config.set_env("PATH", "/cnb:/bin");
        config.set_env("C", "3");
        assert!(written(&config).contains(r#""Env":["A=1","PATH=/cnb:/bin","B=2","C=3"]"#));
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let cases = [
            (DEFAULT_EPOCH, "1980-01-01T00:00:01Z"),
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
        ];
        for (epoch, expected) in cases {
            assert_eq!(rfc3339(epoch), expected);
        }
    }
}
