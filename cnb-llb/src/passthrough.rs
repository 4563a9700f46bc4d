//! Trees that wait for other trees.

use crate::Capability;
use crate::annotate::Annotations;
use crate::annotate::annotate;
use crate::ops::Op;
use crate::ops::Packed;
use crate::ops::PassthroughOp;
use crate::state::State;
use crate::vertex::Inputs;
use crate::vertex::Vertex;

/// Some of its inputs, unchanged, once all of its inputs are there: an order that no files ask for.
///
/// Trees without files fall away.
#[derive(Clone, Debug)]
pub struct Passthrough {
    id: String,
    inputs: Vec<(State, bool)>,
    annotations: Annotations,
}

annotate!(Passthrough);

impl Passthrough {
    /// An operation by this ID; daemons refuse an empty one.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), inputs: Vec::new(), annotations: Annotations::default() }
    }

    /// A tree that has to be there.
    #[must_use]
    pub fn input(mut self, state: &State) -> Self {
        self.inputs.push((state.clone(), false));
        self
    }

    /// A tree that has to be there, and that it gives.
    #[must_use]
    pub fn output(mut self, state: &State) -> Self {
        self.inputs.push((state.clone(), true));
        self
    }

    /// The trees it gives, in the order of the calls; no files stay no files.
    pub fn states(mut self) -> Vec<State> {
        self.annotations.need(Capability::PASSTHROUGH_OP);
        let (mut inputs, mut outputs) = (Inputs::default(), Vec::new());
        for (state, is_output) in &self.inputs {
            let Some(output) = state.output() else { continue };
            let index = inputs.push(output.clone());
            if *is_output {
                outputs.push(index);
            }
        }
        let passthrough = PassthroughOp { id: self.id, outputs: Packed(outputs) };
        let op = Op { inputs: inputs.to_message(), passthrough: Some(passthrough), ..Op::default() };
        let vertex = Vertex::new(op, inputs.into_vertices(), self.annotations);
        let mut next = 0;
        let given = self.inputs.into_iter().filter_map(|(state, is_output)| is_output.then_some(state));
        given
            .map(|state| {
                if state.is_scratch() {
                    return state;
                }
                next += 1;
                state.with_output(&vertex, next - 1)
            })
            .collect()
    }
}
