//! The processes that phases start: programs of buildpacks.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::io::Read as _;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;

use cnb_core::environment::Environment;

/// A process to start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Process {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where it starts.
    pub directory: PathBuf,
    /// All of its environment.
    pub environment: Environment,
}

/// Runs processes.
pub trait ProcessRunner: fmt::Debug {
    /// Runs a process to its end.
    ///
    /// # Errors
    /// When it cannot be started; that it fails is no error.
    fn run(&self, process: &Process) -> io::Result<ExitStatus>;
}

/// Runs processes, several at a time, whose output somebody wants to have.
pub trait CapturingRunner: fmt::Debug + Sync {
    /// Runs a process to its end and returns what it wrote to both its streams, in order.
    ///
    /// # Errors
    /// When it cannot be started; that it fails is no error.
    fn capture(&self, process: &Process) -> io::Result<(ExitStatus, Vec<u8>)>;
}

/// Runs processes beside this one, without input. All their output goes to our standard output.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

impl ProcessRunner for Local {
    fn run(&self, process: &Process) -> io::Result<ExitStatus> {
        let output = io::stdout().as_fd().try_clone_to_owned()?;
        command(process).stdout(Stdio::inherit()).stderr(output).status()
    }
}

impl CapturingRunner for Local {
    fn capture(&self, process: &Process) -> io::Result<(ExitStatus, Vec<u8>)> {
        let (mut reader, writer) = io::pipe()?;
        let mut child = {
            // The writing ends of the command are closed with it: reading ends when the child is done.
            let mut command = command(process);
            command.stdout(writer.try_clone()?).stderr(writer).spawn()?
        };
        let mut output = Vec::new();
        reader.read_to_end(&mut output)?;
        Ok((child.wait()?, output))
    }
}

fn command(process: &Process) -> Command {
    let mut command = Command::new(&process.program);
    command
        .args(&process.arguments)
        .current_dir(&process.directory)
        .env_clear()
        .envs(process.environment.iter())
        .stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_streams_are_captured_in_order() {
        let process = Process {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), "echo out; echo err >&2; cat; echo $NAME; exit 3".into()],
            directory: "/".into(),
            environment: Environment::from_iter([("NAME", "value")]),
        };
        let (status, output) = Local.capture(&process).expect("a shell");
        assert_eq!(status.code(), Some(3));
        assert_eq!(output, b"out\nerr\nvalue\n");
    }
}
