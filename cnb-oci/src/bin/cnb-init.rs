//! The first process in a container of the local backend. Built statically, so that it runs in any root file
//! system of the same architecture.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    cnb_oci::local::init::main(std::env::args_os())
}
