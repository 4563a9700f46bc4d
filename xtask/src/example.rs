//! The examples, put together under `target/demo`.

use std::path::PathBuf;
use std::process::Command;

use crate::command::command;
use crate::programs;
use crate::workspace;

pub(crate) mod base;
pub(crate) mod bindings;
pub(crate) mod builder;
pub(crate) mod buildpacks;
pub(crate) mod bundle;
pub(crate) mod layout;
pub(crate) mod service;

/// Where everything is made.
pub(crate) fn directory() -> PathBuf {
    workspace::target().join("demo")
}

/// The OCI layout of the builder, its run image and the applications.
pub(crate) fn images() -> PathBuf {
    directory().join("images")
}

/// The name of an image in [`images`].
pub(crate) fn image(tag: &str) -> String {
    format!("oci:{}:{tag}", images().display())
}

/// The program `cnb`.
pub(crate) fn cnb() -> Command {
    command(programs::directory().join("cnb"))
}
