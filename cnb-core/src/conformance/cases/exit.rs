//! How steps end.

use crate::backend::ErrorKind;
use crate::backend::MountKind;
use crate::backend::Step;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::failure::ensure;
use crate::conformance::failure::equal;
use crate::conformance::failure::refused;
use crate::event::NoEvents;

cases! { exit:
    code_is_that_of_the_process,
    code_of_a_signal_is_128_and_its_number,
    of_a_program_that_does_not_exist_is_an_error,
    of_a_program_that_is_not_absolute_is_an_error,
}

async fn code_is_that_of_the_process(target: &Target) -> Outcome {
    for code in [0, 1, 7, 100, 255] {
        let ran = target.run(target.step(&format!("exit {code}")).await?).await?;
        equal("exit code", ran.output.exit_code, code)?;
    }
    Ok(())
}

async fn code_of_a_signal_is_128_and_its_number(target: &Target) -> Outcome {
    let code = target.run(target.step("abort").await?).await?.output.exit_code;
    // The kernel ignores SIGABRT for process 1 of a container; the C library then makes a SIGSEGV.
    ensure([128 + 6, 128 + 11].contains(&code), format!("expected 134 or 139, got {code}"))
}

async fn of_a_program_that_does_not_exist_is_an_error(target: &Target) -> Outcome {
    let root = target.image().await?.root;
    let step = Step::new("missing", root, ["/no/such/program"]);
    let tree = target.tree(Vec::new()).await?;
    let step = step.with_mount("/out", MountKind::InOut(tree));
    refused("the step", target.backend.run(step, &NoEvents).await, ErrorKind::InvalidInput)
}

async fn of_a_program_that_is_not_absolute_is_an_error(target: &Target) -> Outcome {
    let root = target.image().await?.root;
    for argv in [vec![Target::PROBE.trim_start_matches('/')], Vec::new()] {
        let step = Step::new("relative", root.clone(), argv);
        refused("the step", target.backend.run(step, &NoEvents).await, ErrorKind::InvalidInput)?;
    }
    Ok(())
}
