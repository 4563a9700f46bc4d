//! The program `cnb` as people meet it: its messages, its exit codes, and what it leaves behind.
//!
//! Containers run for real. The tests need root, an OCI runtime, a static busybox, and in
//! `CNB_TEST_PROGRAMS` the directory of the static programs: `cargo xtask test cli` sees to all of them.

#![forbid(unsafe_code)]

mod cache;
mod cancel;
mod descriptor;
mod disk;
#[expect(dead_code, reason = "the tests of cnb-oci start it with TLS, too")]
#[path = "../../../cnb-oci/tests/registry/distribution.rs"]
mod distribution;
#[expect(dead_code, reason = "no test needs all of it")]
#[path = "../common/done.rs"]
mod done;
mod environment;
mod fixture;
mod images;
mod layout;
mod machine;
mod output;
mod parallel;
mod phases;
mod place;
mod processes;
#[expect(dead_code, reason = "the tests of cnb-lifecycle need more of it")]
#[path = "../../../cnb-lifecycle/tests/faults/random.rs"]
mod random;
mod registry;
mod reproducible;
mod reuse;
mod secrets;
#[path = "../../../cnb-oci/tests/registry/server.rs"]
mod server;
