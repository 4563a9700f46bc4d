//! What the helper does in the container of steps besides running them: it makes trees before, and layers after.

use std::sync::Arc;

use cnb_core::backend::LayerPart;
use cnb_core::backend::Mount;
use cnb_core::backend::MountKind;
use cnb_core::backend::Result;
use cnb_core::backend::Step;
use cnb_core::backend::User;
use cnb_core::backend::check_path;
use cnb_core::helper::LayerPlan;
use cnb_core::helper::LayerPlanContent;
use cnb_core::helper::LayersPlan;
use cnb_core::helper::RunPlan;
use cnb_core::helper::TreePlan;

use super::compose::empty;
use super::finalize::DIFF_IDS;
use super::tree::Ahead;
use super::tree::BELOW;
use super::tree::Graph;
use super::tree::Taken;
use crate::Exec;
use crate::Run;
use crate::State;

/// What is for the helper alone.
const PRIVATE: &str = "/.cnb/private";
const REPORT: &str = "/.cnb/private/report";

/// What one command does besides.
#[derive(Debug)]
pub(super) struct Inside {
    /// The trees it makes, by where they are mounted.
    trees: Vec<(String, Arc<Taken>)>,
    /// The layers it makes, by where what they are made of is mounted.
    layers: Vec<(String, LayerPart)>,
}

impl Inside {
    /// Finds out what a command with these steps and mounts can do.
    pub(super) fn of(steps: &[Step], mounts: &[(Mount, User)]) -> Result<Self> {
        let mut inside = Self { trees: Vec::new(), layers: Vec::new() };
        for (mount, _) in mounts {
            let MountKind::InOut(tree) = &mount.kind else { continue };
            let inner = format!("{}/", mount.target);
            // What is mounted inside has to be there before, in a tree that has to be empty.
            let is_empty = !mounts.iter().any(|(other, _)| other.target.starts_with(&inner));
            let of_root = steps.iter().any(|step| step.user.uid == 0);
            // Nothing can be hidden from user 0, who would find files that are to be left out.
            let taken = Graph::of(tree)?.taken.as_ref().filter(|taken| !(of_root && taken.leaves_out()));
            if let Some(taken) = taken.filter(|_| is_empty) {
                inside.trees.push((mount.target.clone(), Arc::clone(taken)));
            }
        }
        for (target, part) in steps.iter().flat_map(|step| &step.layers) {
            check_path(&part.from)?;
            check_path(&part.to)?;
            let is_left = |(mount, _): &(Mount, User)| {
                mount.target == *target && matches!(mount.kind, MountKind::InOut(_))
            };
            if mounts.iter().any(is_left) {
                inside.layers.push((target.clone(), part.clone()));
            }
        }
        Ok(inside)
    }

    /// Whether the tree at a mount is made by the command.
    pub(super) fn makes(&self, target: &str) -> bool {
        self.trees.iter().any(|(made, _)| made == target)
    }

    /// Says what the helper has to do.
    pub(super) fn plan(&self, plan: &mut RunPlan) {
        if !self.trees.is_empty() || !self.layers.is_empty() {
            plan.private.push(PRIVATE.to_owned());
        }
        for (number, (target, taken)) in self.trees.iter().enumerate() {
            plan.trees.push(TreePlan { to: target.clone(), parts: vec![taken.part(input(number))] });
        }
        let layers = self.layers.iter().enumerate().map(|(number, (target, part))| LayerPlan {
            to: output(number),
            content: planned(target, part.clone()),
        });
        let report = format!("{REPORT}{DIFF_IDS}");
        plan.layers = (!self.layers.is_empty()).then(|| LayersPlan { layers: layers.collect(), report });
    }

    /// Mounts what is needed for it.
    pub(super) fn mount(&self, mut exec: Exec) -> Exec {
        for (number, (target, taken)) in self.trees.iter().enumerate() {
            exec = exec.mount(crate::Mount::bind(&taken.directory, input(number)).read_only());
            exec = exec.mount(crate::Mount::bind(&empty(BELOW), target).selector(BELOW));
        }
        for number in 0..self.layers.len() {
            exec = exec.mount(crate::Mount::bind(&State::scratch(), output(number)));
        }
        if self.layers.is_empty() {
            return exec;
        }
        exec.mount(crate::Mount::bind(&State::scratch(), REPORT))
    }

    /// The layers that are there when the command has run, of the tree at a mount.
    pub(super) fn made(&self, run: &Run, target: &str) -> Vec<Ahead> {
        let state = |target: &str| run.output(target).expect("it is mounted to be written");
        let numbered = self.layers.iter().enumerate().filter(|(_, (of, _))| of == target);
        let ahead = numbered.map(|(number, (_, part))| Ahead {
            content: planned("", part.clone()),
            files: state(&output(number)),
            report: Graph::new(state(REPORT), "/"),
            number,
        });
        ahead.collect()
    }
}

/// A part of the tree at a root as plans have it.
pub(super) fn planned(root: &str, part: LayerPart) -> LayerPlanContent {
    let LayerPart { from, to, select, ownership } = part;
    LayerPlanContent::Tree {
        root: root.to_owned(),
        from,
        at: to,
        select: select.into(),
        owner: ownership.owner,
        parents: ownership.parents.into_iter().map(Into::into).collect(),
    }
}

fn input(number: usize) -> String {
    format!("{PRIVATE}/in/{number}")
}

fn output(number: usize) -> String {
    format!("{PRIVATE}/out/{number}")
}

#[cfg(test)]
mod tests {
    use cnb_core::backend::Ownership;
    use cnb_core::backend::Select;

    use super::*;
    use crate::Local;

    const USER: User = User::new(1, 2);

    fn loaded(exclude: Option<Vec<String>>) -> MountKind {
        let directory = Local::new("context").state();
        let taken = Taken { directory: directory.clone(), owner: USER, include: None, exclude };
        let graph = Graph { taken: Some(Arc::new(taken)), ..Graph::new(directory, BELOW) };
        MountKind::InOut(graph.into_tree())
    }

    fn step(user: User, mounts: Vec<(&str, MountKind)>) -> Step {
        let root = Graph::new(State::scratch(), "/").into_tree();
        let step = Step::new("a step", root, ["/bin/true"]).with_user(user);
        mounts.into_iter().fold(step, |step, (target, kind)| step.with_mount(target, kind))
    }

    fn inside(step: Step) -> Inside {
        let mounts: Vec<_> = step.mounts.iter().map(|mount| (mount.clone(), step.user)).collect();
        Inside::of(&[step], &mounts).expect("it is valid")
    }

    #[test]
    fn commands_make_the_trees_that_they_change() {
        let left_out = || loaded(Some(vec!["secret".to_owned()]));
        assert!(inside(step(USER, vec![("/app", left_out())])).makes("/app"));
        assert!(inside(step(User::ROOT, vec![("/app", loaded(None))])).makes("/app"));
        let found = inside(step(User::ROOT, vec![("/app", left_out())]));
        assert!(!found.makes("/app"), "root would find what is left out");
        let mounts = vec![("/app", loaded(None)), ("/app/cache", MountKind::Tmpfs)];
        assert!(!inside(step(USER, mounts)).makes("/app"), "the tree would not be empty");
        let other = MountKind::InOut(Graph::new(State::scratch(), BELOW).into_tree());
        assert!(!inside(step(USER, vec![("/app", other)])).makes("/app"));
    }

    #[test]
    fn layers_are_made_of_trees_that_steps_leave() {
        let ownership = Ownership { owner: USER, parents: Vec::new() };
        let part = LayerPart { from: "/".to_owned(), to: "/app".to_owned(), select: Select::Walk, ownership };
        let step = step(USER, vec![("/app", loaded(None)), ("/cache", MountKind::Tmpfs)]);
        let step = step.with_layer("/app", part.clone()).with_layer("/cache", part.clone());
        let inside = inside(step.with_layer("/nowhere", part.clone()));
        let mut plan = RunPlan::default();
        inside.plan(&mut plan);
        let layers = plan.layers.expect("there is one").layers;
        assert_eq!(layers.len(), 1);
        assert_eq!(
            (layers[0].to.as_str(), &layers[0].content),
            (&*output(0), &planned("/app", part.clone()))
        );
        assert_eq!(plan.trees[0].to, "/app");
        assert_eq!(plan.private, [PRIVATE]);
        let run = State::scratch().run(inside.mount(Exec::new(["helper"])));
        let made = inside.made(&run, "/app");
        assert_eq!((made.len(), &made[0].content), (1, &planned("", part)));
        assert!(inside.made(&run, "/cache").is_empty());
    }
}
