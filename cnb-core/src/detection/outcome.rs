//! What came of running `bin/detect`.

use crate::buildpack::plan::BuildPlan;
use crate::buildpack::plan::ElementKind;

use super::Candidate;

/// The result of one element.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What it wrote to its standard streams.
    pub output: Vec<u8>,
    /// What it means.
    pub verdict: Verdict,
}

/// What the exit code of `bin/detect` means.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Verdict {
    /// The element can build the application.
    Pass(BuildPlan),
    /// It cannot: exit code 100.
    #[default]
    Fail,
    /// Something else went wrong.
    Error {
        /// The exit code; nothing for a signal, or when it did not run or wrote nonsense.
        code: Option<i32>,
        /// What went wrong, if there is more to say than the exit code.
        message: Option<String>,
    },
}

impl Outcome {
    /// An element that passes.
    pub fn pass(plan: BuildPlan) -> Self {
        Self { output: Vec::new(), verdict: Verdict::Pass(plan) }
    }

    /// An element that did not run, or whose plan is not acceptable.
    pub fn error(message: impl Into<String>) -> Self {
        Self { output: Vec::new(), verdict: Verdict::Error { code: None, message: Some(message.into()) } }
    }

    /// The outcome with what the element wrote.
    #[must_use]
    pub fn with_output(self, output: Vec<u8>) -> Self {
        Self { output, ..self }
    }
}

/// Refuses plans that say what they may not say.
///
/// Source: `detectBp` and `detectExt` in the Go lifecycle's `buildpack/detect.go`.
///
/// # Errors
/// What is wrong with the plan.
pub fn check_plan(candidate: &Candidate, plan: &BuildPlan) -> Result<(), String> {
    let id = &candidate.id;
    let kind = candidate.kind.to_string().to_lowercase();
    if candidate.kind == ElementKind::Extension && plan.all_requires().next().is_some() {
        return Err(format!("extension {id} outputs \"requires\" which is not allowed"));
    }
    if plan.all_requires().any(|require| !require.version.is_empty()) {
        return Err(format!(
            "{kind} {id} has a \"version\" key which is not supported. \"metadata.version\" should be used instead"
        ));
    }
    Ok(())
}
