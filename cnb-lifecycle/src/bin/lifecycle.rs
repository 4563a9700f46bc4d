//! The lifecycle: every phase of a build, chosen by the name of the program or its first argument.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(cnb_lifecycle::program::main(std::env::args_os().collect(), std::env::vars_os().collect()))
}
