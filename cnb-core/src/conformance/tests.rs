//! The suite against the backend in memory.

use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::block_on;

use super::memory_probe::MemoryProbe;
use super::*;
use crate::memory::Memory;

fn memory() -> Memory {
    let root = "memory:root".parse().expect("a name");
    Memory::new()
        .with_program("probe", MemoryProbe)
        .with_image(&root, vec![Memory::executable(Target::PROBE, "probe")])
}

#[test]
fn the_memory_backend_passes() {
    let root = "memory:root".parse().expect("a name");
    let target = Target::new(Arc::new(memory()), root)
        .with_output(|name| format!("memory:{name}").parse().expect("a name"))
        .with_reachable("192.0.2.1:80".parse().expect("an address"))
        .with_patience(Duration::from_secs(10));
    let report = block_on(run(&target));
    println!("{report}");
    assert!(report.failed.is_empty(), "{report}");
}

#[test]
fn no_two_cases_have_one_name() {
    let mut names: Vec<&str> = cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}
