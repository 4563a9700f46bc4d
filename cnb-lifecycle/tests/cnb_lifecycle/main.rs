//! The programs of the crate, run as a platform runs them.

mod build;
mod concurrent;
mod counted;
mod damaged_cache;
mod detect_finish;
mod fixture;
mod joined;
mod launch_layers;
mod launcher;
mod lifecycle;
mod outcome;
mod phases;
mod platform;
mod recall;
mod registry_faults;
mod seen;
#[path = "../../../cnb-oci/tests/registry/server.rs"]
mod server;
mod shared_layers;
