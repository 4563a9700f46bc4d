//! Steps one after another.

use std::collections::BTreeMap;

use crate::backend::ChainOutput;
use crate::backend::Entry;
use crate::backend::ErrorKind;
use crate::backend::File;
use crate::backend::MountKind;
use crate::backend::Step;
use crate::backend::Tree;
use crate::conformance::Failure;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::USER;
use crate::conformance::bench::cache;
use crate::conformance::failure::ensure;
use crate::conformance::failure::equal;
use crate::conformance::failure::refused;
use crate::conformance::recorder::Recorder;
use crate::event::Event;
use crate::event::NoEvents;

cases! { chain:
    carries_trees_from_step_to_step,
    gives_a_tree_again_as_it_was,
    gives_a_tree_again_with_its_owners [Users],
    ends_with_the_first_step_that_fails,
    goes_on_after_an_optional_step,
    tells_each_step_as_a_phase,
    hides_the_caches_of_other_steps [CacheMounts, Users],
    shares_a_cache_among_its_steps [CacheMounts],
    of_a_tree_that_nobody_left_is_refused,
}

async fn carries_trees_from_step_to_step(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::regular("/f", "1")]).await?;
    let one = step(target, "one", "append /out/f 2").await?.with_mount("/out", MountKind::InOut(tree));
    let two = step(target, "two", "append /out/f 3").await?.with_mount("/out", MountKind::Carried);
    let other = target.tree(Vec::new()).await?;
    let two = two.with_mount("/other", MountKind::InOut(other));
    let last = step(target, "three", "append /out/f 4 -- write /other/f x").await?;
    let last = last.with_mount("/out", MountKind::Carried).with_mount("/other", MountKind::Carried);
    let left = target.backend.run_chain(vec![one, two, last], &NoEvents).await?;
    equal("how it ended", (left.exit_code, left.ended_by.as_deref()), (0, None))?;
    equal("the file", target.text(tree_at(&left.outputs, "/out")?, "/f").await?, "1234")?;
    equal("the file of the other", target.text(tree_at(&left.outputs, "/other")?, "/f").await?, "x")
}

async fn gives_a_tree_again_as_it_was(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::regular("/d/f", "1").with_mode(0o640)]).await?;
    let again = || MountKind::InOut(tree.clone());
    let change = "append /out/d/f 2 -- write /out/new x";
    let one = step(target, "one", change).await?.with_mount("/out", again());
    let two = step(target, "two", "append /out/d/f 3").await?.with_mount("/out", again());
    let last = step(target, "three", "append /out/d/f 4").await?.with_mount("/out", MountKind::Carried);
    let left = target.backend.run_chain(vec![one, two, last], &NoEvents).await?;
    equal("how it ended", ended(&left), (0, None))?;
    let left = tree_at(&left.outputs, "/out")?;
    equal("the file", target.text(left, "/d/f").await?, "134")?;
    let names = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>();
    equal("what else is there", names(target.backend.list(left, "/").await?), ["d"])?;
    let file = target.backend.list(left, "/d").await?.remove(0);
    equal("its mode", file.mode & 0o777, 0o640)
}

async fn gives_a_tree_again_with_its_owners(target: &Target) -> Outcome {
    let root = File::directory("/").with_mode(0o750).with_owner(USER);
    let tree = target.tree(vec![root, File::regular("/f", "1").with_owner(USER)]).await?;
    let again = || MountKind::InOut(tree.clone());
    let one = step(target, "one", "append /out/f 2").await?.with_mount("/out", again());
    let two = step(target, "two", "append /out/f 3").await?.with_user(USER).with_mount("/out", again());
    let left = target.backend.run_chain(vec![one, two], &NoEvents).await?;
    equal("how it ended", ended(&left), (0, None))?;
    let left = tree_at(&left.outputs, "/out")?;
    equal("the file", target.text(left, "/f").await?, "13")?;
    equal("its owner", target.backend.list(left, "/").await?.remove(0).owner, USER)
}

async fn ends_with_the_first_step_that_fails(target: &Target) -> Outcome {
    let one = step(target, "one", "print one").await?;
    let two = step(target, "two", "exit 7").await?;
    let three = step(target, "three", "print three").await?;
    let recorder = Recorder::default();
    let left = target.backend.run_chain(vec![one, two, three], &recorder).await?;
    equal("how it ended", ended(&left), (7, Some("two")))?;
    let phase = |event: &Event| matches!(event, Event::PhaseStarted { phase } if phase == "three");
    ensure(!recorder.events().iter().any(phase), "the third step ran")
}

async fn goes_on_after_an_optional_step(target: &Target) -> Outcome {
    let tree = target.tree(Vec::new()).await?;
    let one = step(target, "one", "write /out/f 1 -- exit 7").await?.optional();
    let one = one.with_mount("/out", MountKind::InOut(tree));
    let two = step(target, "two", "cat /out/f").await?.with_mount("/out", MountKind::Carried);
    let left = target.backend.run_chain(vec![one, two], &NoEvents).await?;
    equal("how it ended", ended(&left), (0, None))?;
    equal("the file", target.text(tree_at(&left.outputs, "/out")?, "/f").await?, "1")
}

async fn tells_each_step_as_a_phase(target: &Target) -> Outcome {
    let recorder = Recorder::default();
    let steps = vec![step(target, "one", "print a").await?, step(target, "two", "print b").await?];
    target.backend.run_chain(steps, &recorder).await?;
    let told = recorder.events().into_iter().map(|event| match event {
        Event::PhaseStarted { phase } => format!("{phase} starts"),
        Event::PhaseFinished { phase, success } => format!("{phase} ends {success}"),
        Event::Output { step, bytes, .. } => format!("{step} {}", String::from_utf8_lossy(&bytes).trim_end()),
        other => format!("{other:?}"),
    });
    let expected = ["one starts", "one a", "one ends true", "two starts", "two b", "two ends true"];
    equal("what was told", told.collect::<Vec<_>>(), expected)
}

async fn hides_the_caches_of_other_steps(target: &Target) -> Outcome {
    let one =
        step(target, "one", "write /c/f 1").await?.with_user(USER).with_mount("/c", cache("chain-hidden"));
    let two = step(target, "two", "cat /c/f").await?.with_user(USER);
    let left = target.backend.run_chain(vec![one.clone(), two], &NoEvents).await?;
    ensure(left.exit_code != 0, "the second step read the cache of the first")?;
    let again =
        step(target, "again", "stat /c/f").await?.with_user(USER).with_mount("/c", cache("chain-hidden"));
    let left = target.backend.run_chain(vec![one, again], &NoEvents).await?;
    equal("how a chain with the cache ended", ended(&left), (0, None))
}

async fn shares_a_cache_among_its_steps(target: &Target) -> Outcome {
    let one = step(target, "one", "write /c/f 1").await?.with_mount("/c", cache("chain-shared"));
    let between = step(target, "between", "print nothing").await?;
    let two = step(target, "two", "append /c/f 2").await?.with_mount("/c", cache("chain-shared"));
    let left = target.backend.run_chain(vec![one, between, two], &NoEvents).await?;
    equal("how it ended", ended(&left), (0, None))?;
    let look = target.step("cat /c/f").await?.with_mount("/c", cache("chain-shared"));
    equal("the file", target.succeed(look).await?.stdout.as_str(), "12")
}

async fn of_a_tree_that_nobody_left_is_refused(target: &Target) -> Outcome {
    let one = step(target, "one", "print a").await?.with_mount("/out", MountKind::Carried);
    refused("the chain", target.backend.run_chain(vec![one], &NoEvents).await, ErrorKind::InvalidInput)
}

async fn step(target: &Target, name: &str, commands: &str) -> Result<Step, Failure> {
    let mut step = target.step(commands).await?;
    name.clone_into(&mut step.name);
    Ok(step)
}

fn ended(left: &ChainOutput) -> (i32, Option<&str>) {
    (left.exit_code, left.ended_by.as_deref())
}

fn tree_at<'a>(outputs: &'a BTreeMap<String, Tree>, target: &str) -> Result<&'a Tree, Failure> {
    outputs.get(target).ok_or_else(|| Failure::new(format!("the output has no tree for the mount {target}")))
}
