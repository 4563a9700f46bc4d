//! `cnb-helper run`: processes, one after another.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::Permissions;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use cnb_core::helper::Process;
use cnb_core::helper::RunPlan;
use cnb_core::helper::step_marker;
use rustix::io::Errno;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::WaitOptions;

use super::hidden::HIDDEN;
use super::hidden::hiding;
use super::layers;
use super::owned;
use super::tree;
use crate::process;
use crate::process::HOME;
use crate::tree::Owners;
use crate::tree::error::at;
use crate::tree::error::from_io;
use crate::tree::inside;

/// Returns the exit code of the first process that fails, or 0.
pub(super) fn run(plan: &RunPlan, environment: &dyn Fn(&str) -> Option<OsString>) -> Result<u8> {
    rustix::thread::set_no_new_privs(true)
        .map_err(|errno| from_io("could not forswear new privileges", errno.into()))?;
    plan.private.iter().try_for_each(|path| close(Path::new(path)))?;
    plan.emptied.iter().try_for_each(|path| empty(Path::new(path)))?;
    for owned in &plan.owned {
        let is_hidden_at_times = plan.processes.iter().any(|process| process.hidden.contains(&owned.path));
        owned::give(owned, is_hidden_at_times)?;
    }
    for process in &plan.processes {
        if plan.processes.len() > 1 {
            announce(&process.name)?;
        }
        let ran = one(process, environment).map_err(|error| error.with("process", &process.name));
        match ran {
            Ok(0) => {}
            Ok(code) if process.optional => skipped(process, &format!("it ended with exit code {code}")),
            Err(error) if process.optional => skipped(process, &super::sentence(&error)),
            Ok(code) => return Ok(code),
            Err(error) => return Err(error),
        }
    }
    plan.layers.iter().try_for_each(|plan| layers::make(plan, Owners::Asked))?;
    Ok(0)
}

/// Lets nobody but root into a directory.
fn close(directory: &Path) -> Result<()> {
    std::fs::set_permissions(directory, Permissions::from_mode(HIDDEN)).map_err(at("hide", directory))
}

/// Removes all that is in a directory.
fn empty(directory: &Path) -> Result<()> {
    let emptied = std::fs::read_dir(directory).and_then(|mut entries| {
        entries.try_for_each(|entry| {
            let entry = entry?;
            let is_directory = entry.file_type()?.is_dir();
            let path = entry.path();
            if is_directory { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
        })
    });
    emptied.map_err(|error| from_io(format!("could not empty {}", directory.display()), error))
}

fn announce(process: &str) -> Result<()> {
    let mut out = io::stdout();
    let written = out.write_all(step_marker(process).as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| from_io("could not write to standard output", error))
}

fn skipped(process: &Process, reason: &str) {
    // When nobody reads it, the process is skipped all the same.
    let _ = writeln!(io::stderr(), "cnb-helper: {} was skipped: {reason}", process.name);
}

fn one(process: &Process, environment: &dyn Fn(&str) -> Option<OsString>) -> Result<u8> {
    for plan in &process.trees {
        empty(Path::new(&plan.to))?;
        tree::make(plan, Owners::Asked)?;
    }
    let mut command = command(process, environment)?;
    if !process.hidden.is_empty() && process.user.uid == 0 {
        return Err(Error::new(ErrorKind::InvalidInput, "nothing can be hidden from user 0"));
    }
    hiding(&process.hidden, || {
        let child = command.spawn().map_err(|error| cannot_start(process, error))?;
        let code = process::wait_for(process::id(&child));
        end_others();
        let code = code.map_err(|error| from_io("could not wait for a process", error))?;
        Ok(u8::try_from(code).expect("exit codes have 8 bits, and there are 64 signals"))
    })
}

fn command(process: &Process, environment: &dyn Fn(&str) -> Option<OsString>) -> Result<Command> {
    let invalid = |message: String| Err(Error::new(ErrorKind::InvalidInput, message));
    let Some((program, arguments)) = process.argv.split_first() else {
        return invalid("the command is empty".to_owned());
    };
    if !program.starts_with('/') {
        return invalid(format!("the program `{program}` is not an absolute path"));
    }
    inside::check(&process.cwd)?;
    let mut command = Command::new(program);
    // As user 0, this also drops all supplementary groups.
    command.uid(process.user.uid).gid(process.user.gid);
    command.args(arguments).current_dir(&process.cwd).stdin(Stdio::null());
    command.env_clear().envs(process.env.iter().map(|(name, value)| (name, value)));
    for name in &process.secret_env {
        let Some(value) = environment(name) else {
            let message = format!("there is no secret for the variable `{name}`");
            return Err(Error::new(ErrorKind::NotFound, message));
        };
        command.env(name, value);
    }
    let given = command.get_envs().find(|(name, _)| *name == HOME).and_then(|(_, value)| value);
    let home = process::missing_home(given.map(OsStr::as_encoded_bytes), process.user.uid);
    command.envs(home);
    Ok(command)
}

/// The system does not say what of it failed: becoming the user, entering the directory or running the program.
fn cannot_start(process: &Process, error: io::Error) -> Error {
    let message = format!("could not start {} in {}", process.argv[0], process.cwd);
    match Errno::from_io_error(&error) {
        Some(Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE) => {
            Error::new(ErrorKind::Exhausted, message).with_source(error)
        }
        Some(Errno::PERM) => Error::new(ErrorKind::Denied, message).with_source(error),
        Some(Errno::INVAL) => {
            let user = process.user;
            let message = format!("{message}: {}:{} may be no user of this machine", user.uid, user.gid);
            Error::new(ErrorKind::InvalidInput, message).with_source(error)
        }
        _ => Error::new(ErrorKind::InvalidInput, message).with_source(error),
    }
}

/// Ends what a process left running and waits until it is gone, so that it meets neither the next process nor
/// what was hidden. Others are ours alone where we are the first process of a namespace.
fn end_others() {
    if rustix::process::getpid() != Pid::INIT {
        return;
    }
    // To the group of the first process means to all but ourselves. There may be none.
    let _ = rustix::process::kill_process_group(Pid::INIT, Signal::KILL);
    while !matches!(rustix::process::wait(WaitOptions::empty()), Err(Errno::CHILD)) {}
}
