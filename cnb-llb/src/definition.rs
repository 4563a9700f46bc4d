//! What a solve takes.

mod collect;
mod read;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use read::ReadError;

use crate::Capability;
use crate::annotate::CUSTOM_NAME;
use crate::digest::Digest;
use crate::ops::Op;
use crate::ops::OpMetadata;
use crate::ops::Source;
use crate::ops::{self};
use crate::wire;
use crate::wire::Message as _;

/// A marshalled graph: each operation once, after its inputs, and at the end one that points to the head.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Definition {
    message: ops::Definition,
}

impl Definition {
    /// The `pb.Definition`, for the `Solve` of a daemon or of the gateway. No bytes mean no files.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Operations as they are, and some text about each.
        let size = self.operations().map(|bytes| bytes.len() + 200).sum();
        let mut bytes = Vec::with_capacity(size);
        self.message.encode_fields(&mut bytes);
        bytes
    }

    /// The `pb.Definition` as a message.
    pub fn message(&self) -> &ops::Definition {
        &self.message
    }

    /// The marshalled `pb.Op`s, in order, the last one points to the head. None for no files.
    pub fn operations(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.message.def.iter().map(AsRef::as_ref)
    }

    /// The operations, in order, each after its inputs; without the last one, which is none.
    pub fn vertices(&self) -> impl Iterator<Item = VertexRef<'_>> {
        let count = self.message.def.len().saturating_sub(1);
        self.operations().take(count).map(|bytes| self.vertex(bytes))
    }

    /// The digest of the operation whose output the graph makes, and which of its outputs; none for no files.
    pub fn head(&self) -> Option<(String, i64)> {
        self.terminal()?.op.inputs.into_iter().next().map(|input| (input.digest, input.index))
    }

    /// What a daemon must be able to do to make it.
    pub fn capabilities(&self) -> BTreeSet<Capability> {
        self.message.metadata.values().flat_map(|metadata| metadata.caps.iter().cloned()).collect()
    }

    /// Where its operations were written.
    pub fn source(&self) -> Option<&Source> {
        self.message.source.as_ref()
    }

    /// The operation that points to the head.
    pub(crate) fn terminal(&self) -> Option<VertexRef<'_>> {
        self.operations().last().map(|bytes| self.vertex(bytes))
    }

    pub(crate) fn into_message(self) -> ops::Definition {
        self.message
    }

    fn vertex<'a>(&'a self, bytes: &'a [u8]) -> VertexRef<'a> {
        let digest = Digest::of(bytes);
        VertexRef {
            bytes,
            digest,
            op: wire::decode(bytes).expect("it was marshalled here or checked when it was read"),
            metadata: self.message.metadata.get(digest.as_str()).map(Arc::as_ref),
        }
    }
}

/// An operation of a definition.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VertexRef<'a> {
    /// The marshalled operation.
    pub bytes: &'a [u8],
    /// What it is known by.
    pub digest: Digest,
    /// What is in the bytes.
    pub op: Op,
    /// What is said of it beside.
    pub metadata: Option<&'a OpMetadata>,
}

impl VertexRef<'_> {
    /// What progress calls it, if somebody said so.
    pub fn name(&self) -> Option<&str> {
        self.metadata?.description.get(CUSTOM_NAME).map(String::as_str)
    }
}
