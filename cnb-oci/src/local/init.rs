//! The first process in a container: the program `cnb-init`.
//!
//! It connects to the socket it is told, takes one `Request`, runs its program and answers with one
//! `Reply`. The connection is also its lifeline: when the backend is gone or wants the container gone, the
//! connection ends, `cnb-init` ends, and the kernel ends everything in its process namespace. Environment
//! and secrets reach the program this way, so that they are in no file.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;
use std::thread;

use cnb_core::backend::User;
use rustix::io::Errno;
use rustix::process::Pid;
use rustix::thread::CapabilitySet;
use serde::Deserialize;
use serde::Serialize;

use super::unshare::Namespaces;
use super::unshare::namespaces;
use super::userns::write_single_map;
use crate::process;
use crate::process::HOME;

/// The argument that makes `cnb-init` end at once with success: for finding out whether containers run.
pub(super) const PROBE: &str = "probe";

/// What `cnb-init` exits with when nobody listens to it any more: as if killed by SIGKILL.
const ABANDONED: u8 = 128 + 9;

/// What to run.
#[derive(Deserialize, Serialize)]
pub(super) struct Request {
    pub argv: Vec<String>,
    /// Values are bytes: secrets need not be text.
    pub env: Vec<(String, Vec<u8>)>,
    pub cwd: String,
    /// Who to become, uid and gid, by a user namespace that has only them.
    pub become_user: Option<(u32, u32)>,
}

/// What became of it.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Reply {
    /// The exit code of the program, or 128 plus the number of the signal that ended it.
    Exited(i32),
    /// There is no program to run.
    Missing(String),
    /// The container cannot run the program.
    Failed(String),
}

/// The whole of the program `cnb-init`.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let socket = arguments.into_iter().nth(1).unwrap_or_default();
    if socket == PROBE {
        return ExitCode::SUCCESS;
    }
    // Without a connection there is nobody to tell.
    match UnixStream::connect(&socket).and_then(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(ABANDONED),
    }
}

fn serve(stream: UnixStream) -> io::Result<()> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    let reply = match start(&request) {
        Ok(program) => {
            watch_lifeline(reader);
            Reply::Exited(process::wait_for(program)?)
        }
        Err(reply) => reply,
    };
    let mut stream = stream;
    serde_json::to_writer(&mut stream, &reply)?;
    stream.write_all(b"\n")
}

fn start(request: &Request) -> Result<Pid, Reply> {
    let failed = |what: &str, error: &dyn std::fmt::Display| Reply::Failed(format!("{what}: {error}"));
    if let Some((uid, gid)) = request.become_user {
        become_user(User::new(uid, gid)).map_err(|error| failed("could not switch to the user", &error))?;
    }
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| failed("could not forswear new privileges", &error))?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    std::env::set_current_dir(&request.cwd)
        .map_err(|error| Reply::Missing(format!("working directory {}: {error}", request.cwd)))?;
    let (program, arguments) =
        request.argv.split_first().ok_or_else(|| Reply::Missing("the command is empty".to_owned()))?;
    let home = request.env.iter().rfind(|(name, _)| name == HOME).map(|(_, value)| value.as_slice());
    let child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(request.env.iter().map(|(name, value)| (name, OsStr::from_bytes(value))))
        .envs(process::missing_home(home, rustix::process::getuid().as_raw()))
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| Reply::Missing(format!("{program}: {error}")))?;
    Ok(process::id(&child))
}

/// Our user namespace has nobody but 0: this one has nobody but `user`, who is the same outside.
fn become_user(user: User) -> Result<(), Box<dyn std::error::Error>> {
    namespaces(Namespaces::User)?;
    write_single_map(user, User::ROOT)?;
    // The first process of a user namespace has all capabilities in it.
    for capability in CapabilitySet::all().iter() {
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // The kernel may be older than the newest capability.
            Ok(()) | Err(Errno::INVAL) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

fn watch_lifeline(mut reader: BufReader<UnixStream>) {
    thread::spawn(move || {
        // Nothing is ever sent after the request.
        let _ = reader.read(&mut [0]);
        std::process::exit(ABANDONED.into());
    });
}
