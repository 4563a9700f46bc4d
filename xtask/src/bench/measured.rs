//! A build, measured from outside: its events as they arrive, its process in /proc.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use super::cost::Cost;
use super::cost::cpu;
use crate::Result;

/// What a build cost.
pub(super) struct Measured {
    pub(super) cost: Cost,
    /// In order.
    pub(super) phases: Vec<Phase>,
}

/// What a phase of it cost.
pub(super) struct Phase {
    pub(super) name: String,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
}

impl Measured {
    /// Runs a `cnb build --json`.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn of(build: &mut Command) -> Result<Self> {
        let (cost, phases) = Cost::reading(build, phases)?;
        Ok(Self { cost, phases })
    }

    /// The wall time of a phase.
    pub(super) fn phase(&self, name: &str) -> Duration {
        self.phases.iter().filter(|phase| phase.name == name).map(|phase| phase.wall).sum()
    }
}

fn phases(id: u32, output: impl Read) -> Result<Vec<Phase>> {
    let (mut phases, mut started) = (Vec::new(), None);
    for line in BufReader::new(output).lines() {
        let event: Value = serde_json::from_str(&line?)?;
        match event["event"].as_str() {
            Some("phase-started") => started = Some((Instant::now(), cpu(id)?)),
            Some("phase-finished") => {
                let (wall, before) = started.take().ok_or("a phase ended that did not begin")?;
                let name = event["phase"].as_str().unwrap_or_default().to_owned();
                let cpu = cpu(id)?.saturating_sub(before);
                phases.push(Phase { name, wall: wall.elapsed(), cpu });
            }
            Some("error") => eprintln!("{}", event["message"].as_str().unwrap_or_default()),
            _ => {}
        }
    }
    Ok(phases)
}
