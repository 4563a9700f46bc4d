//! The launcher: the first process of an application image.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use cnb_lifecycle::launch::program;

fn main() -> ExitCode {
    let warn = |message: &str| print(&format!("Warning: {message}"));
    let Err(error) = program::run(std::env::args_os(), std::env::vars_os().collect(), warn);
    print(&format!("ERROR: {}", with_causes(&error)));
    ExitCode::from(error.exit_code())
}

/// The Go launcher writes all its messages to standard output.
fn print(line: &str) {
    // There is nobody left to tell when standard output is closed.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
