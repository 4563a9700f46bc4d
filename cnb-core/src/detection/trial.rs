//! The build plan: a choice of one section of each element's plan in which every demand is met and every offer
//! is used.
//!
//! Source: buildpack specification, "Phase #1: Detection", and `runTrials` in the Go lifecycle's
//! `phase/detector.go`.

use std::collections::BTreeMap;

use crate::buildpack::plan::ElementKind;
use crate::buildpack::plan::Plan;
use crate::buildpack::plan::PlanEntry;
use crate::buildpack::plan::PlanSection;
use crate::buildpack::plan::Provider;
use crate::buildpack::plan::Require;

use super::Candidate;
use super::Transcript;

/// An element that passes, with the sections of its plan.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// Its place in the group.
    pub(super) index: usize,
    pub(super) candidate: Candidate,
    /// At least one.
    pub(super) sections: Vec<PlanSection>,
}

/// Who stays, and the plan.
#[derive(Debug)]
pub(super) struct Solution {
    /// Places in the group.
    pub(super) elements: Vec<usize>,
    pub(super) plan: Plan,
}

/// Tries all combinations of sections, those of later elements first. The first that works wins.
pub(super) fn solve(choices: &[Choice], transcript: &mut Transcript) -> Option<Solution> {
    let mut count = 0;
    let mut picked = vec![0; choices.len()];
    loop {
        count += 1;
        transcript.debug(format!("Resolving plan... (try #{count})"));
        let options = choices.iter().zip(&picked).map(|(choice, section)| Pick::new(choice, *section));
        if let Some(solution) = attempt(options.collect(), transcript) {
            return Some(solution);
        }
        let next = (0..choices.len()).rfind(|&i| picked[i] + 1 < choices[i].sections.len())?;
        picked[next] += 1;
        picked[next + 1..].fill(0);
    }
}

/// One section of one element.
struct Pick<'a> {
    choice: &'a Choice,
    section: &'a PlanSection,
    /// Whether the trial may go on without the element: only with its last section.
    optional: bool,
}

impl<'a> Pick<'a> {
    fn new(choice: &'a Choice, section: usize) -> Self {
        let is_last = section + 1 == choice.sections.len();
        Self { choice, section: &choice.sections[section], optional: choice.candidate.optional && is_last }
    }
}

/// What is known about one dependency while the elements are walked in group order.
#[derive(Default)]
struct Dependency<'a> {
    providers: Vec<&'a Candidate>,
    requires: Vec<&'a Require>,
    /// Offers after the last demand: nobody uses them.
    unused: Vec<usize>,
    /// Demands before the first offer.
    unmet: Vec<usize>,
}

/// Drops optional elements with unmet demands or unused offers until there are none.
fn attempt(mut picks: Vec<Pick<'_>>, transcript: &mut Transcript) -> Option<Solution> {
    loop {
        let dependencies = walk(&picks);
        let mut dropped = Vec::new();
        let unmet =
            dependencies.iter().flat_map(|(name, d)| d.unmet.iter().map(move |i| (*i, "requires", name)));
        let unused = dependencies
            .iter()
            .flat_map(|(name, d)| d.unused.iter().map(move |i| (*i, "provides unused", name)));
        for (index, what, name) in unmet.chain(unused) {
            let pick = &picks[index];
            let verdict = if pick.optional { "skip" } else { "fail" };
            transcript.debug(format!("{verdict}: {} {what} {name}", pick.choice.candidate));
            if !pick.optional {
                return None;
            }
            dropped.push(index);
        }
        if dropped.is_empty() {
            if picks.is_empty() {
                transcript.debug("fail: no viable buildpacks in group");
                return None;
            }
            let elements = picks.iter().map(|pick| pick.choice.index).collect();
            return Some(Solution { elements, plan: plan(dependencies) });
        }
        let mut index = 0;
        picks.retain(|_| {
            index += 1;
            !dropped.contains(&(index - 1))
        });
    }
}

fn walk<'a>(picks: &[Pick<'a>]) -> BTreeMap<&'a str, Dependency<'a>> {
    let mut dependencies: BTreeMap<&str, Dependency<'_>> = BTreeMap::new();
    for (index, pick) in picks.iter().enumerate() {
        for provide in &pick.section.provides {
            dependencies.entry(&provide.name).or_default().unused.push(index);
        }
        for require in &pick.section.requires {
            let dependency = dependencies.entry(&require.name).or_default();
            let used = std::mem::take(&mut dependency.unused);
            dependency.providers.extend(used.into_iter().map(|index| &picks[index].choice.candidate));
            if dependency.providers.is_empty() {
                dependency.unmet.push(index);
            } else {
                dependency.requires.push(require);
            }
        }
    }
    dependencies
}

fn plan(dependencies: BTreeMap<&str, Dependency<'_>>) -> Plan {
    let provider = |candidate: &Candidate| Provider {
        id: candidate.id.clone(),
        version: candidate.version.clone(),
        extension: candidate.kind == ElementKind::Extension,
    };
    let entry = |dependency: Dependency<'_>| PlanEntry {
        providers: dependency.providers.into_iter().map(provider).collect(),
        requires: dependency.requires.into_iter().cloned().collect(),
    };
    Plan { entries: dependencies.into_values().map(entry).collect() }
}
