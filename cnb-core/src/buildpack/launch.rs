//! launch.toml: processes, labels and slices of the image.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;
use toml::Spanned;

use super::bom::BomEntry;
use crate::api::BuildpackApi;
use crate::document;
use crate::document::InvalidDocument;
use crate::id::ProcessType;

/// What launch.toml says.
///
/// ```
/// use cnb_core::api::BuildpackApi;
/// use cnb_core::buildpack::launch::Launch;
///
/// let text = "[[processes]]\ntype = 'web'\ncommand = ['serve']\ndefault = true\n";
/// let launch = Launch::read("launch.toml".as_ref(), text, BuildpackApi::v0(10)).unwrap();
/// assert!(launch.processes[0].direct);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Launch {
    /// The older bill of materials of what is in the image.
    pub bom: Vec<BomEntry>,
    /// Labels of the image.
    pub labels: Vec<Label>,
    /// Processes that the image can start.
    pub processes: Vec<LaunchProcess>,
    /// Parts of the application that get a layer of their own.
    pub slices: Vec<Slice>,
}

/// A process that the image can start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LaunchProcess {
    /// Its type.
    pub process_type: ProcessType,
    /// The program, and since Buildpack API 0.9 its fixed arguments.
    pub command: Vec<String>,
    /// Its arguments; absent and empty are different in the labels of the image.
    pub args: Option<Vec<String>>,
    /// Whether it starts without a shell; always since Buildpack API 0.9.
    pub direct: bool,
    /// Whether it is what the image starts by default.
    pub default: bool,
    /// Where it starts; empty for the application directory.
    pub working_dir: String,
    /// The execution environments it is for; empty for all.
    pub exec_env: Vec<String>,
}

/// A label of the image.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Label {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// A part of the application directory.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Slice {
    /// Glob patterns, relative to the application directory; absent and empty are different in metadata.toml.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<String>>,
}

impl Launch {
    /// Reads the text of `file`, written by a buildpack for version `api`.
    ///
    /// Source: `DecodeLaunchTOML` in the Go lifecycle's `buildpack/files.go`.
    pub fn read(file: &Path, text: &str, api: BuildpackApi) -> Result<Self, InvalidDocument> {
        let document: Document = document::read(file, text)?;
        let processes = document.processes.into_iter().map(|process| {
            process.read(api).map_err(|(span, message)| InvalidDocument::at(file, text, span, message))
        });
        Ok(Self {
            processes: processes.collect::<Result<_, _>>()?,
            bom: document.bom,
            labels: document.labels,
            slices: document.slices,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    bom: Vec<BomEntry>,
    labels: Vec<Label>,
    processes: Vec<DocumentProcess>,
    slices: Vec<Slice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DocumentProcess {
    r#type: Option<Spanned<ProcessType>>,
    command: Option<Spanned<toml::Value>>,
    args: Option<Vec<String>>,
    direct: Option<Spanned<bool>>,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    working_dir: String,
    #[serde(default)]
    exec_env: Vec<String>,
}

/// What is wrong, and where.
type Complaint = (Range<usize>, String);

impl DocumentProcess {
    fn read(self, api: BuildpackApi) -> Result<LaunchProcess, Complaint> {
        if let Some(direct) = self.direct.as_ref().filter(|_| api.has_command_lists()) {
            let message = "process.direct is not supported on this buildpack version";
            return Err((direct.span(), message.to_owned()));
        }
        Ok(LaunchProcess {
            command: self.command(api)?,
            process_type: self.r#type.map(Spanned::into_inner).unwrap_or_default(),
            args: self.args,
            direct: self.direct.map_or(api.has_command_lists(), Spanned::into_inner),
            default: self.default,
            working_dir: self.working_dir,
            exec_env: self.exec_env,
        })
    }

    fn command(&self, api: BuildpackApi) -> Result<Vec<String>, Complaint> {
        let complain = |span, expected| {
            let name = self.r#type.as_ref().map_or("", |name| name.get_ref().as_str());
            (span, format!("the command of process {name} is not {expected}"))
        };
        match &self.command {
            None if api.has_command_lists() => Ok(Vec::new()),
            None => Err(complain(self.r#type.as_ref().map_or(0..0, Spanned::span), "a string")),
            Some(command) if api.has_command_lists() => {
                let strings = command.get_ref().clone().try_into();
                strings.map_err(|_| complain(command.span(), "an array of strings"))
            }
            Some(command) => match command.get_ref() {
                toml::Value::String(text) => Ok(vec![text.clone()]),
                _ => Err(complain(command.span(), "a string")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(api: u32, keys: &str) -> Result<LaunchProcess, String> {
        let text = format!("[[processes]]\ntype = 'web'\n{keys}");
        let mut launch = Launch::read(Path::new("launch.toml"), &text, BuildpackApi::v0(api))
            .map_err(|error| error.to_string())?;
        Ok(launch.processes.remove(0))
    }

    #[test]
    fn commands_depend_on_the_api() {
        let table = [
            (8, "command = 'a b'", Some((vec!["a b"], false))),
            (8, "command = 'a'\ndirect = true", Some((vec!["a"], true))),
            (8, "command = ['a']", None),
            (8, "", None),
            (9, "command = ['a', 'b']", Some((vec!["a", "b"], true))),
            (9, "", Some((vec![], true))),
            (9, "command = 'a'", None),
            (9, "command = ['a']\ndirect = true", None),
        ];
        for (api, keys, expected) in table {
            let process = process(api, keys);
            let expected = expected.map(|(command, direct)| {
                (command.into_iter().map(str::to_owned).collect::<Vec<_>>(), direct)
            });
            assert_eq!(process.ok().map(|p| (p.command, p.direct)), expected, "{api} {keys}");
        }
    }

    #[test]
    fn absent_and_empty_arguments_differ() {
        assert_eq!(process(9, "").expect("a process").args, None);
        assert_eq!(process(9, "args = []").expect("a process").args, Some(Vec::new()));
    }

    #[test]
    fn a_process_may_have_any_type_or_none() {
        let read = |text: &str| Launch::read(Path::new("launch.toml"), text, BuildpackApi::NEWEST);
        for (text, expected) in [("type = '../x'", "../x"), ("command = ['a']", ""), ("TYPE = 'x'", "x")] {
            let launch = read(&format!("[[processes]]\n{text}\n")).expect(text);
            assert_eq!(launch.processes[0].process_type.as_str(), expected);
        }
        let error = process(9, "command = 'a'").expect_err("a string");
        assert_eq!(error, "launch.toml:3:11: the command of process web is not an array of strings");
    }
}
