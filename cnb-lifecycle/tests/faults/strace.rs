//! Kills a program before a certain system call, by way of strace(1).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use crate::random::Random;

/// The calls that change files, and those that give a change its place in time. A `?` says that not every
/// architecture has the call.
const CALLS: &str = "openat,write,?copy_file_range,?sendfile,ftruncate,fchmod,?chmod,?fchmodat,?mkdir,mkdirat,?rmdir,\
                     ?link,linkat,?unlink,unlinkat,?rename,?renameat,?renameat2,fsync,fdatasync,flock";
const SIGKILL: i32 = 9;

/// How often a program is killed, unless there are fewer points.
pub(crate) const POINTS: usize = 50;

/// The n-th call of that name.
#[derive(Debug)]
pub(crate) struct Event {
    call: String,
    number: usize,
}

/// Kills a command at random points and says at how many; `reset` comes before each time, `check` after.
pub(crate) fn kill(
    random: &mut Random,
    command: &Command,
    directory: &str,
    reset: impl Fn(),
    mut check: impl FnMut(&Event),
) -> usize {
    reset();
    let mut events = events(command, directory);
    // Half of the points are among the last calls, as those are few and give the new content its place.
    let mut points = events.split_off(events.len().saturating_sub(POINTS));
    random.shuffle(&mut points);
    events.extend(points.drain(POINTS / 2..));
    random.shuffle(&mut events);
    points.extend(events.drain(..events.len().min(POINTS / 2)));
    for event in &points {
        reset();
        kill_at(command, event);
        check(event);
    }
    points.len()
}

/// Runs a program to its end and returns what it did from the first time on that it named `path`, in the thread that
/// did so.
fn events(command: &Command, path: &str) -> Vec<Event> {
    let log = tempfile::NamedTempFile::new().expect("a temporary file");
    let log = log.path().to_str().expect("UTF-8");
    let output = traced(command, &["-o", log, "-s", "4096"]).output().expect("strace can be run");
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(log).expect("strace has written it");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let first = text.lines().find(|line| line.contains(path)).expect("it uses the path");
    let calls = text.lines().filter_map(|line| Some((line, call(line)?)));
    let mut events = Vec::new();
    let mut has_begun = false;
    let (worker, _) = call(first).expect("a call named the path");
    for (line, (_, call)) in calls.filter(|(_, (thread, _))| *thread == worker) {
        has_begun |= line == first;
        let number = counts.entry(call).or_default();
        *number += 1;
        if has_begun {
            events.push(Event { call: call.to_owned(), number: *number });
        }
    }
    events
}

/// Runs a program until an event, whose call is not made any more.
fn kill_at(command: &Command, event: &Event) {
    let Event { call, number } = event;
    let inject = format!("inject={call}:signal=SIGKILL:when={number}");
    let output = traced(command, &["-o", "/dev/null", "-e", &inject]).output().expect("strace can be run");
    // strace ends as its program does.
    assert_eq!(output.status.signal(), Some(SIGKILL), "{event:?}: {output:?}");
}

/// On one core, where all work is done in one thread: strace counts for each thread apart, and another thread must
/// not come to the same number first.
fn traced(command: &Command, flags: &[&str]) -> Command {
    let mut strace = Command::new("taskset");
    strace.args([
        "--cpu-list",
        &core(),
        "strace",
        "--follow-forks",
        "--quiet=all",
        "-e",
        &format!("trace={CALLS}"),
    ]);
    strace.args(flags).arg("--").arg(command.get_program()).args(command.get_args()).env_clear();
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace
}

/// A core that this process may use.
fn core() -> String {
    let cores = rustix::thread::sched_getaffinity(None).expect("it is this process");
    let core = (0..rustix::thread::CpuSet::MAX_CPU).find(|core| cores.is_set(*core));
    core.expect("it runs on one").to_string()
}

/// The thread and the name of a call. Signals, exits and the second halves of calls have none.
fn call(line: &str) -> Option<(&str, &str)> {
    let (thread, what) = line.split_once(' ')?;
    let (call, _) = what.trim_start().split_once('(')?;
    call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some((thread, call))
}
