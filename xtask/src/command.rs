//! Runs programs, from the root of the repository unless they say otherwise.

use std::ffi::OsStr;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use crate::Result;
use crate::workspace;

/// A program, to be run at the root of the repository with nothing to read.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root()).stdin(Stdio::null());
    command
}

/// The cargo that runs this.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = command(env!("CARGO"));
    command.args(arguments);
    command
}

/// Runs a program that has to succeed. What it prints is shown.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", shown(command)).into()) }
}

/// Runs a program that has to succeed, and returns its standard output.
///
/// # Errors
/// When it cannot be started, fails, or prints something that is not text.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = capture(command)?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} failed: {}\n{}", shown(command), output.status, stderr.trim_end()).into())
}

/// Runs a program to its end, whatever that is.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn capture(command: &mut Command) -> Result<Output> {
    command.output().map_err(|error| not_started(command, &error).into())
}

fn not_started(command: &Command, error: &std::io::Error) -> String {
    format!("cannot run {}: {error}", shown(command))
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    format!("`{}`", words.join(" "))
}
