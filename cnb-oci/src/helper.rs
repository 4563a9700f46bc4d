//! The program `cnb-helper`, which does in the containers of a backend what [`cnb_core::helper`] describes.
//!
//! It is meant to be root in a container of its own: it gives files to users, becomes them, and where it is the
//! first process of its namespace, it ends what processes leave behind. When it ends, however it does, the kernel
//! ends everything in such a container; that is how work is cancelled.

use std::error::Error as _;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use rustix::fs::Mode;
use serde::de::DeserializeOwned;

mod files;
mod hidden;
mod layers;
mod owned;
mod run;
mod tree;

use crate::tree::Owners;
use crate::tree::error::at;

/// The whole of the program `cnb-helper` but for what it says. `environment` finds variables of its own
/// environment. Returns the exit code of the processes that it ran, or 0.
///
/// Changes the umask of this process; `run` also forswears new privileges and waits for all children.
///
/// # Errors
/// Of the kind that [`cnb_core::helper::exit_code`] has a code for.
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<u8> {
    let arguments: Vec<OsString> = arguments.into_iter().skip(1).collect();
    let [command, path] = arguments.as_slice() else { return Err(usage()) };
    rustix::process::umask(Mode::from_raw_mode(0o022));
    match command.to_str() {
        Some("layers") => layers::make(&plan(path)?, Owners::Asked).map(|()| 0),
        Some("run") => run::run(&plan(path)?, environment),
        Some("tree") => tree::make(&plan(path)?, Owners::Asked).map(|()| 0),
        _ => Err(usage()),
    }
}

/// An error and its causes in one line.
pub fn sentence(error: &Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |sentence, cause| format!("{sentence}: {cause}"))
}

fn usage() -> Error {
    Error::new(ErrorKind::InvalidInput, "usage: cnb-helper run|tree|layers PLAN")
}

fn plan<T: DeserializeOwned>(path: &OsStr) -> Result<T> {
    let path = Path::new(path);
    let bytes = fs::read(path).map_err(at("read the plan", path))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, format!("{} is not such a plan", path.display()))
            .with_source(error)
    })
}
