//! What dropping a future does.

use futures_lite::future;

use crate::backend::MountKind;
use crate::backend::Step;
use crate::conformance::Failure;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::cache;
use crate::conformance::failure::equal;
use crate::conformance::recorder::Recorder;

cases! { cancel:
    frees_the_locks_of_the_step [Cancellation, CacheMounts],
    ends_the_processes_of_the_step [Cancellation, CacheMounts],
    leaves_the_input_tree_as_it_was [Cancellation],
    of_a_step_that_waits_frees_its_place [Cancellation, CacheMounts],
}

async fn frees_the_locks_of_the_step(target: &Target) -> Outcome {
    let step = target.step("write /cache/f 1 -- print started -- wait").await?;
    cancel_when_started(target, step.with_mount("/cache", cache("cancel-lock"))).await?;
    let step = target.step("cat /cache/f").await?.with_mount("/cache", cache("cancel-lock"));
    equal("the cache", target.succeed(step).await?.stdout.as_str(), "1")
}

async fn ends_the_processes_of_the_step(target: &Target) -> Outcome {
    let step = target.step("write /cache/ticks . -- print started -- tick /cache/ticks").await?;
    cancel_when_started(target, step.with_mount("/cache", cache("cancel-tick"))).await?;
    let step = target.step("cat /cache/ticks -- print | -- sleep 300 -- cat /cache/ticks").await?;
    let ran = target.succeed(step.with_mount("/cache", cache("cancel-tick"))).await?;
    let (before, after) = ran.stdout.split_once("|\n").unwrap_or_default();
    equal("ticks after the step was dropped", after.len(), before.len())
}

async fn leaves_the_input_tree_as_it_was(target: &Target) -> Outcome {
    let tree = target.tree(Vec::new()).await?;
    let step = target.step("write /out/f 1 -- print started -- wait").await?;
    cancel_when_started(target, step.with_mount("/out", MountKind::InOut(tree.clone()))).await?;
    equal("names in the input", target.names(&tree, "/").await?, [""; 0])
}

async fn of_a_step_that_waits_frees_its_place(target: &Target) -> Outcome {
    let holder = target.step("print started -- sleep 200").await?.with_mount("/c", cache("cancel-wait"));
    let waiter = target.step("write /c/waiter 1").await?.with_mount("/c", cache("cancel-wait"));
    let recorder = Recorder::default();
    let hold = target.backend.run(holder, &recorder);
    let give_up = async {
        recorder.printed("started").await;
        let mut waiting = target.backend.run(waiter, &crate::event::NoEvents);
        Ok(future::poll_once(&mut waiting).await.is_some())
    };
    let (output, ended) = future::try_zip(hold, give_up).await?;
    equal("exit code of the holder", output.exit_code, 0)?;
    equal("the waiter ran beside the holder", ended, false)?;
    let next = target.step("ls /c").await?.with_mount("/c", cache("cancel-wait"));
    equal("names in the cache", target.succeed(next).await?.stdout.as_str(), "")
}

/// Runs a step that never ends by itself and drops it after it printed `started`.
async fn cancel_when_started(target: &Target, step: Step) -> Outcome {
    let recorder = Recorder::default();
    let run = async {
        let ended = target.backend.run(step, &recorder).await;
        Err(Failure::new(format!("the step ended by itself: {ended:?}")))
    };
    let started = async {
        recorder.printed("started").await;
        Ok(())
    };
    future::or(run, started).await
}
