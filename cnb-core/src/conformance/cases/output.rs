//! The trees that steps leave behind in-out mounts.

use crate::backend::EntryKind;
use crate::backend::File;
use crate::backend::MountKind;
use crate::backend::User;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::USER;
use crate::conformance::bench::user_root;
use crate::conformance::failure::equal;

cases! { output:
    holds_what_the_step_wrote,
    leaves_the_input_tree_as_it_was,
    can_be_the_input_of_the_next_step,
    is_one_tree_per_mount,
    lacks_what_the_step_removed,
    shows_a_directory_that_was_replaced,
    shows_a_directory_that_was_renamed,
    keeps_links_as_links,
    keeps_modes,
    is_there_when_the_step_fails [FailedOutputs],
    lacks_what_was_written_elsewhere,
    belongs_to_the_user_of_the_step [Users],
    keeps_the_owner_of_what_was_not_touched [Users],
}

async fn holds_what_the_step_wrote(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::regular("/old", "1")]).await?;
    let step = target.step("mkdir /out/d -- write /out/d/new 2 -- append /out/old +").await?;
    let ran = target.succeed(step.with_mount("/out", MountKind::InOut(tree))).await?;
    let output = ran.tree("/out")?;
    equal("a new file", target.text(output, "/d/new").await?, "2")?;
    equal("a changed file", target.text(output, "/old").await?, "1+")
}

async fn leaves_the_input_tree_as_it_was(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::regular("/old", "1"), File::regular("/gone", "2")]).await?;
    let step = target.step("write /out/old changed -- write /out/new x -- remove /out/gone").await?;
    target.succeed(step.with_mount("/out", MountKind::InOut(tree.clone()))).await?;
    equal("names in the input", target.names(&tree, "/").await?, ["gone", "old"])?;
    equal("a file of the input", target.text(&tree, "/old").await?, "1")
}

async fn can_be_the_input_of_the_next_step(target: &Target) -> Outcome {
    let mut tree = target.tree(Vec::new()).await?;
    for round in ["1", "2", "3"] {
        let step = target.step(&format!("append /out/rounds {round}")).await?;
        tree = target.succeed(step.with_mount("/out", MountKind::InOut(tree))).await?.tree("/out")?.clone();
    }
    equal("the file", target.text(&tree, "/rounds").await?, "123")
}

async fn is_one_tree_per_mount(target: &Target) -> Outcome {
    let empty = target.tree(Vec::new()).await?;
    let step = target.step("write /a/name a -- write /b/name b").await?;
    let step = step.with_mount("/a", MountKind::InOut(empty.clone()));
    let step = step.with_mount("/b", MountKind::InOut(empty.clone()));
    let ran = target.succeed(step.with_mount("/c", MountKind::ReadOnly(empty))).await?;
    equal("targets", ran.output.outputs.keys().collect::<Vec<_>>(), ["/a", "/b"])?;
    equal("the first tree", target.text(ran.tree("/a")?, "/name").await?, "a")?;
    equal("the second tree", target.text(ran.tree("/b")?, "/name").await?, "b")
}

async fn lacks_what_the_step_removed(target: &Target) -> Outcome {
    let files = vec![File::regular("/d/f", "1"), File::regular("/keep", "2"), File::regular("/file", "3")];
    let tree = target.tree(files).await?;
    let step = target.step("remove /out/d -- remove /out/file").await?;
    let ran = target.succeed(step.with_mount("/out", MountKind::InOut(tree))).await?;
    equal("names", target.names(ran.tree("/out")?, "/").await?, ["keep"])
}

async fn shows_a_directory_that_was_replaced(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::regular("/d/old", "1")]).await?;
    let step = target.step("remove /out/d -- mkdir /out/d -- write /out/d/new 2").await?;
    let ran = target.succeed(step.with_mount("/out", MountKind::InOut(tree))).await?;
    equal("names", target.names(ran.tree("/out")?, "/d").await?, ["new"])
}

async fn shows_a_directory_that_was_renamed(target: &Target) -> Outcome {
    let tree = target.tree(Vec::new()).await?;
    let step = target.step("mkdir /out/a -- write /out/a/f 1 -- rename /out/a /out/b").await?;
    let ran = target.succeed(step.with_mount("/out", MountKind::InOut(tree))).await?;
    let output = ran.tree("/out")?;
    equal("names", target.names(output, "/").await?, ["b"])?;
    equal("the file", target.text(output, "/b/f").await?, "1")
}

async fn keeps_links_as_links(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::symlink("/old", "/nowhere")]).await?;
    let step = target.step("symlink ../up /out/new").await?;
    let ran = target.succeed(step.with_mount("/out", MountKind::InOut(tree))).await?;
    let output = ran.tree("/out")?;
    for (name, link) in [("old", "/nowhere"), ("new", "../up")] {
        let kind = target.entry(output, "/", name).await?.kind;
        equal(name, kind, EntryKind::Symlink(link.to_owned()))?;
    }
    Ok(())
}

async fn keeps_modes(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::regular("/old", "").with_mode(0o640)]).await?;
    let commands = "write /out/file 1 -- chmod 2711 /out/file -- mkdir /out/dir -- chmod 1777 /out/dir";
    let ran = target.succeed(target.step(commands).await?.with_mount("/out", MountKind::InOut(tree))).await?;
    for (name, mode) in [("old", 0o640), ("file", 0o2711), ("dir", 0o1777)] {
        let found = target.entry(ran.tree("/out")?, "/", name).await?.mode;
        equal(name, format!("{found:o}"), format!("{mode:o}"))?;
    }
    Ok(())
}

async fn is_there_when_the_step_fails(target: &Target) -> Outcome {
    let tree = target.tree(Vec::new()).await?;
    let step = target.step("write /out/log why -- exit 3").await?;
    let ran = target.run(step.with_mount("/out", MountKind::InOut(tree))).await?;
    equal("exit code", ran.output.exit_code, 3)?;
    equal("the file", target.text(ran.tree("/out")?, "/log").await?, "why")
}

async fn lacks_what_was_written_elsewhere(target: &Target) -> Outcome {
    let tree = target.tree(Vec::new()).await?;
    let step = target.step("write /elsewhere 1 -- mkdir /d -- write /out/f 2").await?;
    let ran = target.succeed(step.with_mount("/out", MountKind::InOut(tree))).await?;
    equal("names", target.names(ran.tree("/out")?, "/").await?, ["f"])?;
    target.fail(target.step("stat /elsewhere").await?).await
}

async fn belongs_to_the_user_of_the_step(target: &Target) -> Outcome {
    let tree = target.tree(vec![user_root()]).await?;
    let step = target.step("mkdir /out/d -- write /out/d/f 1 -- symlink f /out/d/l").await?;
    let ran = target.succeed(step.with_user(USER).with_mount("/out", MountKind::InOut(tree))).await?;
    let output = ran.tree("/out")?;
    for (directory, name) in [("/", "d"), ("/d", "f"), ("/d", "l")] {
        equal(name, target.entry(output, directory, name).await?.owner, USER)?;
    }
    Ok(())
}

async fn keeps_the_owner_of_what_was_not_touched(target: &Target) -> Outcome {
    let other = User::new(7, 8);
    let files = vec![user_root(), File::regular("/old", "1").with_owner(other), File::regular("/roots", "2")];
    let tree = target.tree(files).await?;
    let step = target.step("write /out/new 1").await?;
    let ran = target.succeed(step.with_user(USER).with_mount("/out", MountKind::InOut(tree))).await?;
    for (name, owner) in [("old", other), ("roots", User::ROOT), ("new", USER)] {
        equal(name, target.entry(ran.tree("/out")?, "/", name).await?.owner, owner)?;
    }
    Ok(())
}
