//! Detection: which group of buildpacks and extensions builds an application, and with which plan.
//!
//! This is the decision alone. Looking elements up and running their `bin/detect` is up to a [`Detector`].
//!
//! Source: buildpack specification, "Phase #1: Detection", and the Go lifecycle's `phase/detector.go`.

mod candidate;
mod groups;
mod order;
mod outcome;
mod resolve;
mod target;
mod transcript;
mod trial;

#[cfg(test)]
mod tests;

use crate::analyzed::Target;
use crate::api::PlatformApi;
use crate::buildpack::group::Group;
use crate::buildpack::plan::Plan;

pub use candidate::Candidate;
pub use candidate::Descriptor;
pub use order::DetectionOrder;
pub use outcome::Outcome;
pub use outcome::Verdict;
pub use outcome::check_plan;
pub use target::satisfies;
pub use transcript::Level;
pub use transcript::Line;
pub use transcript::Transcript;

/// Looks elements up and runs them.
pub trait Detector {
    /// Why an element cannot be looked up.
    type Error;

    /// What the descriptor of the element says.
    ///
    /// # Errors
    /// When there is no such element. That ends detection.
    fn look_up(&mut self, candidate: &Candidate) -> Result<Descriptor, Self::Error>;

    /// Runs `bin/detect` of all the elements, at the same time if it likes to, and returns what came of each,
    /// in their order. No element is asked for twice.
    fn detect(&mut self, candidates: &[(Candidate, Descriptor)]) -> Vec<Outcome>;
}

/// What detection depends on beside the elements.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The version of the Platform API.
    pub platform_api: PlatformApi,
    /// What the run image runs on, completed from the image that builds.
    pub target: Target,
    /// The execution environment, for example `production`.
    pub exec_env: String,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Detected {
    /// Who builds.
    pub group: Group,
    /// What they provide to each other, its entries sorted by the name of the dependency.
    pub plan: Plan,
}

/// Tries the groups of the order, one after the other. The first that passes wins.
///
/// Everything that was tried is written into `transcript`, also when nothing passes.
///
/// # Errors
/// When no group passes, or an element cannot be looked up.
pub fn detect<D: Detector>(
    order: &DetectionOrder,
    conditions: &Conditions,
    detector: &mut D,
    transcript: &mut Transcript,
) -> Result<Detected, DetectionError<D::Error>> {
    groups::Search::new(conditions, detector, transcript, order).run()
}

/// Nothing was found.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DetectionError<E> {
    /// No group passes.
    #[error("no buildpacks participating")]
    NonePassed,
    /// No group passes, and the `bin/detect` of a required element had an error.
    #[error("buildpack(s) failed with err")]
    BuildpackErrors,
    /// A composite buildpack contains itself.
    #[error("composite buildpack {0} contains itself")]
    Cycle(String),
    /// An element cannot be looked up.
    #[error(transparent)]
    LookUp(E),
}
