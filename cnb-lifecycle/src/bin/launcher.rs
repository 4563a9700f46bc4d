//! The launcher: the first process of an application image.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = std::env::args_os().collect();
    ExitCode::from(cnb_lifecycle::program::launcher(arguments, std::env::vars_os().collect()))
}
