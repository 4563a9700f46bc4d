//! Vertices: operations with their inputs, marshalled when they are made.

use std::fmt;
use std::mem;
use std::sync::Arc;

use crate::annotate::Annotations;
use crate::digest::Digest;
use crate::location::Location;
use crate::ops::Input;
use crate::ops::Op;
use crate::ops::OpMetadata;
use crate::ops::WorkerConstraints;
use crate::wire;

/// The index of an input that is not there, of an output that nobody gets.
pub(crate) const NONE: i64 = -1;

/// A marshalled operation. What it is made of is in its bytes, so that a graph is as large as what is sent.
pub(crate) struct Vertex {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) digest: Digest,
    pub(crate) metadata: Arc<OpMetadata>,
    pub(crate) locations: Vec<Location>,
    /// The vertices it needs, in the order in which a definition lists them.
    pub(crate) needs: Vec<Arc<Vertex>>,
}

impl Vertex {
    /// Marshals an operation.
    pub(crate) fn new(mut op: Op, needs: Vec<Arc<Self>>, annotations: Annotations) -> Arc<Self> {
        let Annotations { metadata, filter, locations } = annotations;
        op.constraints = Some(WorkerConstraints { filter });
        let bytes: Arc<[u8]> = wire::encode(&op).into();
        let digest = Digest::of(&bytes);
        Arc::new(Self { bytes, digest, metadata: Arc::new(metadata), locations, needs })
    }
}

impl Drop for Vertex {
    /// A deep graph must not need a deep stack.
    fn drop(&mut self) {
        let mut left = mem::take(&mut self.needs);
        while let Some(vertex) = left.pop() {
            if let Some(mut vertex) = Arc::into_inner(vertex) {
                left.append(&mut vertex.needs);
            }
        }
    }
}

impl fmt::Debug for Vertex {
    /// Not what it needs: that may be deep.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.digest, formatter)
    }
}

/// One of the trees that a vertex makes.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) vertex: Arc<Vertex>,
    pub(crate) index: i64,
}

impl Output {
    pub(crate) fn input(&self) -> Input {
        Input { digest: self.vertex.digest.as_str().to_owned(), index: self.index }
    }
}

impl Eq for Output {}

impl PartialEq for Output {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
            && (Arc::ptr_eq(&self.vertex, &other.vertex) || self.vertex.digest == other.vertex.digest)
    }
}

/// The inputs of an operation that is being made.
#[derive(Debug, Default)]
pub(crate) struct Inputs(Vec<Output>);

impl Inputs {
    /// The index of an input; the one it has if it is there already.
    pub(crate) fn index(&mut self, output: &Output) -> i64 {
        match self.0.iter().position(|known| known == output) {
            Some(index) => as_index(index),
            None => self.push(output.clone()),
        }
    }

    /// The index of an input that is told apart from an equal one.
    pub(crate) fn push(&mut self, output: Output) -> i64 {
        self.0.push(output);
        as_index(self.0.len() - 1)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// For `pb.Op`.
    pub(crate) fn to_message(&self) -> Vec<Input> {
        self.0.iter().map(Output::input).collect()
    }

    pub(crate) fn into_vertices(self) -> Vec<Arc<Vertex>> {
        self.0.into_iter().map(|output| output.vertex).collect()
    }
}

/// An index as the protocol has it.
pub(crate) fn as_index(index: usize) -> i64 {
    i64::try_from(index).expect("nothing has so many elements")
}
