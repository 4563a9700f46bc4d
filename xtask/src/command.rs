//! Runs programs, from the root of the repository unless they say otherwise.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::IsTerminal as _;
use std::io::Write as _;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Output;
use std::process::Stdio;

use crate::Result;
use crate::workspace;

/// How many of the last lines of a program that failed its error has.
const LAST_LINES: usize = 200;

/// A program, to be run at the root of the repository with nothing to read.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root()).stdin(Stdio::null());
    command
}

/// The cargo that runs this.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = command(env!("CARGO"));
    // The place of a panic is enough: what was said before must not scroll away.
    command.args(arguments).env("RUST_BACKTRACE", "0");
    command
}

/// Runs a program that has to succeed. What it prints is shown; and again in the error, for those who read a log.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let (status, last) = if std::io::stdout().is_terminal() {
        (command.status().map_err(|error| not_started(command, &error))?, String::new())
    } else {
        run_for_log(command)?
    };
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}{last}", shown(command)).into()) }
}

/// Shows what a program prints and returns the last lines of it.
fn run_for_log(command: &mut Command) -> Result<(ExitStatus, String)> {
    let (output, input) = std::io::pipe()?;
    command.stdout(input.try_clone()?).stderr(input);
    let child = command.spawn();
    // The output ends when nobody has the other end of it any more.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.map_err(|error| not_started(command, &error))?;
    let mut last = VecDeque::new();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(&line)?;
        stdout.write_all(b"\n")?;
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(format!("\n{}", String::from_utf8_lossy(&line)));
    }
    Ok((child.wait()?, Vec::from(last).concat()))
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
