//! How changes become an operation.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ptr;
use std::sync::Arc;

use super::FileOp;
use super::action::Action;
use super::copy::Origin;
use super::prepared::Preparation;
use crate::Capability;
use crate::ops::FileAction;
use crate::ops::Op;
use crate::ops::{self};
use crate::state::State;
use crate::vertex::Inputs;
use crate::vertex::NONE;
use crate::vertex::Vertex;
use crate::vertex::as_index;

impl FileOp {
    /// The operation, on this tree.
    pub(crate) fn on(mut self, state: &State) -> State {
        self.annotations.need(Capability::FILE_BASE);
        let mut plan = Plan::default();
        plan.add(state, &self.actions);
        for capability in plan.steps.iter().flat_map(|step| step.action.capabilities()) {
            self.annotations.need(capability);
        }
        let mut needs = Vec::new();
        vertices_backwards(state, &self.actions, &mut needs);
        let op = Op {
            inputs: plan.inputs.to_message(),
            file: Some(ops::FileOp { actions: plan.to_messages() }),
            ..Op::default()
        };
        state.with_output(&Vertex::new(op, needs, self.annotations), 0)
    }
}

/// What an action works on.
#[derive(Clone, Copy)]
enum Place {
    /// No files, or an input of the operation.
    Input(i64),
    /// What another action of it made.
    Step(usize),
}

struct Step<'a> {
    action: &'a Action,
    base: i64,
    input: Place,
    secondary: Place,
}

/// The actions in the order in which they are done, those that prepare before those that copy from them.
#[derive(Default)]
struct Plan<'a> {
    inputs: Inputs,
    steps: Vec<Step<'a>>,
    /// The last step of each preparation.
    prepared: BTreeMap<*const Preparation, usize>,
}

/// Actions on one tree, as far as they are planned.
struct Chain<'a> {
    state: &'a State,
    actions: std::slice::Iter<'a, Action>,
    last: Option<usize>,
    /// What it prepares, if it does.
    preparation: Option<*const Preparation>,
}

impl<'a> Plan<'a> {
    /// Plans actions. Preparations may be inside each other, and deeply: what waits for them is kept in a
    /// list.
    fn add(&mut self, state: &'a State, actions: &'a [Action]) {
        let mut waiting = vec![Chain { state, actions: actions.iter(), last: None, preparation: None }];
        while let Some(mut chain) = waiting.pop() {
            let Some(action) = chain.actions.as_slice().first() else {
                self.prepared.extend(chain.preparation.zip(chain.last));
                continue;
            };
            let base = chain.state.output().map_or(NONE, |output| self.inputs.index(output));
            let secondary = match self.secondary(action) {
                Ok(place) => place,
                Err(preparation) => {
                    waiting.extend([chain, Chain::of(preparation)]);
                    continue;
                }
            };
            let input = chain.last.map_or(Place::Input(base), Place::Step);
            self.steps.push(Step { action, base, input, secondary });
            chain.last = Some(self.steps.len() - 1);
            chain.actions.next();
            waiting.push(chain);
        }
    }

    /// Where an action copies from, or what has to be prepared for it first.
    fn secondary(&mut self, action: &'a Action) -> Result<Place, &'a Arc<Preparation>> {
        let Action::Copy(copy) = action else {
            return Ok(Place::Input(NONE));
        };
        match &copy.source.0 {
            Origin::State(state) => {
                Ok(Place::Input(state.output().map_or(NONE, |output| self.inputs.index(output))))
            }
            Origin::Prepared(prepared) => {
                self.prepared.get(&Arc::as_ptr(&prepared.0)).map(|step| Place::Step(*step)).ok_or(&prepared.0)
            }
        }
    }

    fn to_messages(&self) -> Vec<FileAction> {
        let index = |place| match place {
            Place::Input(index) => index,
            Place::Step(step) => as_index(self.inputs.len() + step),
        };
        let messages = self.steps.iter().enumerate().map(|(number, step)| FileAction {
            input: index(step.input),
            secondary_input: index(step.secondary),
            output: if number + 1 == self.steps.len() { 0 } else { NONE },
            ..step.action.to_message(step.base)
        });
        messages.collect()
    }
}

impl<'a> Chain<'a> {
    fn of(preparation: &'a Arc<Preparation>) -> Self {
        let (state, actions) = (&preparation.state, preparation.actions.iter());
        Self { state, actions, last: None, preparation: Some(ptr::from_ref(&**preparation)) }
    }
}

/// The vertices that actions need, in the order in which Go's client lists them: the last action first. What a preparation
/// needs is listed once, so that preparations that are used several times, by others that are too, do not multiply it.
fn vertices_backwards(state: &State, actions: &[Action], vertices: &mut Vec<Arc<Vertex>>) {
    let mut listed = BTreeSet::new();
    let mut waiting = vec![(state, actions)];
    while let Some((state, actions)) = waiting.pop() {
        let Some((last, before)) = actions.split_last() else { continue };
        let vertex = |state: &State| state.output().map(|output| Arc::clone(&output.vertex));
        vertices.extend(vertex(state));
        waiting.push((state, before));
        if let Action::Copy(copy) = last {
            match &copy.source.0 {
                Origin::State(source) => vertices.extend(vertex(source)),
                Origin::Prepared(prepared) => {
                    if listed.insert(Arc::as_ptr(&prepared.0)) {
                        waiting.push((&prepared.0.state, &prepared.0.actions));
                    }
                }
            }
        }
    }
}
