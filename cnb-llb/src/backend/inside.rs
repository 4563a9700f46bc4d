//! What the helper does in the container of steps besides running them: it makes trees before, and layers after.

use std::sync::Arc;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
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
use cnb_core::helper::TreePart;
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
    /// The trees it makes.
    trees: Vec<Made>,
    /// The layers it makes, by where what they are made of is mounted.
    layers: Vec<(String, LayerPart)>,
}

/// A tree that a command makes.
#[derive(Debug)]
struct Made {
    /// Where it is mounted.
    target: String,
    /// The steps before which it is made.
    before: Vec<usize>,
    /// Out of what.
    input: Input,
}

/// What a tree is made of.
#[derive(Debug)]
enum Input {
    /// Files of a directory.
    Taken(Arc<Taken>),
    /// The same tree, somewhere else.
    Copied(Graph),
}

impl Input {
    /// What the helper has to do where it is mounted at `root`.
    fn part(&self, root: String) -> TreePart {
        match self {
            Self::Taken(taken) => taken.part(root),
            Self::Copied(_) => TreePart::Copy { root, from: "/".to_owned(), to: "/".to_owned() },
        }
    }

    fn mount(&self, target: String) -> crate::Mount {
        let mount = match self {
            Self::Taken(taken) => crate::Mount::bind(&taken.directory, target),
            Self::Copied(graph) => graph.mount(&target),
        };
        mount.read_only()
    }
}

impl Inside {
    /// Finds out what a command with these steps and mounts can do.
    pub(super) fn of(steps: &[Step], mounts: &[(Mount, User)]) -> Result<Self> {
        let mut inside = Self { trees: Vec::new(), layers: Vec::new() };
        for (mount, _) in mounts {
            let MountKind::InOut(tree) = &mount.kind else { continue };
            let graph = Graph::of(tree)?;
            let inner = format!("{}/", mount.target);
            // What is mounted inside has to be there before, in a tree that has to be empty.
            let is_empty = !mounts.iter().any(|(other, _)| other.target.starts_with(&inner));
            let of_root = steps.iter().any(|step| step.user.uid == 0);
            // Nothing can be hidden from user 0, who would find files that are to be left out.
            let taken = graph.taken.as_ref().filter(|taken| !(of_root && taken.leaves_out()));
            let before = beginnings(steps, &mount.target);
            let input = match taken {
                Some(taken) if is_empty => Input::Taken(Arc::clone(taken)),
                _ if before.len() < 2 => continue,
                _ if is_empty => Input::Copied(graph.clone()),
                _ => {
                    let message =
                        format!("a tree with mounts inside cannot be had again at {}", mount.target);
                    return Err(Error::new(ErrorKind::Unsupported, message));
                }
            };
            inside.trees.push(Made { target: mount.target.clone(), before, input });
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
        self.trees.iter().any(|made| made.target == target)
    }

    /// Says what the helper has to do besides running the processes of the steps.
    pub(super) fn plan(&self, plan: &mut RunPlan) {
        if !self.trees.is_empty() || !self.layers.is_empty() {
            plan.private.push(PRIVATE.to_owned());
        }
        for (number, made) in self.trees.iter().enumerate() {
            let tree = TreePlan { to: made.target.clone(), parts: vec![made.input.part(input(number))] };
            made.before.iter().for_each(|step| plan.processes[*step].trees.push(tree.clone()));
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
        for (number, made) in self.trees.iter().enumerate() {
            exec = exec.mount(made.input.mount(input(number)));
            exec = exec.mount(crate::Mount::bind(&empty(BELOW), &made.target).selector(BELOW));
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

/// The steps that begin with a tree of their own at a target.
fn beginnings(steps: &[Step], target: &str) -> Vec<usize> {
    let begins = |step: &Step| {
        step.mounts.iter().any(|mount| mount.target == target && matches!(mount.kind, MountKind::InOut(_)))
    };
    (0..steps.len()).filter(|number| begins(&steps[*number])).collect()
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
    use crate::ProxyEnv;
    use crate::backend::run::process;

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
    fn trees_that_are_had_again_are_made_again() {
        let tree = || MountKind::InOut(Graph::new(State::scratch(), BELOW).into_tree());
        let steps = [
            step(USER, vec![("/app", loaded(None)), ("/out", tree())]),
            step(USER, vec![("/out", MountKind::Carried)]),
            step(USER, vec![("/app", loaded(None)), ("/out", tree())]),
        ];
        let mounts: Vec<_> = steps[0].mounts.iter().map(|mount| (mount.clone(), USER)).collect();
        let inside = Inside::of(&steps, &mounts).expect("it is valid");
        let processes = steps.iter().map(|step| process(step, &mounts, &mut ProxyEnv::default()));
        let mut plan = RunPlan { processes: processes.collect(), ..RunPlan::default() };
        inside.plan(&mut plan);
        let made = |number: usize| plan.processes[number].trees.iter().map(|tree| tree.to.as_str());
        for (number, expected) in [(0, &["/app", "/out"][..]), (1, &[]), (2, &["/app", "/out"])] {
            assert_eq!(made(number).collect::<Vec<_>>(), expected, "{number}");
        }
        assert!(
            matches!(&plan.processes[2].trees[0].parts[..], [TreePart::Load { root, .. }] if *root == input(0))
        );
        assert!(
            matches!(&plan.processes[2].trees[1].parts[..], [TreePart::Copy { root, .. }] if *root == input(1))
        );

        let within: Vec<_> = mounts
            .into_iter()
            .chain([(Mount { target: "/out/x".to_owned(), kind: MountKind::Tmpfs }, USER)])
            .collect();
        assert_eq!(Inside::of(&steps, &within).expect_err("a mount inside").kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn layers_are_made_of_trees_that_steps_leave() {
        let ownership = Ownership { owner: USER, parents: Vec::new() };
        let part = LayerPart { from: "/".to_owned(), to: "/app".to_owned(), select: Select::Walk, ownership };
        let step = step(USER, vec![("/app", loaded(None)), ("/cache", MountKind::Tmpfs)]);
        let step = step.with_layer("/app", part.clone()).with_layer("/cache", part.clone());
        let step = step.with_layer("/nowhere", part.clone());
        let processes = vec![process(&step, &[], &mut ProxyEnv::default())];
        let mut plan = RunPlan { processes, ..RunPlan::default() };
        let inside = inside(step);
        inside.plan(&mut plan);
        let layers = plan.layers.expect("there is one").layers;
        assert_eq!(layers.len(), 1);
        assert_eq!(
            (layers[0].to.as_str(), &layers[0].content),
            (&*output(0), &planned("/app", part.clone()))
        );
        assert_eq!(plan.private, [PRIVATE]);
        let run = State::scratch().run(inside.mount(Exec::new(["helper"])));
        let made = inside.made(&run, "/app");
        assert_eq!((made.len(), &made[0].content), (1, &planned("", part)));
        assert!(inside.made(&run, "/cache").is_empty());
    }
}
