//! The search for a group that passes.

use std::collections::BTreeMap;

use crate::api::BuildpackApi;
use crate::buildpack::plan::ElementKind;
use crate::encode::go_json;

use super::Candidate;
use super::Conditions;
use super::Descriptor;
use super::Detected;
use super::DetectionError;
use super::DetectionOrder;
use super::Detector;
use super::Outcome;
use super::Transcript;
use super::candidate::Key;
use super::order::candidates;
use super::resolve;
use super::resolve::Member;
use super::resolve::Rejection;
use super::target::satisfies;

/// A search in progress.
pub(super) struct Search<'a, D> {
    conditions: &'a Conditions,
    detector: &'a mut D,
    transcript: &'a mut Transcript,
    order: &'a DetectionOrder,
    /// What came of elements that were tried already.
    outcomes: BTreeMap<Key, Outcome>,
}

/// An element of a group, and the composite buildpacks that it is inside of.
#[derive(Clone)]
struct Item {
    element: ItemElement,
    inside: Vec<String>,
}

#[derive(Clone)]
enum ItemElement {
    Candidate(Candidate),
    /// Stands for the groups of extensions, one of which is put in its place, or none.
    Extensions,
}

/// Why a search stops.
enum Stop<E> {
    /// The group does not pass, the next one may.
    Rejected(Rejection),
    /// There is no point in going on.
    Error(DetectionError<E>),
}

type Found<E> = Result<Detected, Stop<E>>;

impl<'a, D: Detector> Search<'a, D> {
    pub(super) fn new(
        conditions: &'a Conditions,
        detector: &'a mut D,
        transcript: &'a mut Transcript,
        order: &'a DetectionOrder,
    ) -> Self {
        Self { conditions, detector, transcript, order, outcomes: BTreeMap::new() }
    }

    pub(super) fn run(mut self) -> Result<Detected, DetectionError<D::Error>> {
        let extensions = self.order.has_extensions().then_some(ItemElement::Extensions);
        let group = |group: &Vec<Candidate>| {
            let elements =
                extensions.iter().cloned().chain(group.iter().cloned().map(ItemElement::Candidate));
            elements.map(|element| Item { element, inside: Vec::new() }).collect()
        };
        let groups = self.order.groups.iter().map(group).collect();
        self.any(groups, &[], &[], false).map_err(|stop| match stop {
            Stop::Rejected(Rejection::Failed) => DetectionError::NonePassed,
            Stop::Rejected(Rejection::Errored) => DetectionError::BuildpackErrors,
            Stop::Error(error) => error,
        })
    }

    /// The first of the groups that passes together with what was chosen before it and what comes after it;
    /// if `optional`, also no group at all.
    fn any(
        &mut self,
        groups: Vec<Vec<Item>>,
        done: &[Member],
        next: &[Item],
        optional: bool,
    ) -> Found<D::Error> {
        let mut rejection = Rejection::Failed;
        for mut group in groups {
            group.extend_from_slice(next);
            match self.group(&group, done) {
                Err(Stop::Rejected(Rejection::Failed)) => {}
                Err(Stop::Rejected(Rejection::Errored)) => rejection = Rejection::Errored,
                found => return found,
            }
        }
        if optional { self.group(next, done) } else { Err(Stop::Rejected(rejection)) }
    }

    /// The group, if it passes together with what was chosen before it.
    fn group(&mut self, group: &[Item], done: &[Member]) -> Found<D::Error> {
        let mut done = done.to_vec();
        for (index, item) in group.iter().enumerate() {
            let next = &group[index + 1..];
            let candidate = match &item.element {
                ItemElement::Extensions => return self.any(self.extension_groups(), &done, next, true),
                ItemElement::Candidate(candidate) => candidate,
            };
            if done.iter().any(|member| member.candidate.is_same_element(candidate)) {
                continue;
            }
            let found =
                self.detector.look_up(candidate).map_err(|e| Stop::Error(DetectionError::LookUp(e)))?;
            if !found.order.is_empty() {
                let groups = nested_groups(item, candidate, &found).map_err(Stop::Error)?;
                return self.any(groups, &done, next, candidate.optional);
            }
            let member = Member { candidate: candidate.clone(), descriptor: found };
            // What cannot run on the image is an error in every execution environment.
            if let Some(message) = self.unsatisfied_targets(&member) {
                self.outcomes.insert(member.candidate.key(), Outcome::error(message));
            } else if !self.is_for_exec_env(candidate, &member.descriptor) {
                continue;
            }
            done.push(member);
        }
        self.outcomes_of(&done)
    }

    fn extension_groups(&self) -> Vec<Vec<Item>> {
        let item = |candidate: &Candidate| Item {
            element: ItemElement::Candidate(candidate.clone()),
            inside: Vec::new(),
        };
        self.order.extensions.iter().map(|group| group.iter().map(item).collect()).collect()
    }

    /// Whether the element is for the execution environment; otherwise it is as if it were not in the group.
    fn is_for_exec_env(&mut self, candidate: &Candidate, descriptor: &Descriptor) -> bool {
        let names = &descriptor.exec_env;
        let current = &self.conditions.exec_env;
        let honoured = self.conditions.platform_api.has_exec_env()
            && descriptor.api.parse().is_ok_and(|api: BuildpackApi| api.has_exec_env());
        let is_for = !honoured || names.is_empty() || names.iter().any(|name| name == "*" || name == current);
        if !is_for {
            self.transcript.debug(format!(
                "Skipping {candidate} due to execution environment mismatch; current: {current}, buildpack supports: [{}]",
                names.join(" ")
            ));
        }
        is_for
    }

    /// Runs the elements that were not tried yet, and decides about the group.
    fn outcomes_of(&mut self, members: &[Member]) -> Found<D::Error> {
        let is_new = |member: &&Member| !self.outcomes.contains_key(&member.candidate.key());
        let new: Vec<(Candidate, Descriptor)> = members
            .iter()
            .filter(is_new)
            .map(|member| (member.candidate.clone(), member.descriptor.clone()))
            .collect();
        if !new.is_empty() {
            let outcomes = self.detector.detect(&new);
            self.outcomes.extend(new.iter().map(|(candidate, _)| candidate.key()).zip(outcomes));
        }
        let outcomes: Vec<&Outcome> = members.iter().map(|m| &self.outcomes[&m.candidate.key()]).collect();
        resolve::resolve(members, &outcomes, self.transcript).map_err(Stop::Rejected)
    }

    /// Why a required element cannot be used for the run image. An optional one is run all the same.
    fn unsatisfied_targets(&self, member: &Member) -> Option<String> {
        let targets = &member.descriptor.targets;
        let image = &self.conditions.target;
        let is_checked = self.conditions.platform_api.has_targets() && !member.candidate.optional;
        if !is_checked || targets.is_empty() || targets.iter().any(|target| satisfies(image, target)) {
            return None;
        }
        let image = go_json::to_string(image).expect("a target has nothing but strings");
        let targets = go_json::to_string(targets).expect("a target has nothing but strings");
        Some(format!(
            "unable to satisfy target os/arch constraints; run image: {image}, buildpack: {targets}"
        ))
    }
}

/// The groups of a composite buildpack.
fn nested_groups<E>(
    item: &Item,
    composite: &Candidate,
    descriptor: &Descriptor,
) -> Result<Vec<Vec<Item>>, DetectionError<E>> {
    let name = composite.to_string();
    if item.inside.contains(&name) {
        return Err(DetectionError::Cycle(name));
    }
    let mut inside = item.inside.clone();
    inside.push(name);
    let nested = |candidate| Item { element: ItemElement::Candidate(candidate), inside: inside.clone() };
    let groups = descriptor.order.iter();
    Ok(groups.map(|group| candidates(ElementKind::Buildpack, group).map(nested).collect()).collect())
}
