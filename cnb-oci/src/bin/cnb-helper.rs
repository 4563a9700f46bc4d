//! What a backend has done in its containers by a plan: `cnb-helper run|tree|layers PLAN`. Built statically, so
//! that it runs in any root file system of the same architecture.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = cnb_oci::helper::main(std::env::args_os(), &|name| std::env::var_os(name));
    let code = done.unwrap_or_else(|error| {
        // Whoever closed standard error does not want to know.
        let _ = writeln!(std::io::stderr(), "cnb-helper: {}", cnb_oci::helper::sentence(&error));
        cnb_core::helper::exit_code(error.kind())
    });
    ExitCode::from(code)
}
