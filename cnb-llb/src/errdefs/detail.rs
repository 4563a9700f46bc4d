//! The details of errors: JSON of BuildKit's own structures.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use super::Source;
use crate::pb::google::protobuf::Any;

/// What the types of details start with.
const PREFIX: &str = "github.com/moby/buildkit/";

/// One thing that an error says to programs.
///
/// Source: `solver/errdefs`, `frontend/gateway/pb/exit.go` and `util/grpcerrors` of BuildKit.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Detail {
    /// The digest of the vertex that failed.
    Vertex(String),
    /// A place in a file that a person wrote.
    Source(Source),
    /// The exit code of a process.
    Exit(u32),
    /// The frontend that failed, and the image it came from if it came from one.
    Frontend {
        /// For example `dockerfile.v0`.
        name: String,
        /// For example `docker.io/docker/dockerfile:1`, or empty.
        source: String,
    },
    /// A capability that a client demands and the frontend lacks.
    FrontendCapability(String),
    /// A question that the frontend does not answer.
    Subrequest(String),
    /// What failed while it ran.
    Operation(FailedOperation),
    /// Anything else, as it came.
    Other {
        /// Its type.
        type_url: String,
        /// Its bytes.
        value: Vec<u8>,
    },
}

/// The vertex that failed while it ran, for [containers](https://docs.docker.com/reference/cli/docker/buildx/debug/) that
/// look at what is left.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct FailedOperation {
    /// References to its inputs, by mount.
    #[serde(rename = "inputIDs", skip_serializing_if = "Vec::is_empty")]
    pub input_ids: Vec<String>,
    /// References to its mounts as they were when it failed.
    #[serde(rename = "mountIDs", skip_serializing_if = "Vec::is_empty")]
    pub mount_ids: Vec<String>,
    /// What is said of the vertex, for example `llb.customname`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub description: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize)]
struct Named {
    #[serde(default)]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    source: String,
}

#[derive(Deserialize)]
struct Digest {
    digest: String,
}

#[derive(Deserialize)]
struct Exit {
    #[serde(rename = "Code", default)]
    code: u32,
}

impl Detail {
    /// Reads one of the details of a status. What is not understood is [`Detail::Other`].
    pub(crate) fn from_any(any: &Any) -> Self {
        let name = any.type_url.strip_prefix(PREFIX).unwrap_or(&any.type_url);
        let detail = match name {
            "errdefs.Vertex+json" => json_of(any).map(|vertex: Digest| Self::Vertex(vertex.digest)),
            "errdefs.Source+json" => json_of(any).map(Self::Source),
            "errdefs.Frontend+json" => {
                json_of(any).map(|named: Named| Self::Frontend { name: named.name, source: named.source })
            }
            "errdefs.FrontendCap+json" => {
                json_of(any).map(|named: Named| Self::FrontendCapability(named.name))
            }
            "errdefs.Subrequest+json" => json_of(any).map(|named: Named| Self::Subrequest(named.name)),
            "errdefs.Solve+json" => json_of(any).map(Self::Operation),
            "gatewayapi.ExitMessage+json" => json_of(any).map(|exit: Exit| Self::Exit(exit.code)),
            _ => None,
        };
        detail.unwrap_or_else(|| Self::Other { type_url: any.type_url.clone(), value: any.value.clone() })
    }

    pub(crate) fn to_any(&self) -> Any {
        let (name, value) = match self {
            Self::Vertex(digest) => ("errdefs.Vertex", json!({ "digest": digest })),
            Self::Source(source) => ("errdefs.Source", to_json(source)),
            Self::Exit(code) => ("gatewayapi.ExitMessage", json!({ "Code": code })),
            Self::Frontend { name, source } => {
                ("errdefs.Frontend", json!({ "name": name, "source": source }))
            }
            Self::FrontendCapability(name) => ("errdefs.FrontendCap", json!({ "name": name })),
            Self::Subrequest(name) => ("errdefs.Subrequest", json!({ "name": name })),
            Self::Operation(operation) => ("errdefs.Solve", to_json(operation)),
            Self::Other { type_url, value } => {
                return Any { type_url: type_url.clone(), value: value.clone() };
            }
        };
        Any { type_url: format!("{PREFIX}{name}+json"), value: value.to_string().into_bytes() }
    }
}

fn json_of<T: for<'a> Deserialize<'a>>(any: &Any) -> Option<T> {
    serde_json::from_slice(&any.value).ok()
}

fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("strings, numbers and lists of them are JSON")
}
