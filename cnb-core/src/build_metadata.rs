//! `<layers>/config/metadata.toml`: what the buildpacks said about the image, for the exporter and the launcher.
//!
//! The file is part of the image, so it is written byte for byte as the Go lifecycle writes it
//! (`platform/files/metadata.go`, `launch/launch.go`).

use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::api::PlatformApi;
use crate::buildpack::bom::BomEntry;
use crate::buildpack::group::GroupElement;
use crate::buildpack::launch::Label;
use crate::buildpack::launch::Slice;
use crate::document;
use crate::document::InvalidDocument;
use crate::encode::go_json;
use crate::encode::go_toml;
use crate::encode::go_toml::Verbatim;
use crate::id::ProcessType;

/// What metadata.toml says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct BuildMetadata {
    /// The older bill of materials; before Platform API 0.9 only.
    pub bom: Vec<BomEntry>,
    /// The buildpacks that built.
    pub buildpacks: Vec<GroupElement>,
    /// The extensions that generated.
    pub extensions: Vec<GroupElement>,
    /// Labels of the image, in the order in which they are set.
    pub labels: Vec<Label>,
    /// Processes, by type.
    pub processes: Vec<Process>,
    /// Parts of the application that get a layer of their own.
    pub slices: Vec<Slice>,
    /// The type of the process that the image starts, if a buildpack said so.
    pub buildpack_default_process_type: Option<ProcessType>,
}

/// A process that the image can start.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Process {
    /// Its type.
    #[serde(default)]
    pub r#type: ProcessType,
    /// The program and its fixed arguments. A string is read as a program without any.
    #[serde(default, deserialize_with = "string_or_strings")]
    pub command: Vec<String>,
    /// Its arguments; absent and empty are different in the labels of the image.
    #[serde(default)]
    pub args: Option<Vec<String>>,
    /// Whether it starts without a shell.
    #[serde(default)]
    pub direct: bool,
    /// Whether the file calls it the default; the builder never does.
    #[serde(default)]
    pub default: bool,
    /// The ID of the buildpack that defined it, as written.
    #[serde(default)]
    pub buildpack_id: String,
    /// Where it starts; empty for the application directory.
    #[serde(default)]
    pub working_dir: String,
    /// The execution environments it is for; empty for all.
    #[serde(default)]
    pub exec_env: Vec<String>,
}

impl BuildMetadata {
    /// Reads the text of `file`. Processes keep the form in which they were written:
    /// see [`Process::for_platform`].
    pub fn read(file: &Path, text: &str) -> Result<Self, InvalidDocument> {
        document::read(file, text)
    }

    /// The text of the file.
    ///
    /// ```
    /// use cnb_core::api::PlatformApi;
    /// use cnb_core::build_metadata::BuildMetadata;
    ///
    /// assert_eq!(BuildMetadata::default().to_toml(PlatformApi::NEWEST), "processes = []\n");
    /// ```
    pub fn to_toml(&self, api: PlatformApi) -> String {
        let document = Document {
            bom: &self.bom,
            buildpacks: &self.buildpacks,
            extensions: &self.extensions,
            labels: &self.labels,
            processes: self.processes.iter().map(|process| ProcessDocument::new(process, api)).collect(),
            slices: &self.slices,
            buildpack_default_process_type: self.buildpack_default_process_type.as_ref(),
        };
        go_toml::to_string(&document).expect("what was read as TOML can be written as TOML")
    }
}

impl Process {
    /// The process as a platform of version `api` knows it: before 0.10 a command is one string, and
    /// what follows it stands in front of the arguments.
    #[must_use]
    pub fn for_platform(mut self, api: PlatformApi) -> Self {
        if !api.has_command_lists() && !self.command.is_empty() {
            let mut args = self.command.split_off(1);
            args.extend(self.args.unwrap_or_default());
            self.args = Some(args);
        }
        self
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Document<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    bom: &'a [BomEntry],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    buildpacks: &'a [GroupElement],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    extensions: &'a [GroupElement],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    labels: &'a [Label],
    processes: Vec<ProcessDocument<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    slices: &'a [Slice],
    buildpack_default_process_type: Option<&'a ProcessType>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ProcessDocument<'a> {
    r#type: &'a ProcessType,
    command: Verbatim,
    args: Option<&'a [String]>,
    direct: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    default: bool,
    buildpack_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    working_dir: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    exec_env: &'a [String],
}

impl<'a> ProcessDocument<'a> {
    fn new(process: &'a Process, api: PlatformApi) -> Self {
        Self {
            r#type: &process.r#type,
            command: command_toml(&process.command, api),
            args: process.args.as_deref(),
            direct: process.direct,
            default: process.default,
            buildpack_id: &process.buildpack_id,
            working_dir: &process.working_dir,
            exec_env: &process.exec_env,
        }
    }
}

/// The Go lifecycle writes the strings of a command with its JSON encoder, not with its TOML encoder.
fn command_toml(command: &[String], api: PlatformApi) -> Verbatim {
    let mut strings = command.iter().map(|text| json_string(text));
    Verbatim(if api.has_command_lists() {
        format!("[{}]", strings.collect::<Vec<_>>().join(", "))
    } else {
        strings.next().unwrap_or_else(|| json_string(""))
    })
}

fn json_string(text: &str) -> String {
    go_json::to_string(text).expect("a string can be written as JSON")
}

fn string_or_strings<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a string or an array of strings")]
    enum Command {
        One(String),
        Many(Vec<Word>),
    }
    /// As Go prints it.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Word {
        Text(String),
        Number(i64),
        Flag(bool),
    }
    let text = |word| match word {
        Word::Text(text) => text,
        Word::Number(number) => number.to_string(),
        Word::Flag(flag) => flag.to_string(),
    };
    Ok(match Command::deserialize(deserializer)? {
        Command::One(text) => vec![text],
        Command::Many(words) => words.into_iter().map(text).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As recorded from the Go lifecycle in the case `build-metadata-bytes-escapes`.
    const ESCAPES: &str = r#"buildpack-default-process-type = "web"

[[buildpacks]]
  id = "a"
  version = "1.0"
  api = "0.12"

[[labels]]
  key = "k\"<é>"
  value = "l1\nl2\t\u0007\u001f\u007f \\"

[[processes]]
  type = "web"
  command = ["a\u003cb\u003e\u0026c", "é\u2028", "q\"\\", "t\tn\nr\r\u0001"]
  args = ["<&>", "é", "\"", "\\", "\t\n\u0001\u007f", "😀", ""]
  direct = true
  buildpack-id = "a"
  working-dir = "/w d/é\"<"
  exec-env = ["test", "production"]

[[processes]]
  type = "worker"
  command = []
  direct = true
  buildpack-id = "a"

[[slices]]
  paths = ["a\"b", "é/*", "<x>"]

[[slices]]
  paths = []
"#;

    fn read(text: &str) -> BuildMetadata {
        BuildMetadata::read(Path::new("metadata.toml"), text).expect("metadata")
    }

    #[test]
    fn bytes_are_those_of_the_go_lifecycle() {
        assert_eq!(read(ESCAPES).to_toml(PlatformApi::v0(15)), ESCAPES);
    }

    #[test]
    fn words_of_a_command_may_be_numbers() {
        let command =
            |value: &str| read(&format!("[[processes]]\ncommand = {value}\n")).processes.remove(0).command;
        assert_eq!(command("['sleep', 3, true]"), ["sleep", "3", "true"]);
        assert_eq!(command("'sleep 3'"), ["sleep 3"]);
    }

    #[test]
    fn before_0_10_a_command_is_a_string() {
        let api = PlatformApi::v0(9);
        let text = "[[processes]]\ntype = 'web'\ncommand = ['a<', 'b']\nargs = ['c']\nbuildpack-id = 'x'\n";
        let mut metadata = read(text);
        metadata.processes = vec![metadata.processes.remove(0).for_platform(api)];
        let written = metadata.to_toml(api);
        assert!(written.contains("command = \"a\\u003c\"\n  args = [\"b\", \"c\"]\n"), "{written}");
        assert_eq!(read(&written), metadata);
    }
}
