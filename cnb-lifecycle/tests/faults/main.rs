//! What the program `lifecycle` leaves when it is killed, and when disks are full or must not be written.
//!
//! These tests need root and strace: `cargo xtask test faults` sees to both.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "who repeats a failure needs its seed")]

#[path = "../cnb_lifecycle/build.rs"]
mod build;
mod disks;
mod kills;
#[path = "../cnb_lifecycle/outcome.rs"]
mod outcome;
mod random;
mod small_disk;
mod strace;
