//! The commands of this repository.
//!
//! ```text
//! cargo xtask test [STAGE...]   everything, or the named stages
//! ```

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that people read")]

use std::process::ExitCode;

mod command;
mod debian;
mod programs;
mod test;
mod workspace;

/// What any part of a command fails with: one sentence for the person who runs it.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["test", stages @ ..] => test::run(stages),
        ["help" | "--help" | "-h"] => {
            println!("{}", usage());
            Ok(())
        }
        _ => Err(usage().into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    format!("usage: cargo xtask test [STAGE...]\n\nstages:\n{}", test::list())
}
