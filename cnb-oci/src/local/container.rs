//! One container from its start to its end.

use std::fs;
use std::fs::File;
use std::io;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read;
use std::io::Write as _;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use cnb_core::event::Stream;
use oci_spec::runtime::Spec;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::process::Pid;
use rustix::process::PidfdFlags;

use super::error::at;
use super::error::from_io;
use super::init::Reply;
use super::init::Request;
use super::runtime::Bundle;
use super::runtime::Runtime;

/// The name of the socket beside `config.json` through which `cnb-init` gets its orders.
pub(super) const SOCKET: &str = "control";

/// How long a runtime may take to clean up before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// Most of what a runtime says that is kept for an error message, in bytes.
const DIAGNOSTICS: usize = 4096;

/// How a container ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// With the exit code of its program, or 128 plus the number of the signal that ended it.
    Exited(i32),
    /// Because [`run`] was told to.
    Cancelled,
}

/// Runs `request` in a container made after `spec`, and hands out what it writes.
///
/// When this returns, the container is gone. The container ends as well when `cancel` becomes readable, and
/// when this process ends, however it does.
pub(super) fn run(
    runtime: &dyn Runtime,
    bundle: Bundle<'_>,
    spec: &Spec,
    request: &Request,
    cancel: &impl AsFd,
    output: &(dyn Fn(Stream, &[u8]) + Sync),
) -> Result<Outcome> {
    let config = bundle.directory.join("config.json");
    spec.save(&config).map_err(|error| {
        Error::new(ErrorKind::Other, format!("could not write {}", config.display())).with_source(error)
    })?;
    let listener = listen(bundle.directory)?;
    let mut child = runtime.start(bundle).map_err(|error| {
        let message = format!("could not start the OCI runtime {}", runtime.name());
        Error::new(ErrorKind::Unavailable, message).with_source(error)
    })?;
    let stdout = child.stdout.take().expect("standard output is a pipe");
    let stderr = child.stderr.take().expect("standard error is a pipe");
    let connected = AtomicBool::new(false);
    let diagnostics = Mutex::new(Vec::new());
    let outcome = thread::scope(|scope| {
        scope.spawn(|| copy(stdout, |bytes| output(Stream::Stdout, bytes)));
        scope.spawn(|| {
            copy(stderr, |bytes| {
                // What comes before the first word of `cnb-init` is from the runtime itself.
                if connected.load(Ordering::SeqCst) {
                    output(Stream::Stderr, bytes);
                } else {
                    diagnostics.lock().expect("no holder panics").extend_from_slice(bytes);
                }
            });
        });
        let outcome = talk(&child, listener, request, cancel, &connected);
        end(runtime, bundle, &mut child);
        outcome
    });
    match outcome? {
        Talk::Reply(Reply::Exited(code)) => Ok(Outcome::Exited(code)),
        Talk::Reply(Reply::Missing(what)) => Err(Error::new(ErrorKind::InvalidInput, what)),
        Talk::Reply(Reply::Failed(why)) => Err(Error::new(ErrorKind::Unavailable, why)),
        Talk::Cancelled => Ok(Outcome::Cancelled),
        Talk::RuntimeEnded => {
            let said = diagnostics.into_inner().expect("no holder panics");
            Err(runtime_failed(&said))
        }
    }
}

/// How the conversation with `cnb-init` ended.
enum Talk {
    Reply(Reply),
    Cancelled,
    RuntimeEnded,
}

fn talk(
    child: &Child,
    listener: UnixListener,
    request: &Request,
    cancel: &impl AsFd,
    connected: &AtomicBool,
) -> Result<Talk> {
    let failed = |error: io::Error| from_io("lost the connection to the container", error);
    let runtime = pidfd(child).map_err(failed)?;
    match first_ready(&[listener.as_fd(), cancel.as_fd(), runtime.as_fd()], None).map_err(failed)? {
        Some(0) => {}
        Some(1) => return Ok(Talk::Cancelled),
        _ => return Ok(Talk::RuntimeEnded),
    }
    let (mut stream, _) = listener.accept().map_err(failed)?;
    drop(listener);
    connected.store(true, Ordering::SeqCst);
    let mut line = serde_json::to_vec(request).expect("a request has text keys alone");
    line.push(b'\n');
    stream.write_all(&line).map_err(failed)?;
    match first_ready(&[stream.as_fd(), cancel.as_fd(), runtime.as_fd()], None).map_err(failed)? {
        Some(0) => read_reply(stream).map_err(failed),
        Some(1) => Ok(Talk::Cancelled),
        _ => Ok(Talk::RuntimeEnded),
    }
}

fn read_reply(stream: UnixStream) -> io::Result<Talk> {
    let mut line = String::new();
    match BufReader::new(stream).read_line(&mut line) {
        Ok(0) => Ok(Talk::RuntimeEnded),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(Talk::RuntimeEnded),
        Ok(_) => Ok(Talk::Reply(serde_json::from_str(&line)?)),
        Err(error) => Err(error),
    }
}

/// The connection is closed, so the container ends; the runtime sees it and cleans up.
fn end(runtime: &dyn Runtime, bundle: Bundle<'_>, child: &mut Child) {
    let in_time = pidfd(child).and_then(|pidfd| first_ready(&[pidfd.as_fd()], Some(GRACE)));
    if !matches!(in_time, Ok(Some(_))) {
        // It may have ended by now, then there is nothing to kill.
        let _ = child.kill();
    }
    let regular = child.wait().is_ok_and(|status| status.code().is_some());
    if !regular {
        runtime.remove(bundle);
    }
}

/// Whether to stop, after waiting `time` for it at most.
pub(super) fn is_cancelled(cancel: &impl AsFd, time: Duration) -> bool {
    first_ready(&[cancel.as_fd()], Some(time)).is_ok_and(|ready| ready.is_some())
}

fn runtime_failed(said: &[u8]) -> Error {
    let tail = &said[said.len().saturating_sub(DIAGNOSTICS)..];
    let text = String::from_utf8_lossy(tail);
    let message = match text.trim() {
        "" => "the container ended without a word".to_owned(),
        text => format!("the OCI runtime could not run the container: {text}"),
    };
    Error::new(ErrorKind::Unavailable, message)
}

/// A socket that the user in the container may connect to, whoever that is: nobody else gets to it.
fn listen(directory: &Path) -> Result<UnixListener> {
    let path = directory.join(SOCKET);
    // The path of a socket may have at most 107 bytes.
    let handle = File::open(directory).map_err(at("open", directory))?;
    let short = format!("/proc/self/fd/{}/{SOCKET}", handle.as_raw_fd());
    let listener = UnixListener::bind(short).map_err(at("listen on", &path))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).map_err(at("change the mode of", &path))?;
    Ok(listener)
}

fn copy(mut from: impl Read, mut to: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => to(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn pidfd(child: &Child) -> io::Result<OwnedFd> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.expect("the id of a process is positive");
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// The index of the first of `fds` that has something, or none after `timeout`.
fn first_ready(fds: &[std::os::fd::BorrowedFd<'_>], timeout: Option<Duration>) -> io::Result<Option<usize>> {
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    });
    let mut fds: Vec<_> = fds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    loop {
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(_) => return Ok(fds.iter().position(|fd| !fd.revents().is_empty())),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
