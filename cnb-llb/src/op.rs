//! Vertices: operations with their inputs, marshalled when they are made.

use std::fmt::Write as _;
use std::mem;
use std::sync::Arc;

use sha2::Digest as _;
use sha2::Sha256;

use crate::platform::Platform;
use crate::wire::Message;

/// A marshalled `pb.Op` and what it needs.
#[derive(Debug)]
pub(crate) struct Vertex {
    pub(crate) inputs: Vec<Arc<Vertex>>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: String,
    /// What a daemon must be able to do.
    pub(crate) capabilities: Vec<&'static str>,
}

/// The fields of the `oneof` in `pb.Op`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Source = 3,
    File = 4,
    Merge = 6,
}

impl Vertex {
    /// Marshals an operation. Every input is the only output of its vertex.
    ///
    /// The order is that of BuildKit since 0.18: inputs, platform, constraints, then the operation.
    pub(crate) fn new(
        inputs: Vec<Arc<Self>>,
        platform: Option<&Platform>,
        kind: Kind,
        operation: Message,
        capabilities: Vec<&'static str>,
    ) -> Arc<Self> {
        let op = inputs.iter().fold(Message::default(), |op, input| op.message(1, reference(&input.digest)));
        let op = platform.iter().fold(op, |op, platform| op.message(10, platform.message()));
        let constraints = Message::default();
        let bytes = op.message(11, constraints).message(kind as u64, operation).into_bytes();
        let digest = digest(&bytes);
        Arc::new(Self { inputs, bytes, digest, capabilities })
    }
}

impl Drop for Vertex {
    /// A deep graph must not need a deep stack.
    fn drop(&mut self) {
        let mut left = mem::take(&mut self.inputs);
        while let Some(input) = left.pop() {
            if let Some(mut input) = Arc::into_inner(input) {
                left.append(&mut input.inputs);
            }
        }
    }
}

/// `pb.Input`: the output 0 of a vertex.
pub(crate) fn reference(digest: &str) -> Message {
    Message::default().bytes(1, digest)
}

/// The digest of a marshalled `pb.Op`.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}
