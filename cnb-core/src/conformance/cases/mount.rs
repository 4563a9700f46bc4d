//! What is mounted into steps.

use crate::backend::ErrorKind;
use crate::backend::File;
use crate::backend::MountKind;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::USER;
use crate::conformance::bench::user_root;
use crate::conformance::failure::equal;
use crate::conformance::failure::refused;
use crate::event::NoEvents;

cases! { mount:
    of_a_read_only_tree_shows_it,
    of_a_read_only_tree_cannot_be_changed,
    hides_what_the_root_has_there,
    is_made_where_the_root_has_nothing,
    inside_another_is_on_top_whatever_the_order,
    inside_another_is_not_in_its_output,
    of_one_tree_twice_gives_two_copies,
    of_a_tmpfs_is_empty_and_forgotten,
    of_a_tmpfs_belongs_to_the_user [Users],
    at_an_impossible_target_is_refused,
    at_the_target_of_another_is_refused,
}

async fn of_a_read_only_tree_shows_it(target: &Target) -> Outcome {
    let files = vec![File::regular("/d/f", "text").with_mode(0o640), File::symlink("/l", "d/f")];
    let tree = target.tree(files).await?;
    let step = target.step("ls /in -- cat /in/l").await?.with_mount("/in", MountKind::ReadOnly(tree));
    equal("the output", target.succeed(step).await?.stdout.as_str(), "d\nl\ntext")
}

async fn of_a_read_only_tree_cannot_be_changed(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::regular("/f", "1")]).await?;
    for command in ["write /in/f 2", "write /in/new 2", "mkdir /in/d", "remove /in/f", "chmod 777 /in/f"] {
        let step = target.step(command).await?.with_mount("/in", MountKind::ReadOnly(tree.clone()));
        target.fail(step).await?;
    }
    equal("names", target.names(&tree, "/").await?, ["f"])?;
    equal("the file", target.text(&tree, "/f").await?, "1")
}

async fn hides_what_the_root_has_there(target: &Target) -> Outcome {
    let image = target.image().await?.root;
    let files = crate::backend::Part::Files(vec![File::regular("/place/old", "1")]);
    let copy = crate::backend::Part::Copy { tree: image, from: "/".to_owned(), to: "/".to_owned() };
    let mut step = target.step("ls /place").await?;
    step.root = target.backend.compose(vec![copy, files]).await?;
    let tree = target.tree(vec![File::regular("/new", "2")]).await?;
    let ran = target.succeed(step.clone()).await?;
    equal("names without the mount", ran.stdout.as_str(), "old\n")?;
    let ran = target.succeed(step.with_mount("/place", MountKind::ReadOnly(tree))).await?;
    equal("names", ran.stdout.as_str(), "new\n")
}

async fn is_made_where_the_root_has_nothing(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::regular("/f", "1")]).await?;
    let step = target.step("cat /no/such/place/f").await?;
    let step = step.with_mount("/no/such/place", MountKind::ReadOnly(tree));
    equal("the file", target.succeed(step).await?.stdout.as_str(), "1")
}

async fn inside_another_is_on_top_whatever_the_order(target: &Target) -> Outcome {
    let outer = target.tree(vec![File::regular("/in/hidden", "1"), File::directory("/tmp")]).await?;
    let inner = target.tree(vec![File::regular("/f", "2")]).await?;
    let step = target.step("ls /work/in -- cat /work/in/f -- write /work/tmp/t 1 -- ls /work").await?;
    let mounts = [
        ("/work/in", MountKind::ReadOnly(inner)),
        ("/work/tmp", MountKind::Tmpfs),
        ("/work", MountKind::InOut(outer)),
    ];
    let forward = mounts.iter().cloned().fold(step.clone(), |step, (at, kind)| step.with_mount(at, kind));
    let backward = mounts.iter().rev().cloned().fold(step, |step, (at, kind)| step.with_mount(at, kind));
    for step in [forward, backward] {
        equal("the output", target.succeed(step).await?.stdout.as_str(), "f\n2in\ntmp\n")?;
    }
    Ok(())
}

async fn inside_another_is_not_in_its_output(target: &Target) -> Outcome {
    let outer = target.tree(vec![File::regular("/in/hidden", "1")]).await?;
    let inner = target.tree(Vec::new()).await?;
    let step = target.step("write /work/in/new 2 -- write /work/f 3").await?;
    let step =
        step.with_mount("/work", MountKind::InOut(outer)).with_mount("/work/in", MountKind::InOut(inner));
    let ran = target.succeed(step).await?;
    let outer = ran.tree("/work")?;
    equal("names in the outer tree", target.names(outer, "/").await?, ["f", "in"])?;
    equal("names below the inner mount", target.names(outer, "/in").await?, ["hidden"])?;
    equal("names in the inner tree", target.names(ran.tree("/work/in")?, "/").await?, ["new"])
}

async fn of_one_tree_twice_gives_two_copies(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::regular("/f", "1")]).await?;
    let step = target.step("write /out/f 2 -- write /out/new 2 -- cat /in/f -- ls /in").await?;
    let step = step.with_mount("/out", MountKind::InOut(tree.clone()));
    let ran = target.succeed(step.with_mount("/in", MountKind::ReadOnly(tree))).await?;
    equal("the read-only mount", ran.stdout.as_str(), "1f\n")
}

async fn of_a_tmpfs_is_empty_and_forgotten(target: &Target) -> Outcome {
    for _ in 0..2 {
        let step = target.step("ls /scratch -- write /scratch/f 1 -- cat /scratch/f").await?;
        let ran = target.succeed(step.with_mount("/scratch", MountKind::Tmpfs)).await?;
        equal("the output", ran.stdout.as_str(), "1")?;
        equal("trees left", ran.output.outputs.len(), 0)?;
    }
    Ok(())
}

async fn of_a_tmpfs_belongs_to_the_user(target: &Target) -> Outcome {
    let outer = target.tree(vec![user_root(), File::directory("/tmp")]).await?;
    let step = target.step("write /out/tmp/f 1 -- stat /out/tmp/f").await?.with_user(USER);
    let step = step.with_mount("/out", MountKind::InOut(outer)).with_mount("/out/tmp", MountKind::Tmpfs);
    equal("the file", target.succeed(step).await?.stdout.as_str(), "file 0644 1001:1002 1\n")
}

async fn at_an_impossible_target_is_refused(target: &Target) -> Outcome {
    for place in ["relative", "", "/", "/a/../b"] {
        let step = target.step("exit 0").await?.with_mount(place, MountKind::Tmpfs);
        let result = target.backend.run(step, &NoEvents).await;
        refused(&format!("a mount at `{place}`"), result, ErrorKind::InvalidInput)?;
    }
    Ok(())
}

async fn at_the_target_of_another_is_refused(target: &Target) -> Outcome {
    let step = target.step("exit 0").await?.with_mount("/a", MountKind::Tmpfs);
    let result = target.backend.run(step.with_mount("/a", MountKind::Tmpfs), &NoEvents).await;
    refused("two mounts at one target", result, ErrorKind::InvalidInput)
}
