//! What cargo itself checks.

use std::collections::BTreeSet;

use crate::Result;
use crate::command::cargo;
use crate::command::read;
use crate::command::run;

pub(super) fn fmt() -> Result<()> {
    run(&mut cargo(["fmt", "--all", "--check"]))
}

pub(super) fn clippy() -> Result<()> {
    run(&mut cargo(["clippy", "--workspace", "--all-targets", "--all-features", "--", "--deny", "warnings"]))
}

pub(super) fn unit() -> Result<()> {
    run(&mut cargo(["test", "--workspace", "--all-features"]))
}

pub(super) fn doc() -> Result<()> {
    let mut doc = cargo(["doc", "--workspace", "--all-features", "--no-deps", "--exclude", "xtask"]);
    run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// `cargo add cnb-llb` must not bring in a runtime, a transport or the rest of the house.
pub(super) fn tree() -> Result<()> {
    let tree = read(&mut cargo(["tree", "--package", "cnb-llb", "--edges", "normal", "--prefix", "none"]))?;
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let forbidden = |name: &&&str| {
        matches!(**name, "tokio" | "tonic" | "oci-spec") || (name.starts_with("cnb-") && **name != "cnb-llb")
    };
    let found: Vec<&str> = crates.iter().filter(forbidden).copied().collect();
    println!("cnb-llb depends on {} crates", crates.len() - 1);
    if found.is_empty() { Ok(()) } else { Err(format!("cnb-llb depends on {}", found.join(", ")).into()) }
}
