//! Detect: runs `bin/detect` of buildpacks and extensions, and finds the first group that passes.
//!
//! The decision is that of [`cnb_core::detection`]; here are the processes.

use std::path::PathBuf;
use std::thread;

use cnb_core::api::PlatformApi;
use cnb_core::buildpack::order::Order;
use cnb_core::buildpack::system::System;
use cnb_core::detection;
use cnb_core::detection::Candidate;
use cnb_core::detection::Conditions;
use cnb_core::detection::Descriptor;
use cnb_core::detection::Detected;
use cnb_core::detection::DetectionError;
use cnb_core::detection::DetectionOrder;
use cnb_core::detection::Detector;
use cnb_core::detection::Outcome;
use cnb_core::detection::Transcript;
use cnb_core::environment::BuildEnvironment;

use super::buildpack_api;
use super::buildpack_api::UnsupportedBuildpackApi;
use super::process::CapturingRunner;
use super::store::Store;
use super::store::StoreError;
use super::store::Stored;

mod executable;
#[cfg(test)]
mod tests;

/// What detection works on.
#[derive(Clone, Debug)]
pub struct DetectInputs {
    /// The version of the Platform API.
    pub platform_api: PlatformApi,
    /// The directory of the application.
    pub app: PathBuf,
    /// The directory of the platform: what the user configured.
    pub platform: PathBuf,
    /// The directory of what the operator configured.
    pub build_config: PathBuf,
    /// Where the buildpacks and the extensions are.
    pub store: Store,
    /// Where to put files for the time of the detection.
    pub temporary: PathBuf,
    /// The execution environment, for example `production`.
    pub exec_env: String,
    /// What the image will run on.
    pub target: cnb_core::analyzed::Target,
    /// What passes from the environment of the phase.
    pub environment: BuildEnvironment,
}

/// Puts order.toml and system.toml together, and looks every element up.
///
/// # Errors
/// When an element does not exist, or is written for a Buildpack API that this lifecycle does not have. Elements
/// inside of composite buildpacks are not looked at.
pub fn prepare(order: &Order, system: &System, store: &Store) -> Result<DetectionOrder, PrepareError> {
    let order = DetectionOrder::new(order, system);
    for candidate in order.candidates() {
        let stored = store.look_up(candidate.kind, &candidate.id, &candidate.version)?;
        buildpack_api::supported(candidate.kind, &candidate.to_string(), &stored.descriptor.api)?;
    }
    Ok(order)
}

/// Finds the first group that passes. `transcript` gets what was tried, also when nothing passes.
///
/// # Errors
/// When no group passes, or an element inside of a composite buildpack cannot be looked up.
pub fn detect(
    inputs: &DetectInputs,
    order: &DetectionOrder,
    runner: &dyn CapturingRunner,
    transcript: &mut Transcript,
) -> Result<Detected, DetectionError<StoreError>> {
    let conditions = Conditions {
        platform_api: inputs.platform_api,
        target: inputs.target.clone(),
        exec_env: inputs.exec_env.clone(),
    };
    detection::detect(order, &conditions, &mut Processes { inputs, runner, stored: Vec::new() }, transcript)
}

/// The order cannot be tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// An element cannot be looked up.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An element is written for another version of the Buildpack API.
    #[error(transparent)]
    Api(#[from] UnsupportedBuildpackApi),
}

/// Runs the elements of a group at the same time.
struct Processes<'a> {
    inputs: &'a DetectInputs,
    runner: &'a dyn CapturingRunner,
    /// What was looked up already.
    stored: Vec<(Candidate, Stored)>,
}

impl Processes<'_> {
    fn find(&self, candidate: &Candidate) -> Option<&Stored> {
        let is_same = |c: &Candidate| {
            c.kind == candidate.kind && c.id == candidate.id && c.version == candidate.version
        };
        self.stored.iter().find(|(known, _)| is_same(known)).map(|(_, stored)| stored)
    }
}

impl Detector for Processes<'_> {
    type Error = StoreError;

    fn look_up(&mut self, candidate: &Candidate) -> Result<Descriptor, StoreError> {
        if let Some(stored) = self.find(candidate) {
            return Ok(stored.descriptor.clone());
        }
        let stored = self.inputs.store.look_up(candidate.kind, &candidate.id, &candidate.version)?;
        self.stored.push((candidate.clone(), stored.clone()));
        Ok(stored.descriptor)
    }

    fn detect(&mut self, candidates: &[(Candidate, Descriptor)]) -> Vec<Outcome> {
        let this = &*self;
        thread::scope(|scope| {
            let start = |(candidate, _): &(Candidate, Descriptor)| {
                let candidate = candidate.clone();
                scope.spawn(move || {
                    let stored = this.find(&candidate).expect("an element is looked up before it runs");
                    executable::run(this.inputs, &candidate, stored, this.runner)
                })
            };
            let threads: Vec<_> = candidates.iter().map(start).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, Outcome>| {
                thread.join().unwrap_or_else(|_| Outcome::error("running bin/detect panicked"))
            };
            threads.into_iter().map(join).collect()
        })
    }
}
