//! Caches between steps.

use futures_lite::future;

use crate::backend::ErrorKind;
use crate::backend::File;
use crate::backend::MountKind;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::USER;
use crate::conformance::bench::cache;
use crate::conformance::failure::equal;
use crate::conformance::failure::refused;
use crate::conformance::recorder::Recorder;
use crate::event::NoEvents;

cases! { cache:
    keeps_its_content_between_steps [CacheMounts],
    keeps_what_a_failed_step_wrote [CacheMounts],
    is_new_empty_and_the_users [CacheMounts, Users],
    has_nothing_of_another_cache [CacheMounts],
    is_had_by_one_step_at_a_time [CacheMounts],
    does_not_wait_for_another_cache [CacheMounts, Cancellation],
    is_not_in_an_output_around_it [CacheMounts],
    mounted_twice_in_a_step_is_refused [CacheMounts],
}

async fn keeps_its_content_between_steps(target: &Target) -> Outcome {
    keeps(target, &cache("keep")).await
}

async fn keeps_what_a_failed_step_wrote(target: &Target) -> Outcome {
    let step = target.step("write /c/f 1 -- exit 1").await?.with_mount("/c", cache("failed"));
    equal("exit code", target.run(step).await?.output.exit_code, 1)?;
    let step = target.step("cat /c/f").await?.with_mount("/c", cache("failed"));
    equal("the file", target.succeed(step).await?.stdout.as_str(), "1")
}

async fn is_new_empty_and_the_users(target: &Target) -> Outcome {
    is_the_users(target, cache("new")).await
}

async fn has_nothing_of_another_cache(target: &Target) -> Outcome {
    are_apart(target, ["one", "two", "three"].map(cache)).await
}

async fn is_had_by_one_step_at_a_time(target: &Target) -> Outcome {
    let first = target.step("write /c/f half -- print started -- sleep 200 -- write /c/f whole").await?;
    let first = first.with_mount("/c", cache("lock"));
    let second = target.step("cat /c/f").await?.with_mount("/c", cache("lock"));
    let recorder = Recorder::default();
    let one = async { Ok(target.backend.run(first, &recorder).await?) };
    let two = async {
        recorder.printed("started").await;
        target.succeed(second).await
    };
    let (_, seen) = future::try_zip(one, two).await?;
    equal("what the second step saw", seen.stdout.as_str(), "whole")
}

async fn does_not_wait_for_another_cache(target: &Target) -> Outcome {
    let holder = target.step("print started -- wait").await?.with_mount("/c", cache("held"));
    let other = target.step("print other").await?.with_mount("/c", cache("free"));
    let recorder = Recorder::default();
    let hold = async {
        let output = target.backend.run(holder, &recorder).await?;
        equal("exit code of a step that only waits", Some(output.exit_code), None)
    };
    let run = async {
        recorder.printed("started").await;
        target.succeed(other).await.map(drop)
    };
    future::or(hold, run).await
}

async fn is_not_in_an_output_around_it(target: &Target) -> Outcome {
    let tree = target.tree(vec![File::directory("/c")]).await?;
    let step = target.step("write /out/c/f 1").await?.with_mount("/out", MountKind::InOut(tree));
    let ran = target.succeed(step.with_mount("/out/c", cache("inside"))).await?;
    equal("names below the cache", target.names(ran.tree("/out")?, "/c").await?, [""; 0])
}

async fn mounted_twice_in_a_step_is_refused(target: &Target) -> Outcome {
    let step = target.step("exit 0").await?.with_mount("/a", cache("twice")).with_mount("/b", cache("twice"));
    refused("the step", target.backend.run(step, &NoEvents).await, ErrorKind::InvalidInput)
}

/// What is in a cache of any kind stays there, wherever it is mounted.
pub(super) async fn keeps(target: &Target, kept: &MountKind) -> Outcome {
    for expected in ["1", "11", "111"] {
        let step = target.step("append /c/f 1 -- cat /c/f").await?.with_mount("/c", kept.clone());
        equal("the file", target.succeed(step).await?.stdout.as_str(), expected)?;
    }
    let step = target.step("remove /c/f").await?.with_mount("/c", kept.clone());
    target.succeed(step).await?;
    let step = target.step("ls /elsewhere").await?.with_mount("/elsewhere", kept.clone());
    equal("names", target.succeed(step).await?.stdout.as_str(), "")
}

/// A new cache of any kind is empty, and the user of the step may write there.
pub(super) async fn is_the_users(target: &Target, new: MountKind) -> Outcome {
    let step = target.step("stat /c -- ls /c -- write /c/f 1").await?.with_user(USER);
    let ran = target.succeed(step.with_mount("/c", new)).await?;
    equal("the cache", ran.stdout.as_str(), "directory 0755 1001:1002\n")
}

/// Caches of one kind have nothing of each other.
pub(super) async fn are_apart(target: &Target, [one, two, three]: [MountKind; 3]) -> Outcome {
    let step = target.step("write /a/f a -- write /b/f b -- cat /a/f").await?;
    let step = step.with_mount("/a", one).with_mount("/b", two);
    equal("the first cache", target.succeed(step).await?.stdout.as_str(), "a")?;
    let step = target.step("ls /c").await?.with_mount("/c", three);
    equal("names in a third cache", target.succeed(step).await?.stdout.as_str(), "")
}
