//! `io.buildpacks.project.metadata`: where the source of an application comes from.
//!
//! Source: `platform/files/project_metadata.go` of the lifecycle.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use crate::project::Descriptor;

/// The key of the label.
pub const LABEL: &str = "io.buildpacks.project.metadata";

/// The label; `{}` when nothing is known.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ProjectLabel {
    /// Where the source comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// Where source comes from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Source {
    /// For example `git`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// For example a commit. Sorted by key.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub version: Map<String, Value>,
    /// For example a repository. Sorted by key.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

impl ProjectLabel {
    /// What a project descriptor says of the source, as `pack` says it: version and address, of the type `project`.
    pub fn described(descriptor: &Descriptor) -> Self {
        let entry = |key: &str, value: &Option<String>| {
            value.iter().map(|value| (key.to_owned(), value.as_str().into())).collect()
        };
        let source = Source {
            r#type: "project".to_owned(),
            version: entry("declared", &descriptor.version),
            metadata: entry("url", &descriptor.source_url),
        };
        let is_said = !(source.version.is_empty() && source.metadata.is_empty());
        Self { source: is_said.then_some(source) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::encode::go_json;

    #[test]
    fn descriptors_say_version_and_address() {
        let cases = [
            ("", "{}"),
            (
                "version = '1'\nsource-url = 'https://a.example'\n",
                r#"{"source":{"type":"project","version":{"declared":"1"},"metadata":{"url":"https://a.example"}}}"#,
            ),
            ("source-url = 'b'\n", r#"{"source":{"type":"project","metadata":{"url":"b"}}}"#),
        ];
        for (text, expected) in cases {
            let source = SourceFile::new("project.toml", format!("[_]\nschema-version = '0.2'\n{text}"));
            let (descriptor, _) = Descriptor::read(&source).expect("valid");
            assert_eq!(go_json::to_string(&ProjectLabel::described(&descriptor)).expect("json"), expected);
        }
    }

    #[test]
    fn empty_parts_are_left_out() {
        let cases = [
            (ProjectLabel::default(), "{}"),
            (ProjectLabel { source: Some(Source::default()) }, r#"{"source":{}}"#),
            (
                ProjectLabel {
                    source: Some(Source {
                        r#type: "git".to_owned(),
                        version: Map::from_iter([("commit".to_owned(), "1".into())]),
                        metadata: Map::new(),
                    }),
                },
                r#"{"source":{"type":"git","version":{"commit":"1"}}}"#,
            ),
        ];
        for (label, expected) in cases {
            assert_eq!(go_json::to_string(&label).expect("json"), expected);
        }
    }
}
