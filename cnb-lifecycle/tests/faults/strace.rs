//! Kills a program before a certain system call, by way of strace(1).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

/// The calls that change files, and those that give a change its place in time. A `?` says that not every
/// architecture has the call.
const CALLS: &str = "openat,write,?copy_file_range,?sendfile,ftruncate,fchmod,?chmod,?fchmodat,?mkdir,mkdirat,?rmdir,\
                     ?link,linkat,?unlink,unlinkat,?rename,?renameat,?renameat2,fsync,fdatasync,flock";
const SIGKILL: i32 = 9;

/// The n-th call of that name in a thread.
#[derive(Debug)]
pub(crate) struct Event {
    call: String,
    number: usize,
}

/// Runs a program to its end and returns what it did from the first time on that it named `path`.
pub(crate) fn events(command: &Command, path: &str) -> Vec<Event> {
    let log = tempfile::NamedTempFile::new().expect("a temporary file");
    let log = log.path().to_str().expect("UTF-8");
    let output = traced(command, &["-o", log, "-s", "4096"]).output().expect("strace can be run");
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(log).expect("strace has written it");
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut has_begun = false;
    let mut events = Vec::new();
    for line in text.lines() {
        has_begun |= line.contains(path);
        let (thread, what) = line.split_once(' ').expect("a thread and what it does");
        // Signals, exits and the second halves of calls have no name here.
        let Some((call, _)) = what.trim_start().split_once('(').filter(|(call, _)| is_name(call)) else {
            continue;
        };
        let number = counts.entry((thread, call)).or_default();
        *number += 1;
        if has_begun {
            events.push(Event { call: call.to_owned(), number: *number });
        }
    }
    events
}

/// Runs a program until an event, whose call is not made any more. Whether it came to that: threads may share work
/// in another way each time.
pub(crate) fn kill_at(command: &Command, event: &Event) -> bool {
    let Event { call, number } = event;
    let inject = format!("inject={call}:signal=SIGKILL:when={number}");
    let output = traced(command, &["-o", "/dev/null", "-e", &inject]).output().expect("strace can be run");
    // strace ends as its program does.
    let was_killed = output.status.signal() == Some(SIGKILL);
    assert!(was_killed || output.status.success(), "{event:?}: {output:?}");
    was_killed
}

fn traced(command: &Command, flags: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["--follow-forks", "--quiet=all", "-e", &format!("trace={CALLS}")]);
    strace.args(flags).arg("--").arg(command.get_program()).args(command.get_args()).env_clear();
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace
}

fn is_name(call: &str) -> bool {
    call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
