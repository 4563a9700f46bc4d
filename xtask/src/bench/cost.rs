//! What a process costs, seen from outside.

use std::fs;
use std::process::Child;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::Result;

/// How often the memory is looked at. The kernel keeps the peak, so only the end can be missed.
const INTERVAL: Duration = Duration::from_millis(2);
/// Clock ticks of /proc in a second: USER_HZ, which is the same on all machines we know.
const TICKS: u64 = 100;

/// What a process cost.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    pub(super) wall: Duration,
    /// CPU time of the process and of all processes that ended below it, in steps of 10 ms.
    pub(super) cpu: Duration,
    /// The most memory that the process itself had resident: 1024 bytes each.
    pub(super) peak_kib: u64,
}

impl Cost {
    /// Runs a program to its end; what it prints is not shown.
    ///
    /// # Errors
    /// When it cannot be started or fails.
    pub(super) fn of(command: &mut Command) -> Result<Self> {
        let read = |_, mut output: ChildStdout| Ok(std::io::copy(&mut output, &mut std::io::sink())?);
        Ok(Self::reading(command, read)?.0)
    }

    /// As [`Cost::of`]; `read` gets the ID of the process and what it prints, and reads that to its end.
    pub(super) fn reading<T>(
        command: &mut Command,
        read: impl FnOnce(u32, ChildStdout) -> Result<T>,
    ) -> Result<(Self, T)> {
        let start = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let (id, output) = (child.id(), child.stdout.take().expect("it was asked for"));
        let ended = AtomicBool::new(false);
        let (result, peak_kib) = thread::scope(|scope| {
            let peak = scope.spawn(|| watch(id, &ended));
            let result = read(id, output).and_then(|result| wait_for_end(id).map(|()| result));
            ended.store(true, Ordering::Relaxed);
            (result, peak.join().expect("nothing panics there"))
        });
        let (wall, cpu) = (start.elapsed(), cpu(id)?);
        expect_success(&mut child)?;
        Ok((Self { wall, cpu, peak_kib }, result?))
    }
}

/// CPU time that a process and those that ended below it have taken so far.
///
/// # Errors
/// When there is no such process.
pub(super) fn cpu(id: u32) -> Result<Duration> {
    // utime, stime, cutime, cstime: proc_pid_stat(5) counts them from 14.
    let ticks: Vec<u64> =
        stat(id)?[11..15].iter().map(|ticks| ticks.parse()).collect::<std::result::Result<_, _>>()?;
    Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 1000 / TICKS))
}

/// Who closed its output is at its end: once it has exited it still has its times, until waited for.
fn wait_for_end(id: u32) -> Result<()> {
    while stat(id)?[0] != "Z" {
        thread::sleep(INTERVAL);
    }
    Ok(())
}

fn expect_success(child: &mut Child) -> Result<()> {
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("what is measured failed: {status}").into()) }
}

/// The peak of the memory, until the process ended.
fn watch(id: u32, ended: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !ended.load(Ordering::Relaxed) {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        thread::sleep(INTERVAL);
    }
    peak
}

/// The fields from the third on: the second is a name, which may hold anything.
fn stat(id: u32) -> Result<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("a process has no name")?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}
