//! Steps one after another.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::error::Error;
use super::error::ErrorKind;
use super::step::MountKind;
use super::step::Step;
use super::step::StepOutput;
use super::tree::Tree;
use crate::event::Event;
use crate::event::EventSink;

/// What a chain of steps left.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ChainOutput {
    /// The exit code of the step that ended the chain; 0 when all steps ran.
    pub exit_code: i32,
    /// The name of that step.
    pub ended_by: Option<String>,
    /// The trees behind in-out and carried mounts as the steps left them, by target. Those of a chain that failed are
    /// there only with the capability `failed_outputs`.
    pub outputs: BTreeMap<String, Tree>,
    /// Optional steps that failed, as far as a backend can say it.
    pub skipped: Vec<Skipped>,
    /// Whether nothing ran, because the backend had what the steps [left before](Step::repeatable), if it knows that.
    pub reused: Option<bool>,
}

/// An optional step that failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Skipped {
    /// Its name.
    pub step: String,
    /// Why it failed.
    pub error: Error,
}

impl ChainOutput {
    /// What a whole chain left; for backends.
    pub fn new(outputs: BTreeMap<String, Tree>) -> Self {
        Self { outputs, ..Self::default() }
    }

    /// A chain that a step ended; for backends.
    pub fn ended(step: impl Into<String>, exit_code: i32) -> Self {
        Self { exit_code, ended_by: Some(step.into()), ..Self::default() }
    }
}

/// A chain whose steps run one by one.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    events: &'a dyn EventSink,
    output: ChainOutput,
}

/// A step of a chain that runs.
#[derive(Debug)]
pub(super) struct Running {
    name: String,
    optional: bool,
}

impl<'a> Chain<'a> {
    pub(super) fn new(events: &'a dyn EventSink) -> Self {
        Self { events, output: ChainOutput::default() }
    }

    /// The next step, with the trees of those before.
    pub(super) fn start(&self, mut step: Step) -> super::Result<(Step, Running)> {
        carry(&mut step, &self.output.outputs)?;
        self.events.event(Event::PhaseStarted { phase: step.name.clone() });
        let running = Running { name: step.name.clone(), optional: step.optional };
        Ok((step, running))
    }

    /// Keeps what a step left, and says whether the chain is over.
    pub(super) fn finish(
        &mut self,
        step: Running,
        ran: super::Result<StepOutput>,
    ) -> super::Result<ControlFlow<()>> {
        let Running { name, optional } = step;
        let success = ran.as_ref().is_ok_and(|output| output.exit_code == 0);
        self.events.event(Event::PhaseFinished { phase: name.clone(), success });
        let error = match ran {
            Ok(StepOutput { exit_code, outputs, .. }) => {
                self.output.outputs.extend(outputs);
                match exit_code {
                    0 => return Ok(ControlFlow::Continue(())),
                    code if optional => {
                        Error::new(ErrorKind::Other, format!("it ended with exit code {code}"))
                    }
                    code => {
                        self.output.exit_code = code;
                        self.output.ended_by = Some(name);
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            Err(error) if optional => error,
            Err(error) => return Err(error),
        };
        self.output.skipped.push(Skipped { step: name, error });
        Ok(ControlFlow::Continue(()))
    }

    pub(super) fn output(self) -> ChainOutput {
        self.output
    }
}

/// Puts trees of the steps before in the place of carried mounts.
fn carry(step: &mut Step, left: &BTreeMap<String, Tree>) -> super::Result<()> {
    for mount in &mut step.mounts {
        if matches!(mount.kind, MountKind::Carried) {
            let tree = left.get(&mount.target).ok_or_else(|| {
                let message = format!("no step before has a tree at {}", mount.target);
                Error::new(ErrorKind::InvalidInput, message).with("step", &step.name)
            })?;
            mount.kind = MountKind::InOut(tree.clone());
        }
    }
    Ok(())
}
