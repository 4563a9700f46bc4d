//! The output of steps.

use futures_lite::future;

use crate::conformance::Failure;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::failure::ensure;
use crate::conformance::failure::equal;
use crate::conformance::recorder::Recorder;
use crate::event::Event;
use crate::event::Stream;

cases! { streaming:
    sends_output_while_the_step_runs [Cancellation],
    tells_the_streams_apart,
    keeps_every_byte,
    sends_all_of_a_long_output_before_the_step_is_over [UnlimitedOutput],
    names_the_step,
}

async fn sends_output_while_the_step_runs(target: &Target) -> Outcome {
    let recorder = Recorder::default();
    let step = target.step("print early -- wait").await?;
    let run = async {
        let ended = target.backend.run(step, &recorder).await;
        Err(Failure::new(format!("the step ended by itself: {ended:?}")))
    };
    let seen = async {
        recorder.printed("early\n").await;
        Ok(())
    };
    future::or(run, seen).await
}

async fn tells_the_streams_apart(target: &Target) -> Outcome {
    let ran = target.succeed(target.step("print a -- complain b -- print c -- complain d").await?).await?;
    equal("standard output", ran.stdout.as_str(), "a\nc\n")?;
    equal("standard error", ran.stderr.as_str(), "b\nd\n")
}

async fn keeps_every_byte(target: &Target) -> Outcome {
    // Not UTF-8, a zero byte, a carriage return, and no newline at the end.
    let ran = target.succeed(target.step("bytes ff00c30d0a1b5b316d41").await?).await?;
    let expected = [0xff, 0, 0xc3, 0x0d, 0x0a, 0x1b, 0x5b, 0x31, 0x6d, 0x41];
    equal("standard output", ran.recorder.written(Stream::Stdout), expected)
}

async fn sends_all_of_a_long_output_before_the_step_is_over(target: &Target) -> Outcome {
    let ran = target.succeed(target.step("fill 1000000 -- print end").await?).await?;
    let output = ran.recorder.written(Stream::Stdout);
    equal("bytes of output", output.len(), 1_000_004)?;
    ensure(output.ends_with(b"xend\n"), "the end of the output is not what was written last")
}

async fn names_the_step(target: &Target) -> Outcome {
    let mut step = target.step("print a -- complain b").await?;
    "of this name".clone_into(&mut step.name);
    let ran = target.succeed(step).await?;
    let events = ran.recorder.events();
    let named = |event: &Event| matches!(event, Event::Output { step, .. } if step == "of this name");
    ensure(!events.is_empty() && events.iter().all(named), format!("events without the name: {events:?}"))
}
