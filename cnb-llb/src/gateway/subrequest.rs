//! Questions that a frontend answers instead of building.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use super::Output;
use crate::errdefs::BuildError;
use crate::errdefs::Code;
use crate::errdefs::Detail;

/// A question that a frontend answers instead of building: `docker buildx build --call=outline` and the like.
///
/// Source: `frontend/subrequests` of BuildKit.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Subrequest {
    /// Which of these are answered.
    Describe,
    /// What can be given to a build.
    Outline,
    /// What can be built.
    Targets,
}

/// What can be given to a build.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Outline {
    /// What is built.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Build arguments.
    #[serde(rename = "args", skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Argument>,
    /// Secrets, by ID.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<NeededSecret>,
    /// SSH agents, by ID.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh: Vec<NeededSecret>,
}

/// A secret or an SSH agent that a build takes from the client.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct NeededSecret {
    /// Its ID.
    pub name: String,
    /// Nothing is built without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

/// A build argument.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What it is in this build.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// What can be built.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Target {
    /// For `--target`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// It is what is built without `--target`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What it starts from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub base: String,
}

const VERSION: &str = "1.0.0";

impl Subrequest {
    /// The question of the option `requestid`.
    ///
    /// # Errors
    /// When there is no such question here. Clients understand the error, which is for them.
    pub fn read(id: &str) -> Result<Self, BuildError> {
        let all = [Self::Describe, Self::Outline, Self::Targets];
        let unknown = || {
            BuildError::new(Code::Unimplemented, format!("unsupported request {id}"))
                .with_detail(Detail::Subrequest(id.to_owned()))
        };
        all.into_iter().find(|known| known.id() == id).ok_or_else(unknown)
    }

    /// For example `frontend.outline`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Describe => "frontend.subrequests.describe",
            Self::Outline => "frontend.outline",
            Self::Targets => "frontend.targets",
        }
    }

    /// Says which questions are answered, beside this one.
    pub fn describe(answered: &[Self]) -> Output {
        let questions: Vec<Self> = answered.iter().copied().chain([Self::Describe]).collect();
        let mut text = format!("{:<20} {:<8} DESCRIPTION\n", "NAME", "VERSION");
        for question in &questions {
            let name = question.id().trim_start_matches("frontend.");
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<20} {VERSION:<8} {}", question.about());
        }
        let json: Vec<Value> = questions.into_iter().map(Self::definition).collect();
        Output::answer(pretty(&json), text, VERSION)
    }

    fn about(self) -> &'static str {
        match self {
            Self::Describe => "List available subrequest types",
            Self::Outline => "List all parameters current build target supports",
            Self::Targets => "List all targets current build supports",
        }
    }

    fn definition(self) -> Value {
        let options = match self {
            Self::Outline => json!([{ "name": "target", "description": "Target build stage" }]),
            Self::Describe | Self::Targets => json!([]),
        };
        let metadata = ["result.json", "result.txt"].map(|name| json!({ "name": name, "description": "" }));
        json!({
            "name": self.id(), "version": VERSION, "type": "rpc", "description": self.about(),
            "opts": options, "inputs": null, "metadata": metadata, "refs": null,
        })
    }
}

impl Outline {
    /// The answer to [`Subrequest::Outline`].
    pub fn answer(&self) -> Output {
        let mut text = format!("TARGET:      {}\n", self.name);
        if !self.description.is_empty() {
            let _ = writeln!(text, "DESCRIPTION: {}", self.description);
        }
        if !self.arguments.is_empty() {
            let _ = writeln!(text, "\n{:<30} {:<20} DESCRIPTION", "BUILD ARG", "VALUE");
        }
        for Argument { name, value, description } in &self.arguments {
            let _ = writeln!(text, "{name:<30} {value:<20} {description}");
        }
        for (title, needed) in [("SECRET", &self.secrets), ("SSH", &self.ssh)] {
            if !needed.is_empty() {
                let _ = writeln!(text, "\n{title:<30} REQUIRED");
            }
            for NeededSecret { name, required } in needed {
                let line = format!("{name:<30} {}", if *required { "true" } else { "" });
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
        Output::answer(pretty(self), text, VERSION)
    }
}

impl Target {
    /// The answer to [`Subrequest::Targets`].
    pub fn answer(targets: &[Self]) -> Output {
        let mut text = format!("{:<20} DESCRIPTION\n", "TARGET");
        for target in targets {
            let name =
                if target.default { format!("{} (default)", target.name) } else { target.name.clone() };
            let _ = writeln!(text, "{name:<20} {}", target.description);
        }
        Output::answer(pretty(&json!({ "targets": targets, "sources": [] })), text, VERSION)
    }
}

fn pretty(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("strings and lists of them are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::frontend;

    fn answer(output: Output) -> (Value, String) {
        let frontend::Result { mut metadata, .. } = output.into_message();
        assert_eq!(metadata["version"], b"1.0.0");
        let text =
            String::from_utf8(metadata.remove("result.txt").expect("it is there")).expect("it is text");
        (serde_json::from_slice(&metadata["result.json"]).expect("it is JSON"), text)
    }

    #[test]
    fn questions_are_known_by_their_identifiers() {
        for question in [Subrequest::Describe, Subrequest::Outline, Subrequest::Targets] {
            assert_eq!(Subrequest::read(question.id()).ok(), Some(question));
        }
        let error = Subrequest::read("frontend.lint").expect_err("it is not answered");
        assert_eq!(error.details(), [Detail::Subrequest("frontend.lint".to_owned())]);
    }

    #[test]
    fn answers_are_those_of_go() {
        let (json, text) = answer(Subrequest::describe(&[Subrequest::Outline]));
        assert_eq!(json[0]["name"], "frontend.outline");
        assert_eq!(json[1]["name"], "frontend.subrequests.describe");
        assert!(text.contains("\nsubrequests.describe 1.0.0"), "{text}");

        let argument = Argument { name: "A".to_owned(), ..Argument::default() };
        let outline = Outline { name: "app".to_owned(), arguments: vec![argument], ..Outline::default() };
        let (json, text) = answer(outline.answer());
        assert_eq!(json, json!({ "name": "app", "args": [{ "name": "A" }] }));
        assert!(text.starts_with("TARGET:      app\n\nBUILD ARG"), "{text}");

        let secrets = vec![NeededSecret { name: "token".to_owned(), required: true }];
        let (json, text) = answer(Outline { secrets, ..Outline::default() }.answer());
        assert_eq!(json, json!({ "secrets": [{ "name": "token", "required": true }] }));
        assert!(
            text.contains("\nSECRET                         REQUIRED\ntoken                          true\n"),
            "{text}"
        );

        let target = Target { name: "app".to_owned(), default: true, ..Target::default() };
        let (json, text) = answer(Target::answer(&[target]));
        assert_eq!(json, json!({ "targets": [{ "name": "app", "default": true }], "sources": [] }));
        assert!(text.contains("\napp (default)"), "{text}");
    }
}
