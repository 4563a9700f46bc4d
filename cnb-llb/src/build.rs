//! Graphs that are found in files.

use std::collections::BTreeMap;

use crate::Capability;
use crate::annotate::Annotations;
use crate::annotate::annotate;
use crate::ops::BuildInput;
use crate::ops::BuildOp;
use crate::ops::Op;
use crate::ops::Platform;
use crate::state::State;
use crate::vertex::Inputs;
use crate::vertex::NONE;
use crate::vertex::Vertex;

/// The name of the only input of a build of a definition.
const DEFINITION_INPUT: &str = "buildkit.llb.definition";
const FILENAME: &str = "llbbuild.filename";

/// What a definition makes that is a file of a tree. Experimental in BuildKit.
#[derive(Clone, Debug)]
pub struct Build {
    state: State,
    filename: Option<String>,
    platform: Option<Platform>,
    annotations: Annotations,
}

annotate!(Build);

impl Build {
    /// The definition in a tree; without a name of a file, in the one that BuildKit looks for,
    /// `buildkit.llb.definition`.
    pub fn new(state: &State) -> Self {
        Self { state: state.clone(), filename: None, platform: None, annotations: Annotations::default() }
    }

    /// Says which file has the definition.
    #[must_use]
    pub fn filename(mut self, filename: impl Into<String>) -> Self {
        self.filename = Some(filename.into());
        self
    }

    /// Says for which platform; [`Platform::native`] if not said.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = Some(platform);
        self
    }

    /// The tree that the definition makes.
    pub fn state(mut self) -> State {
        self.annotations.need(Capability::BUILD_LLB_FILENAME);
        let mut inputs = Inputs::default();
        let input = self.state.output().map_or(NONE, |output| inputs.push(output.clone()));
        let attrs = self.filename.map(|filename| (FILENAME.to_owned(), filename));
        let build = BuildOp {
            // The builder is the daemon itself.
            builder: NONE,
            inputs: BTreeMap::from([(DEFINITION_INPUT.to_owned(), BuildInput { input })]),
            attrs: attrs.into_iter().collect(),
            ..BuildOp::default()
        };
        let op = Op {
            inputs: inputs.to_message(),
            platform: Some(self.platform.unwrap_or_else(Platform::native)),
            build: Some(build),
            ..Op::default()
        };
        let vertex = Vertex::new(op, inputs.into_vertices(), self.annotations);
        self.state.with_output(&vertex, 0)
    }
}
