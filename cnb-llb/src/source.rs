//! Where files come from: images and directories of the client.

use std::collections::BTreeMap;

use crate::op::Kind;
use crate::op::Vertex;
use crate::platform::Platform;
use crate::state::State;
use crate::wire::Message;

/// The root file system of an image in a registry.
///
/// ```
/// use cnb_llb::{Image, Platform};
///
/// let image = Image::new("docker.io/library/alpine:latest", Platform::new("linux", "amd64"));
/// let digest = "sha256:a7f9733e307dd352c82d43053b783dd17bb2ec2c36214908ce393e41545c8b51";
/// assert_eq!(image.state().digest(), Some(digest));
/// ```
#[derive(Clone, Debug)]
pub struct Image {
    reference: String,
    platform: Platform,
}

impl Image {
    /// The image that a full reference names: with its registry, and a tag or digest. BuildKit completes none.
    pub fn new(reference: impl Into<String>, platform: Platform) -> Self {
        Self { reference: reference.into(), platform }
    }

    /// Its files.
    pub fn state(&self) -> State {
        let identifier = format!("docker-image://{}", self.reference);
        let operation = operation(&identifier, &BTreeMap::new());
        State::of(Vertex::new(
            Vec::new(),
            Some(&self.platform),
            Kind::Source,
            operation,
            vec!["source.image"],
        ))
    }
}

/// A directory that the client of the build sends.
#[derive(Clone, Debug)]
pub struct Local {
    name: String,
    attributes: BTreeMap<&'static str, String>,
}

impl Local {
    /// The directory that the client calls by this name, for example `context`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), attributes: BTreeMap::new() }
    }

    /// Says which session of a client has it; the solve's own if not said.
    #[must_use]
    pub fn with_session_id(self, session: impl Into<String>) -> Self {
        self.with("local.session", session)
    }

    /// Directories with the same hint share what was sent before.
    #[must_use]
    pub fn with_shared_key_hint(self, hint: impl Into<String>) -> Self {
        self.with("local.sharedkeyhint", hint)
    }

    fn with(mut self, attribute: &'static str, value: impl Into<String>) -> Self {
        self.attributes.insert(attribute, value.into());
        self
    }

    /// Its files.
    pub fn state(&self) -> State {
        let capability = |attribute: &&'static str| match *attribute {
            "local.session" => "source.local.sessionid",
            _ => "source.local.sharedkeyhint",
        };
        let capabilities = std::iter::once("source.local").chain(self.attributes.keys().map(capability));
        let operation = operation(&format!("local://{}", self.name), &self.attributes);
        State::of(Vertex::new(Vec::new(), None, Kind::Source, operation, capabilities.collect()))
    }
}

/// `pb.SourceOp`.
fn operation(identifier: &str, attributes: &BTreeMap<&'static str, String>) -> Message {
    let operation = Message::default().bytes(1, identifier);
    attributes.iter().fold(operation, |operation, (key, value)| operation.entry(2, key, value))
}
