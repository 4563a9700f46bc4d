//! Trees of files that a graph makes.

use std::sync::Arc;

use crate::annotate::Annotations;
use crate::definition::Definition;
use crate::diff::Diff;
use crate::digest::Digest;
use crate::exec::Exec;
use crate::exec::Run;
use crate::file::FileOp;
use crate::merge::Merge;
use crate::ops::Op;
use crate::ops::Platform;
use crate::passthrough::Passthrough;
use crate::vertex::Output;
use crate::vertex::Vertex;

/// A tree of files: nothing, or what an operation makes. Immutable, and cheap to clone.
///
/// Two states are equal when they are the same output of operations with the same digest.
#[derive(Clone, Debug, Default)]
pub struct State {
    output: Option<Output>,
    platform: Option<Arc<Platform>>,
}

impl State {
    /// No files.
    pub fn scratch() -> Self {
        Self::default()
    }

    /// Whether it is [`scratch`](Self::scratch).
    pub fn is_scratch(&self) -> bool {
        self.output.is_none()
    }

    /// The digest of the operation that makes it; none for no files.
    pub fn digest(&self) -> Option<Digest> {
        self.output.as_ref().map(|output| output.vertex.digest)
    }

    /// The platform that commands on it are for, if one was said.
    pub fn platform(&self) -> Option<&Platform> {
        self.platform.as_deref()
    }

    /// The same files, for commands of this platform.
    #[must_use]
    pub fn with_platform(mut self, platform: Platform) -> Self {
        self.platform = Some(Arc::new(platform));
        self
    }

    /// Runs a command with these files as its root. What it leaves is in the [`Run`].
    #[must_use]
    pub fn run(&self, exec: Exec) -> Run {
        exec.on(self)
    }

    /// Changes files: a [`Copy`](crate::Copy), [`MakeFile`](crate::MakeFile), [`MakeDir`](crate::MakeDir),
    /// [`Remove`](crate::Remove) or [`Symlink`](crate::Symlink), or several of them in a [`FileOp`].
    #[must_use]
    pub fn file(&self, op: impl Into<FileOp>) -> Self {
        op.into().on(self)
    }

    /// Puts trees on top of each other, the last one topmost: [`Merge`]. The platform is that of the undermost.
    pub fn merge<'a>(states: impl IntoIterator<Item = &'a Self>) -> Self {
        Merge::new(states).state()
    }

    /// What this tree changes of a lower one: [`Diff`].
    #[must_use]
    pub fn diff_from(&self, lower: &Self) -> Self {
        Diff::new(lower, self).state()
    }

    /// The same files, once other trees are made too: [`Passthrough`].
    #[must_use]
    pub fn requires<'a>(&self, id: impl Into<String>, others: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut others = others.into_iter().peekable();
        if others.peek().is_none() {
            return self.clone();
        }
        let passthrough = Passthrough::new(id).output(self);
        let states = others.fold(passthrough, Passthrough::input).states();
        states.into_iter().next().unwrap_or_default()
    }

    /// The graph that makes it, for a solve.
    pub fn definition(&self) -> Definition {
        Definition::of(self.output.as_ref())
    }

    pub(crate) fn output(&self) -> Option<&Output> {
        self.output.as_ref()
    }

    /// An output of an operation, in place of this one: what is known of the platform stays.
    pub(crate) fn with_output(&self, vertex: &Arc<Vertex>, index: i64) -> Self {
        Self { output: Some(Output { vertex: Arc::clone(vertex), index }), platform: self.platform.clone() }
    }

    pub(crate) fn of(output: Output, platform: Option<Platform>) -> Self {
        Self { output: Some(output), platform: platform.map(Arc::new) }
    }

    /// The only output of an operation without inputs.
    pub(crate) fn source(op: Op, platform: Option<Platform>, annotations: Annotations) -> Self {
        Self::of(Output { vertex: Vertex::new(op, Vec::new(), annotations), index: 0 }, platform)
    }
}

impl Eq for State {}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.output == other.output
    }
}
