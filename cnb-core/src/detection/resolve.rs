//! Whether a group passes, when the outcome of each of its elements is known.

use crate::buildpack::group::Group;
use crate::buildpack::group::GroupElement;
use crate::buildpack::plan::ElementKind;

use super::Candidate;
use super::Descriptor;
use super::Detected;
use super::Level;
use super::Outcome;
use super::Transcript;
use super::Verdict;
use super::trial;
use super::trial::Choice;

/// An element of the group that is decided about.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) candidate: Candidate,
    pub(super) descriptor: Descriptor,
}

/// The group does not pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rejection {
    /// Because of what the elements said.
    Failed,
    /// And a required or an optional element had an error.
    Errored,
}

/// Decides about the group; `outcomes` are those of the members, in their order.
///
/// Source: `DefaultDetectResolver` in the Go lifecycle's `phase/detector.go`.
pub(super) fn resolve(
    members: &[Member],
    outcomes: &[&Outcome],
    transcript: &mut Transcript,
) -> Result<Detected, Rejection> {
    for (member, outcome) in members.iter().zip(outcomes) {
        tell_output(&member.candidate, outcome, transcript);
    }
    let passed = passed(members, outcomes, transcript)?;
    let solution = trial::solve(&passed, transcript).ok_or(Rejection::Failed)?;
    let elements: Vec<&Member> = solution.elements.iter().map(|index| &members[*index]).collect();
    tell_group(&elements, members.len(), transcript);
    let of_kind = |kind| {
        let elements = elements.iter().filter(|member| member.candidate.kind == kind);
        elements.map(|member| group_element(member)).collect()
    };
    Ok(Detected {
        group: Group {
            buildpacks: of_kind(ElementKind::Buildpack),
            extensions: of_kind(ElementKind::Extension),
        },
        plan: solution.plan,
    })
}

fn tell_output(candidate: &Candidate, outcome: &Outcome, transcript: &mut Transcript) {
    let level = match outcome.verdict {
        Verdict::Pass(_) | Verdict::Fail => Level::Debug,
        Verdict::Error { .. } => Level::Info,
    };
    if !outcome.output.is_empty() {
        transcript.add(level, format!("======== Output: {candidate} ========"));
        transcript.add(level, String::from_utf8_lossy(&outcome.output));
    }
    if let Verdict::Error { message: Some(message), .. } = &outcome.verdict {
        transcript.add(level, format!("======== Error: {candidate} ========"));
        transcript.add(level, message);
    }
}

/// The elements that pass with their plans, if all required ones do and there is a buildpack among them.
fn passed(
    members: &[Member],
    outcomes: &[&Outcome],
    transcript: &mut Transcript,
) -> Result<Vec<Choice>, Rejection> {
    transcript.debug("======== Results ========");
    let mut choices = Vec::new();
    let mut all_required_pass = true;
    let mut rejection = Rejection::Failed;
    for (index, (member, outcome)) in members.iter().zip(outcomes).enumerate() {
        let candidate = &member.candidate;
        match &outcome.verdict {
            Verdict::Pass(plan) => {
                transcript.debug(format!("pass: {candidate}"));
                choices.push(Choice { index, candidate: candidate.clone(), sections: plan.sections() });
                continue;
            }
            Verdict::Fail if candidate.optional => transcript.debug(format!("skip: {candidate}")),
            Verdict::Fail => transcript.debug(format!("fail: {candidate}")),
            Verdict::Error { code, .. } => {
                let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
                transcript.info(format!("err:  {candidate}{code}"));
                rejection = Rejection::Errored;
            }
        }
        all_required_pass &= candidate.optional;
    }
    if !all_required_pass {
        return Err(rejection);
    }
    if !choices.iter().any(|choice| choice.candidate.kind == ElementKind::Buildpack) {
        transcript.debug("fail: no viable buildpacks in group");
        return Err(Rejection::Failed);
    }
    Ok(choices)
}

fn tell_group(elements: &[&Member], count: usize, transcript: &mut Transcript) {
    if elements.len() != count {
        transcript.info(format!("{} of {count} buildpacks participating", elements.len()));
    }
    let length = |member: &&Member| member.candidate.id.as_str().chars().count();
    let width = elements.iter().map(length).max().unwrap_or_default();
    for Member { candidate, .. } in elements {
        transcript.info(format!("{:width$} {}", candidate.id, candidate.version));
    }
}

fn group_element(member: &Member) -> GroupElement {
    GroupElement {
        id: member.candidate.id.clone(),
        version: member.candidate.version.clone(),
        api: member.descriptor.api.clone(),
        homepage: member.descriptor.homepage.clone(),
        optional: false,
    }
}
