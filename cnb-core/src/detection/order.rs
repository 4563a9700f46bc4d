//! What is tried: order.toml and system.toml together.

use crate::buildpack::order::Order;
use crate::buildpack::order::OrderElement;
use crate::buildpack::order::OrderGroup;
use crate::buildpack::plan::ElementKind;
use crate::buildpack::system::System;
use crate::buildpack::system::SystemBuildpack;

use super::Candidate;

/// The groups to try, with the buildpacks of the system in each of them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DetectionOrder {
    pub(super) groups: Vec<Vec<Candidate>>,
    pub(super) extensions: Vec<Vec<Candidate>>,
}

impl DetectionOrder {
    /// Puts the buildpacks of the system at both ends of each group that does not have them already, in any
    /// version.
    ///
    /// Source: `mergeSystemBuildpacks` in the Go lifecycle's `phase/hermetic_factory.go`.
    pub fn new(order: &Order, system: &System) -> Self {
        let groups = order.order.iter().map(|group| {
            let missing = |buildpacks: &[SystemBuildpack]| missing_in(group, buildpacks);
            let mut elements = missing(&system.pre.buildpacks);
            elements.extend(candidates(ElementKind::Buildpack, group));
            elements.extend(missing(&system.post.buildpacks));
            elements
        });
        let extensions = order.order_extensions.iter().map(|group| {
            candidates(ElementKind::Extension, group).map(|c| Candidate { optional: true, ..c }).collect()
        });
        Self { groups: groups.collect(), extensions: extensions.collect() }
    }

    /// Whether there are image extensions to try.
    pub fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// Every element of every group, buildpacks first. Those inside of composite buildpacks are not among them.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.groups.iter().chain(&self.extensions).flatten()
    }
}

/// The elements of one group as candidates.
pub(super) fn candidates(kind: ElementKind, group: &OrderGroup) -> impl Iterator<Item = Candidate> {
    group.group.iter().map(move |element| Candidate::new(kind, element))
}

fn missing_in(group: &OrderGroup, buildpacks: &[SystemBuildpack]) -> Vec<Candidate> {
    let is_missing = |id| !group.group.iter().any(|element: &OrderElement| element.id == id);
    let missing = buildpacks.iter().filter(|buildpack| is_missing(buildpack.id.clone()));
    let candidate = |buildpack: &SystemBuildpack| Candidate {
        kind: ElementKind::Buildpack,
        id: buildpack.id.clone(),
        version: buildpack.version.clone(),
        optional: false,
    };
    missing.map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn system_buildpacks_are_added_where_they_are_missing() {
        let order = "order = [{group = [{id = 'a', version = '1'}]}, {group = [{id = 'pre', version = '0'}]}]\n\
                     order-extensions = [{group = [{id = 'e', version = '1'}]}]";
        let system = "[[system.pre.buildpacks]]\nid = 'pre'\nversion = '1'\n\
                      [[system.post.buildpacks]]\nid = 'post'\nversion = '2'\noptional = true";
        let order = DetectionOrder::new(
            &Order::read(Path::new("order.toml"), order).expect("an order"),
            &System::read(Path::new("system.toml"), system).expect("a system"),
        );
        let names: Vec<String> = order.candidates().map(ToString::to_string).collect();
        assert_eq!(names, ["pre@1", "a@1", "post@2", "pre@0", "post@2", "e@1"]);
        assert!(order.groups.iter().flatten().all(|candidate| !candidate.optional));
        assert!(order.has_extensions() && order.extensions[0][0].optional);
    }
}
