//! A build, measured from outside: its events as they arrive, its process in /proc.

use std::fs;
use std::io::BufReader;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use crate::Result;

/// How often the memory is looked at. The kernel keeps the peak, so only the end can be missed.
const INTERVAL: Duration = Duration::from_millis(2);
/// Clock ticks of /proc in a second: USER_HZ, which is the same on all machines we know.
const TICKS: u64 = 100;

/// What a build cost.
pub(super) struct Measured {
    pub(super) wall: Duration,
    /// CPU time of the process and of all processes that ended below it, in steps of 10 ms.
    pub(super) cpu: Duration,
    /// The most memory that the process itself had resident: 1024 bytes each.
    pub(super) peak_kib: u64,
    /// In order.
    pub(super) phases: Vec<Phase>,
}

/// What a phase of it cost.
pub(super) struct Phase {
    pub(super) name: String,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
}

impl Measured {
    /// Runs a `cnb build --json`.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn of(build: &mut Command) -> Result<Self> {
        let start = Instant::now();
        let mut child = build.stdout(Stdio::piped()).spawn()?;
        let (id, output) = (child.id(), child.stdout.take().expect("it was asked for"));
        let ended = AtomicBool::new(false);
        let (phases, peak_kib) = thread::scope(|scope| {
            let peak = scope.spawn(|| watch(id, &ended));
            let phases = phases(id, BufReader::new(output));
            ended.store(true, Ordering::Relaxed);
            (phases, peak.join().expect("nothing panics there"))
        });
        // Who closed its output is at its end: once it has exited it still has its times, until waited for.
        while state(id)? != "Z" {
            thread::sleep(INTERVAL);
        }
        let (wall, cpu) = (start.elapsed(), cpu(id)?);
        let status = child.wait()?;
        if !status.success() {
            return Err(format!("the build failed: {status}").into());
        }
        Ok(Self { wall, cpu, peak_kib, phases: phases? })
    }

    /// The wall time of a phase.
    pub(super) fn phase(&self, name: &str) -> Duration {
        self.phases.iter().filter(|phase| phase.name == name).map(|phase| phase.wall).sum()
    }
}

fn phases(id: u32, output: impl std::io::BufRead) -> Result<Vec<Phase>> {
    let (mut phases, mut started) = (Vec::new(), None);
    for line in output.lines() {
        let event: Value = serde_json::from_str(&line?)?;
        match event["event"].as_str() {
            Some("phase-started") => started = Some((Instant::now(), cpu(id)?)),
            Some("phase-finished") => {
                let (wall, before) = started.take().ok_or("a phase ended that did not begin")?;
                let name = event["phase"].as_str().unwrap_or_default().to_owned();
                let cpu = cpu(id)?.saturating_sub(before);
                phases.push(Phase { name, wall: wall.elapsed(), cpu });
            }
            Some("error") => eprintln!("{}", event["message"].as_str().unwrap_or_default()),
            _ => {}
        }
    }
    Ok(phases)
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

fn cpu(id: u32) -> Result<Duration> {
    // utime, stime, cutime, cstime: proc_pid_stat(5) counts them from 14.
    let ticks: Vec<u64> =
        stat(id)?[11..15].iter().map(|ticks| ticks.parse()).collect::<std::result::Result<_, _>>()?;
    Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 1000 / TICKS))
}

fn state(id: u32) -> Result<String> {
    Ok(stat(id)?.swap_remove(0))
}

/// The fields from the third on: the second is a name, which may hold anything.
fn stat(id: u32) -> Result<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("a process has no name")?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}
