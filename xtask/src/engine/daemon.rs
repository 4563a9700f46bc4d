//! Daemons in namespaces of their own.

use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use super::cgroups;
use super::run;
use crate::Result;
use crate::command::command;
use crate::workspace;

const PATIENCE: Duration = Duration::from_secs(60);
/// How much of each log an error shows.
const LOG_LINES: usize = 30;
const LOGS: [&str; 4] = ["start.log", "containerd.log", "dockerd.log", "daemon.log"];
/// What a daemon sees its directory as. BuildKit makes sockets below it, whose paths have at most 108 bytes (`unix(7)`)
/// however long that of the checkout is.
pub(super) const SHORT: &str = "/run/engine";

/// A daemon that runs, with what it starts. It ends when this is dropped, and its directory goes with it.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) directory: PathBuf,
    /// The directory, open: by its number in this process it has a short path for clients.
    opened: File,
    process: Child,
}

impl Daemon {
    /// Starts what is configured in a directory: a program with arguments, or else Docker Engine. More programs are found in
    /// `path`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(directory: PathBuf, path: &[PathBuf], program: &[&OsStr]) -> Result<Self> {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(path.iter().cloned().chain(std::env::split_paths(&inherited)))?;
        let opened = File::open(&directory)?;
        let log = File::create(directory.join("start.log"))?;
        let mut unshare = command("unshare");
        unshare.args(["--mount", "--pid", "--fork", "--mount-proc"]);
        unshare.arg(workspace::root().join("xtask/engine/start")).arg(&directory).arg(SHORT).args(program);
        unshare.env("PATH", path).stdin(Stdio::piped());
        unshare.stdout(log.try_clone()?).stderr(log);
        let process = unshare.spawn().map_err(|error| format!("cannot run `unshare`: {error}"))?;
        Ok(Self { directory, opened, process })
    }

    /// A file of its directory. Others can use the path while this process runs.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        let (pid, number) = (std::process::id(), self.opened.as_raw_fd());
        PathBuf::from(format!("/proc/{pid}/fd/{number}/{name}"))
    }

    /// The namespace that all its processes are in, as `/proc/PID/ns/pid` has it.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn process_namespace(&self) -> Result<PathBuf> {
        Ok(fs::read_link(format!("/proc/{}/ns/pid_for_children", self.process.id()))?)
    }

    /// A place for files of a test, which goes with the daemon.
    pub(super) fn scratch(&self) -> Result<PathBuf> {
        let scratch = self.directory.join("scratch");
        fs::create_dir_all(&scratch)?;
        Ok(scratch)
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// When it ends before, or takes too long; then with what it logged.
    pub(super) fn wait(&mut self, name: &str, is_ready: impl Fn(&Self) -> bool) -> Result<()> {
        let start = Instant::now();
        while !is_ready(self) {
            if let Some(status) = self.process.try_wait()? {
                return Err(self.explain(&format!("{name} ended: {status}")).into());
            }
            if start.elapsed() > PATIENCE {
                return Err(self.explain(&format!("{name} does not answer")).into());
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// An error below the end of each log.
    pub(super) fn explain(&self, error: &str) -> String {
        let logs = LOGS.iter().filter_map(|name| {
            let log = fs::read(self.directory.join(name)).ok()?;
            Some(format!("--- the end of {name}:\n{}\n", end(&String::from_utf8_lossy(&log))))
        });
        format!("with this engine:\n{}---\n{error}", logs.collect::<String>())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // The end of its input is the end of it, and it has ended when nothing of it runs or is mounted any more.
        drop(self.process.stdin.take());
        if let Err(error) = self.process.wait() {
            eprintln!("cannot end the engine: {error}");
        }
        cgroups::remove(&run::cgroup(&self.directory));
        run::remove(&self.directory);
    }
}

fn end(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

/// Where the certificates of the tests of cnb-llb are: those of a server called `localhost` among them.
pub(super) fn certificate(name: &str) -> PathBuf {
    workspace::root().join("cnb-llb/tests/tls").join(name)
}

/// Puts what a client needs to reach that server into a directory, by the names that Docker and `buildctl` look for.
pub(super) fn client_certificates(parent: &Path) -> Result<PathBuf> {
    let directory = parent.join("certificates");
    fs::create_dir_all(&directory)?;
    for (from, to) in [("ca.pem", "ca.pem"), ("client.pem", "cert.pem"), ("client.key", "key.pem")] {
        fs::copy(certificate(from), directory.join(to))?;
    }
    Ok(directory)
}
