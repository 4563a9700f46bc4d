//! `cnb rebase`: what it writes and sends, and what it says.

#![forbid(unsafe_code)]

mod archives;
#[path = "../common/place.rs"]
mod directory;
#[expect(dead_code, reason = "no test needs all of it")]
#[path = "../common/done.rs"]
mod done;
mod images;
mod layouts;
mod platforms;
mod refused;
mod registries;
mod run;
#[path = "../../../cnb-oci/tests/registry/server.rs"]
mod server;
