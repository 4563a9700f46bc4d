//! The processes that phases start: programs of buildpacks.

use std::ffi::OsString;
use std::fmt;
use std::io;
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

/// Runs processes beside this one, without input. All their output goes to our standard output.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

impl ProcessRunner for Local {
    fn run(&self, process: &Process) -> io::Result<ExitStatus> {
        let output = io::stdout().as_fd().try_clone_to_owned()?;
        Command::new(&process.program)
            .args(&process.arguments)
            .current_dir(&process.directory)
            .env_clear()
            .envs(process.environment.iter())
            .stdin(Stdio::null())
            .stdout(Stdio::inherit())
            .stderr(output)
            .status()
    }
}
