//! Builds that are stopped, and what is left of them.

use std::fs;
use std::io;
use std::io::BufRead as _;
use std::io::BufReader;
use std::os::fd::AsFd as _;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::process::Pid;
use rustix::process::PidfdFlags;
use rustix::process::Signal;
use serde_json::Value;

use crate::place::Done;

/// How long a process may take to end; only a defect takes that long.
const PATIENCE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// A build that runs, told about as JSON.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts a build and waits until one of its steps has written `text`.
    pub(crate) fn until_output(build: &mut Command, text: &str) -> Self {
        Self::until(build, |event| event["bytes"].as_str().is_some_and(|bytes| bytes.contains(text)))
    }

    /// Starts a build and waits until a phase begins.
    pub(crate) fn until_phase(build: &mut Command, phase: &str) -> Self {
        Self::until(build, |event| event["event"] == "phase-started" && event["phase"] == phase)
    }

    fn until(build: &mut Command, is_awaited: impl Fn(&Value) -> bool) -> Self {
        let build = build.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = build.spawn().expect("the program starts");
        let stdout = child.stdout.as_mut().expect("a pipe");
        let mut seen = Vec::new();
        for line in BufReader::new(stdout).lines() {
            let line = line.expect("text");
            if is_awaited(&serde_json::from_str(&line).expect("JSON")) {
                return Self { child };
            }
            seen.push(line);
        }
        let status = child.wait().expect("it ended");
        panic!("the build ended too early, {status}:\n{}", seen.join("\n"));
    }

    /// Runs a build that is killed when it has printed so many events, unless it ends before.
    pub(crate) fn killed_after(events: usize, build: &mut Command) -> Done {
        let build = build.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = build.spawn().expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut lines = stdout.lines().map(|line| line.expect("text"));
        let seen: Vec<String> = lines.by_ref().take(events).collect();
        if seen.len() == events {
            child.kill().expect("it was not waited for");
        }
        let ended = child.wait_with_output().expect("it ends");
        Done { stdout: seen.join("\n"), ..ended.into() }
    }

    /// A program that was started.
    pub(crate) fn of(child: Child) -> Self {
        Self { child }
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn stop(self, signal: Signal) -> Done {
        self.signal(signal);
        self.end()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let process = pid(&self.child.id().to_string()).expect("a process");
        rustix::process::kill_process(process, signal).expect("it runs");
    }

    /// Waits for the end.
    pub(crate) fn end(self) -> Done {
        self.child.wait_with_output().expect("it ends").into()
    }
}

/// The processes that have a text in their command line.
pub(crate) fn with_argument(text: &str) -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
    names.filter_map(|name| Process::find(&name, text)).collect()
}

/// A process, whatever becomes of its number.
#[derive(Debug)]
pub(crate) struct Process {
    #[expect(dead_code, reason = "shown when a test fails")]
    command: String,
    handle: OwnedFd,
}

impl Process {
    fn find(id: &str, text: &str) -> Option<Self> {
        let handle = rustix::process::pidfd_open(pid(id)?, PidfdFlags::empty()).ok()?;
        let command = fs::read(format!("/proc/{id}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        command.contains(text).then_some(Self { command, handle })
    }

    /// Waits for its end.
    pub(crate) fn wait(&self) -> io::Result<bool> {
        let mut handles = [PollFd::from_borrowed_fd(self.handle.as_fd(), PollFlags::IN)];
        Ok(rustix::event::poll(&mut handles, Some(&PATIENCE))? == 1)
    }
}

fn pid(id: &str) -> Option<Pid> {
    Pid::from_raw(id.parse().ok()?)
}

/// The mounts of this machine below a directory.
pub(crate) fn mounts_below(directory: &str) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
    mounts.lines().filter(|line| line.contains(directory)).map(str::to_owned).collect()
}
