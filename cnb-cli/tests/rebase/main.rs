//! `cnb rebase`: what it writes and sends, and what it says.

#![forbid(unsafe_code)]

mod archives;
mod images;
mod layouts;
mod platforms;
mod refused;
mod registries;
mod run;
#[path = "../../../cnb-oci/tests/registry/server.rs"]
mod server;
