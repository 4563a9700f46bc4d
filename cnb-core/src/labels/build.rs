//! `io.buildpacks.build.metadata`: buildpacks and processes of an image.
//!
//! Source: `platform/files/metadata.go` of the lifecycle.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::buildpack::is_false;

/// The key of the label.
pub const LABEL: &str = "io.buildpacks.build.metadata";

/// The label.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct BuildLabel {
    /// The bill of materials: before Platform API 0.9 a list or null, later none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bom: Option<Value>,
    /// The buildpacks of the group; null when metadata.toml has no such key.
    pub buildpacks: Option<Vec<Module>>,
    /// The extensions of the group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Module>,
    /// What made the image.
    pub launcher: Launcher,
    /// Its processes; null when metadata.toml has no such key.
    pub processes: Option<Vec<Process>>,
    /// The type of process that buildpacks start by default.
    #[serde(rename = "buildpack-default-process-type", skip_serializing_if = "String::is_empty")]
    pub buildpack_default_process_type: String,
}

/// A buildpack or an extension.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Module {
    /// Its ID.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its home page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub homepage: String,
    /// Whether the group called it optional.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// The program that puts the launcher into the image.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Launcher {
    /// Its version.
    pub version: String,
    /// Where its code is.
    pub source: LauncherSource,
}

/// Where code is.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct LauncherSource {
    /// The repository.
    pub git: Git,
}

/// A commit of a repository.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Git {
    /// Its name, for example `github.com/buildpacks/lifecycle`.
    pub repository: String,
    /// The commit.
    pub commit: String,
}

/// A process of an image.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Process {
    /// Its type, for example `web`.
    pub r#type: String,
    /// The program, and from Platform API 0.10 on arguments that a user cannot replace.
    pub command: Command,
    /// Further arguments; null when none were written.
    #[serde(default)]
    pub args: Option<Vec<String>>,
    /// Whether it starts without a shell.
    #[serde(default)]
    pub direct: bool,
    /// Whether metadata.toml calls it the default; the builder never does.
    #[serde(default, skip_serializing_if = "is_false")]
    pub default: bool,
    /// The buildpack it comes from.
    #[serde(default, rename = "buildpackID")]
    pub buildpack_id: String,
    /// Where it starts, unless in the application directory.
    #[serde(default, rename = "working-dir", skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// The execution environments it is meant for; all when there are none.
    #[serde(default, rename = "exec-env", skip_serializing_if = "Vec::is_empty")]
    pub exec_env: Vec<String>,
}

/// The command of a process.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Command {
    /// Before Platform API 0.10.
    One(String),
    /// From Platform API 0.10 on; null when the list is missing.
    Many(Option<Vec<String>>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::go_json;

    #[test]
    fn labels_of_new_and_old_platforms_read_and_write_to_the_same_bytes() {
        let new = concat!(
            r#"{"buildpacks":[{"id":"a","version":"1","homepage":"http://x/?a=1\u0026b=2"}],"extensions":[{"id":"e","#,
            r#""version":"2"}],"launcher":{"version":"1.2.3","source":{"git":{"repository":"r","commit":"c"}}},"#,
            r#""processes":[{"type":"web","command":["run","x"],"args":null,"direct":true,"buildpackID":"a","#,
            r#""working-dir":"/w","exec-env":["test"]}],"buildpack-default-process-type":"web"}"#,
        );
        let old = concat!(
            r#"{"bom":[{"name":"x"}],"buildpacks":null,"launcher":{"version":"","source":{"git":{"repository":"","#,
            r#""commit":""}}},"processes":[{"type":"web","command":"run","args":[],"direct":false,"buildpackID":"a"}]}"#,
        );
        for label in [new, old] {
            let metadata: BuildLabel = serde_json::from_str(label).expect("a label");
            assert_eq!(go_json::to_string(&metadata).expect("json"), label);
        }
    }
}
