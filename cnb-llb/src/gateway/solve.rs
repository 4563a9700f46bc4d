//! Solving from a frontend.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use super::Gateway;
use super::Reference;
use crate::CacheEntry;
use crate::errdefs::BuildError;
use crate::errdefs::Code;
use crate::pb::frontend;
use crate::pb::frontend::result::Result as Refs;
use crate::pb::ops;

/// What a frontend solves: a graph, or another frontend.
#[derive(Clone, Default)]
pub struct Solve {
    message: frontend::SolveRequest,
}

/// What a solve gives.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Solved {
    /// What a frontend says of its result, for example `containerimage.config`.
    pub metadata: BTreeMap<String, Vec<u8>>,
    /// The result, unless it is one for each of several platforms. None for no files.
    pub reference: Option<Reference>,
    /// The results by platform, for example `linux/arm64`; none for no files.
    pub platforms: BTreeMap<String, Option<Reference>>,
}

impl Solve {
    /// A graph: a [`Definition`](crate::Definition), or the message itself, for example one of [`Gateway::inputs`].
    pub fn graph(graph: impl Into<ops::Definition>) -> Self {
        let definition = Some(graph.into());
        Self { message: frontend::SolveRequest { definition, ..frontend::SolveRequest::default() } }
    }

    /// Another frontend, for example `dockerfile.v0`.
    pub fn frontend(name: impl Into<String>) -> Self {
        Self {
            message: frontend::SolveRequest { frontend: name.into(), ..frontend::SolveRequest::default() },
        }
    }

    /// An option for the other frontend.
    #[must_use]
    pub fn with_option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.message.frontend_opt.insert(name.into(), value.into());
        self
    }

    /// A graph for the other frontend.
    #[must_use]
    pub fn with_input(mut self, name: impl Into<String>, graph: impl Into<ops::Definition>) -> Self {
        self.message.frontend_inputs.insert(name.into(), graph.into());
        self
    }

    /// Takes results from these caches: those that a client names have to be passed on.
    #[must_use]
    pub fn with_cache_imports(mut self, caches: &[CacheEntry]) -> Self {
        self.message.cache_imports.extend(caches.iter().map(|cache| frontend::CacheOptionsEntry {
            r#type: cache.kind.clone(),
            attrs: cache.attributes.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        }));
        self
    }

    /// Does the work now. Otherwise it is done when the result is needed, and that is when it fails.
    #[must_use]
    pub fn evaluated(mut self) -> Self {
        self.message.evaluate = true;
        self
    }
}

impl fmt::Debug for Solve {
    /// Without the values of options and caches: some of them are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = &self.message;
        let options: BTreeSet<&String> = message.frontend_opt.keys().collect();
        let caches: Vec<&str> = message.cache_imports.iter().map(|cache| cache.r#type.as_str()).collect();
        f.debug_struct("Solve")
            .field("frontend", &message.frontend)
            .field("options", &options)
            .field("cache_imports", &caches)
            .field("evaluate", &message.evaluate)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// Solves a graph or runs another frontend.
    ///
    /// # Errors
    /// When the graph is none that BuildKit can solve, when the other frontend fails, and for an
    /// [evaluated](Solve::evaluated) solve when the work fails.
    pub async fn solve(&self, solve: Solve) -> Result<Solved, BuildError> {
        let is_evaluated = solve.message.evaluate;
        let request = frontend::SolveRequest {
            allow_result_return: true,
            allow_result_array_ref: true,
            // A result that is there before its work is done can be asked for an error that got lost.
            evaluate: false,
            ..solve.message
        };
        let response = self.bridge().solve(request).await?.into_inner();
        let result =
            response.result.ok_or_else(|| BuildError::new(Code::Internal, "a solve without a result"))?;
        let mut solved = Solved { metadata: result.metadata.into_iter().collect(), ..Solved::default() };
        let reference =
            |message: frontend::Ref| (!message.id.is_empty()).then(|| Reference::new(self.clone(), message));
        let named = |id: String| frontend::Ref { id, def: None };
        match result.result {
            Some(Refs::Ref(message)) => solved.reference = reference(message),
            Some(Refs::RefDeprecated(id)) => solved.reference = reference(named(id)),
            Some(Refs::Refs(map)) => {
                solved.platforms =
                    map.refs.into_iter().map(|(platform, message)| (platform, reference(message))).collect();
            }
            Some(Refs::RefsDeprecated(map)) => {
                solved.platforms =
                    map.refs.into_iter().map(|(platform, id)| (platform, reference(named(id)))).collect();
            }
            None => {}
        }
        if is_evaluated {
            for reference in solved.reference.iter().chain(solved.platforms.values().flatten()) {
                reference.evaluate().await?;
            }
        }
        Ok(solved)
    }

    /// Solves a graph. None for one without files.
    ///
    /// # Errors
    /// When it is none that BuildKit can solve. The work is done later, and fails later.
    pub async fn solve_graph(
        &self,
        graph: impl Into<ops::Definition>,
    ) -> Result<Option<Reference>, BuildError> {
        Ok(self.solve(Solve::graph(graph)).await?.reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let cache = CacheEntry::new("gha").with_attribute("token", "hunter2");
        let solve = Solve::frontend("dockerfile.v0").with_option("cache-imports", "hunter2");
        let shown = format!("{:?}", solve.with_cache_imports(&[cache]));
        assert!(shown.contains("cache-imports") && shown.contains("gha"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
