//! What is to be done to which repository, as tokens say it.

use cnb_core::reference::Reference;

/// A repository, and what a token for it must allow.
///
/// Source: "Docker Registry Token Scope Documentation" of Docker's distribution.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) registry: String,
    pub(super) repository: String,
    pub(super) scopes: Vec<String>,
}

impl Access {
    pub(super) fn pull(reference: &Reference) -> Self {
        Self::new(reference, "pull")
    }

    pub(super) fn push(reference: &Reference) -> Self {
        Self::new(reference, "pull,push")
    }

    pub(super) fn delete(reference: &Reference) -> Self {
        Self::new(reference, "pull,push,delete")
    }

    /// Reads another repository of the same registry, too.
    pub(super) fn and_pull(mut self, repository: &str) -> Self {
        self.scopes.push(scope(repository, "pull"));
        self
    }

    fn new(reference: &Reference, actions: &str) -> Self {
        Self {
            registry: reference.registry().to_owned(),
            repository: reference.repository().to_owned(),
            scopes: vec![scope(reference.repository(), actions)],
        }
    }
}

fn scope(repository: &str, actions: &str) -> String {
    format!("repository:{repository}:{actions}")
}
