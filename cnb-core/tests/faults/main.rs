//! Proves that the conformance suite catches what it is there for: a wrapper does one thing wrong at a time.

use std::sync::Arc;
use std::time::Duration;

use cnb_core::conformance;
use cnb_core::conformance::Report;
use cnb_core::conformance::Target;
use cnb_core::conformance::memory_probe::MemoryProbe;
use cnb_core::image_name::ImageName;
use cnb_core::memory::Memory;
use futures_lite::future::block_on;

mod faulty;
mod handle;

use faulty::Fault;
use faulty::Faulty;

/// Each fault, and a case that has to catch it.
const CAUGHT_BY: &[(Fault, &str)] = &[
    (Fault::CachesAreShared, "cache::has_nothing_of_another_cache"),
    (Fault::DropDoesNotCancel, "cancel::frees_the_locks_of_the_step"),
    (Fault::EnvironmentIsInherited, "process::has_exactly_the_environment_given"),
    (Fault::ExitCodeIsSwallowed, "exit::code_is_that_of_the_process"),
    (Fault::HomeIsThatOfRoot, "process::has_the_home_of_its_user"),
    (Fault::InputTreeIsWritten, "output::leaves_the_input_tree_as_it_was"),
    (Fault::ManifestDigestIsWrong, "export::gives_the_digests_that_are_found_again"),
    (Fault::OldTagIsKept, "export::replaces_the_image_of_the_same_name"),
    (Fault::OutputIsBuffered, "streaming::sends_output_while_the_step_runs"),
    (Fault::OutputIsOwnedByRoot, "output::belongs_to_the_user_of_the_step"),
    (Fault::ReadOnlyIsWritable, "mount::of_a_read_only_tree_cannot_be_changed"),
    (Fault::SecretIsInError, "secret::does_not_show_in_an_error"),
    (Fault::SecretIsInEvent, "secret::does_not_show_in_events_unless_printed"),
    (Fault::SharedCachesAreExclusive, "shared_cache::is_had_by_several_steps_at_a_time"),
];

#[test]
fn without_a_fault_every_case_passes() {
    let report = run(None, Duration::from_secs(60));
    assert!(report.failed.is_empty(), "{report}");
    assert!(report.passed.len() > 100, "{report}");
}

#[test]
fn every_fault_is_caught() {
    for &(fault, case) in CAUGHT_BY {
        // Cases that hang because of the fault end after this; the others need no time.
        let report = run(Some(fault), Duration::from_secs(1));
        let caught: Vec<&str> = report.failed.iter().map(|(name, _)| *name).collect();
        println!("{fault:?} is caught by {}", caught.join(", "));
        assert!(caught.contains(&case), "{case} does not catch {fault:?}:\n{report}");
    }
}

fn run(fault: Option<Fault>, patience: Duration) -> Report {
    let root = name("root");
    let files = vec![Memory::executable(Target::PROBE, "probe")];
    let memory = Memory::new().with_program("probe", MemoryProbe).with_image(&root, files);
    let target = Target::new(Arc::new(Faulty::new(memory, fault)), root)
        .with_output(name)
        .with_reachable("192.0.2.1:80".parse().expect("an address"))
        .with_patience(patience);
    block_on(conformance::run(&target))
}

fn name(tag: &str) -> ImageName {
    format!("memory:{tag}").parse().expect("a transport and a name")
}
