//! What a tree changes of another one.

use crate::Capability;
use crate::annotate::Annotations;
use crate::annotate::annotate;
use crate::ops::DiffOp;
use crate::ops::LowerDiffInput;
use crate::ops::Op;
use crate::ops::UpperDiffInput;
use crate::state::State;
use crate::vertex::Inputs;
use crate::vertex::NONE;
use crate::vertex::Vertex;

/// What the upper tree changes of the lower one: new and changed files, and the removal of others.
///
/// Compared with no files, the upper tree is itself.
///
/// Take care not to export it: BuildKit's cache of blobs can then give the difference of two images in place
/// of the larger one, to later builds too.
#[derive(Clone, Debug)]
pub struct Diff {
    lower: State,
    upper: State,
    annotations: Annotations,
}

annotate!(Diff);

impl Diff {
    /// From the lower tree to the upper one.
    pub fn new(lower: &State, upper: &State) -> Self {
        Self { lower: lower.clone(), upper: upper.clone(), annotations: Annotations::default() }
    }

    /// The tree.
    pub fn state(mut self) -> State {
        if self.lower.is_scratch() {
            return self.upper;
        }
        self.annotations.need(Capability::DIFF_OP);
        let mut inputs = Inputs::default();
        let mut index = |state: &State| state.output().map_or(NONE, |output| inputs.push(output.clone()));
        let lower = Some(LowerDiffInput { input: index(&self.lower) });
        let upper = Some(UpperDiffInput { input: index(&self.upper) });
        let op = Op { inputs: inputs.to_message(), diff: Some(DiffOp { lower, upper }), ..Op::default() };
        let vertex = Vertex::new(op, inputs.into_vertices(), self.annotations);
        self.lower.with_output(&vertex, 0)
    }
}
