//! What a solve takes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::op::Vertex;
use crate::op::digest;
use crate::op::reference;
use crate::wire::Message;

/// A marshalled graph: each vertex once, after its inputs, and at the end one that points to the head.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Definition {
    operations: Vec<Vec<u8>>,
    /// What a daemon must be able to do for an operation, by its digest.
    capabilities: BTreeMap<String, Vec<&'static str>>,
}

impl Definition {
    /// The marshalled `pb.Op`s, in order. None for no files.
    pub fn operations(&self) -> &[Vec<u8>] {
        &self.operations
    }

    /// The `pb.Definition`, for the `Solve` of a daemon or of the gateway.
    pub fn to_bytes(&self) -> Vec<u8> {
        let all = self.operations.iter().fold(Message::default(), |all, op| all.explicit_bytes(1, op));
        let entry = |digest: &String, capabilities: &Vec<&str>| {
            let metadata = capabilities.iter().fold(Message::default(), |metadata, capability| {
                metadata.message(5, Message::default().explicit_bytes(1, capability).explicit_int(2, 1))
            });
            Message::default().explicit_bytes(1, digest).message(2, metadata)
        };
        let metadata = self.capabilities.iter();
        metadata
            .fold(all, |all, (digest, capabilities)| all.message(2, entry(digest, capabilities)))
            .into_bytes()
    }

    /// The graph below a vertex.
    pub(crate) fn of(head: Option<&Arc<Vertex>>) -> Self {
        let mut definition = Self { operations: Vec::new(), capabilities: BTreeMap::new() };
        let Some(head) = head else {
            return definition;
        };
        for vertex in post_order(head) {
            definition.push(vertex.bytes.clone(), vertex.capabilities.clone());
        }
        let terminal = Message::default().message(1, reference(&head.digest)).into_bytes();
        definition.push(terminal, vec!["constraints", "platform"]);
        definition
    }

    fn push(&mut self, operation: Vec<u8>, mut capabilities: Vec<&'static str>) {
        capabilities.sort_unstable();
        self.capabilities.insert(digest(&operation), capabilities);
        self.operations.push(operation);
    }
}

/// Every vertex once, inputs first, without recursion: graphs may be deep.
fn post_order(head: &Arc<Vertex>) -> Vec<&Vertex> {
    let mut seen = BTreeSet::new();
    let mut ordered = Vec::new();
    let mut path: Vec<(&Vertex, usize)> = vec![(head, 0)];
    while let Some((vertex, next)) = path.last_mut() {
        if let Some(input) = vertex.inputs.get(*next) {
            *next += 1;
            if !seen.contains(input.digest.as_str()) {
                path.push((input, 0));
            }
            continue;
        }
        if seen.insert(vertex.digest.as_str()) {
            ordered.push(*vertex);
        }
        path.pop();
    }
    ordered
}
