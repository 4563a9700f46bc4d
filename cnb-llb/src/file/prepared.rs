//! Changes that others copy from.

use std::fmt;
use std::mem;
use std::sync::Arc;

use super::action::Action;
use super::copy::Origin;
use crate::state::State;

/// Changed files that exist only within an operation, to be copied from. Cheap to clone: clones are made
/// once.
#[derive(Clone)]
pub struct Prepared(pub(super) Arc<Preparation>);

pub(super) struct Preparation {
    pub(super) state: State,
    pub(super) actions: Vec<Action>,
}

impl Prepared {
    pub(super) fn new(state: State, actions: Vec<Action>) -> Self {
        Self(Arc::new(Preparation { state, actions }))
    }
}

impl Drop for Preparation {
    /// Preparations may be inside each other, and deeply.
    fn drop(&mut self) {
        let mut left = mem::take(&mut self.actions);
        while let Some(action) = left.pop() {
            if let Action::Copy(copy) = action
                && let Origin::Prepared(prepared) = copy.source.0
                && let Some(mut preparation) = Arc::into_inner(prepared.0)
            {
                left.append(&mut preparation.actions);
            }
        }
    }
}

impl fmt::Debug for Prepared {
    /// Not what it is made of: that may be deep.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Prepared({} actions)", self.0.actions.len())
    }
}
