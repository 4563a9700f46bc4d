//! Trees on top of each other.

use crate::Capability;
use crate::annotate::Annotations;
use crate::annotate::annotate;
use crate::ops::MergeInput;
use crate::ops::MergeOp;
use crate::ops::Op;
use crate::state::State;
use crate::vertex::Inputs;
use crate::vertex::Vertex;

/// Puts trees on top of each other, the last one topmost.
///
/// Layers stay what they are: nothing is copied, and an exported image gets the layers of all of them. Trees
/// without files fall away; a single tree is itself, and none are [`State::scratch`].
#[derive(Clone, Debug)]
pub struct Merge {
    states: Vec<State>,
    annotations: Annotations,
}

annotate!(Merge);

impl Merge {
    /// These trees, the undermost first.
    pub fn new<'a>(states: impl IntoIterator<Item = &'a State>) -> Self {
        let states = states.into_iter().filter(|state| !state.is_scratch()).cloned().collect();
        Self { states, annotations: Annotations::default() }
    }

    /// The tree.
    pub fn state(mut self) -> State {
        if self.states.len() < 2 {
            return self.states.pop().unwrap_or_default();
        }
        self.annotations.need(Capability::MERGE_OP);
        let mut inputs = Inputs::default();
        let outputs = self.states.iter().filter_map(State::output);
        let merge = outputs.map(|output| MergeInput { input: inputs.push(output.clone()) }).collect();
        let op = Op { inputs: inputs.to_message(), merge: Some(MergeOp { inputs: merge }), ..Op::default() };
        let vertex = Vertex::new(op, inputs.into_vertices(), self.annotations);
        self.states[0].with_output(&vertex, 0)
    }
}
