//! `io.buildpacks.project.metadata`: where the source of an application comes from.
//!
//! Source: `platform/files/project_metadata.go` of the lifecycle.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::go_json;

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
