//! Caches that several steps have at the same time.

use futures_lite::future;

use super::cache::are_apart;
use super::cache::is_the_users;
use super::cache::keeps;
use crate::backend::ErrorKind;
use crate::backend::Step;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::USER;
use crate::conformance::bench::cache;
use crate::conformance::bench::shared_cache;
use crate::conformance::failure::ensure;
use crate::conformance::failure::equal;
use crate::conformance::failure::refused;
use crate::conformance::recorder::Recorder;
use crate::event::NoEvents;

cases! { shared_cache:
    keeps_its_content_between_steps [SharedCacheMounts],
    is_new_empty_and_the_users [SharedCacheMounts, Users],
    is_had_by_several_steps_at_a_time [SharedCacheMounts, Cancellation],
    has_nothing_of_another_cache [SharedCacheMounts],
    is_shared_among_the_steps_of_a_chain [SharedCacheMounts],
    is_hidden_from_other_steps_of_a_chain [SharedCacheMounts, Users],
    mounted_twice_in_a_step_is_refused [SharedCacheMounts],
}

async fn keeps_its_content_between_steps(target: &Target) -> Outcome {
    keeps(target, &shared_cache("s-keep")).await
}

async fn is_new_empty_and_the_users(target: &Target) -> Outcome {
    is_the_users(target, shared_cache("s-new")).await
}

async fn is_had_by_several_steps_at_a_time(target: &Target) -> Outcome {
    let with_cache = |step: Step| step.with_mount("/c", shared_cache("s-several"));
    let holder = with_cache(target.step("write /c/one 1 -- print started -- wait").await?);
    let second = with_cache(target.step("cat /c/one -- write /c/two 2").await?);
    let third = with_cache(target.step("cat /c/two -- rename /c/two /c/three -- ls /c").await?);
    let recorder = Recorder::default();
    let hold = async {
        let output = target.backend.run(holder, &recorder).await?;
        equal("exit code of a step that only waits", Some(output.exit_code), None)
    };
    let run = async {
        recorder.printed("started").await;
        equal("what the second step saw", target.succeed(second).await?.stdout.as_str(), "1")?;
        equal("what the third step saw", target.succeed(third).await?.stdout.as_str(), "2one\nthree\n")
    };
    future::or(hold, run).await
}

async fn has_nothing_of_another_cache(target: &Target) -> Outcome {
    are_apart(target, ["s-one", "s-two", "s-three"].map(shared_cache)).await
}

async fn is_shared_among_the_steps_of_a_chain(target: &Target) -> Outcome {
    let with_cache = |step: Step| step.with_mount("/c", shared_cache("s-chain"));
    let one = with_cache(target.step("write /c/f 1").await?);
    let between = target.step("print nothing").await?;
    let two = with_cache(target.step("append /c/f 2").await?);
    let left = target.backend.run_chain(vec![one, between, two], &NoEvents).await?;
    equal("exit code", left.exit_code, 0)?;
    let look = with_cache(target.step("cat /c/f").await?);
    equal("the file", target.succeed(look).await?.stdout.as_str(), "12")
}

async fn is_hidden_from_other_steps_of_a_chain(target: &Target) -> Outcome {
    let one = target.step("write /c/f 1").await?.with_user(USER);
    let one = one.with_mount("/c", shared_cache("s-hidden"));
    let two = target.step("cat /c/f").await?.with_user(USER);
    let left = target.backend.run_chain(vec![one, two], &NoEvents).await?;
    ensure(left.exit_code != 0, "the second step read the cache of the first")
}

async fn mounted_twice_in_a_step_is_refused(target: &Target) -> Outcome {
    for kind in [cache, shared_cache] {
        let step = target.step("exit 0").await?.with_mount("/a", kind("s-twice"));
        let step = step.with_mount("/b", shared_cache("s-twice"));
        refused("the step", target.backend.run(step, &NoEvents).await, ErrorKind::InvalidInput)?;
    }
    Ok(())
}
