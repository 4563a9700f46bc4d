//! Processes in containers, started by a program of ours that may be the first one there.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Child;

use cnb_core::passwd;
use rustix::io::Errno;
use rustix::process::Pid;
use rustix::process::WaitOptions;
use rustix::process::WaitStatus;

/// The variable that a process gets when nobody gives it.
pub(crate) const HOME: &str = "HOME";
const PASSWD: &str = "/etc/passwd";

/// `HOME` of a user, if none is given or an empty one. Runtimes give it to the first process, which is not always
/// the user of the program.
pub(crate) fn missing_home(given: Option<&[u8]>, uid: u32) -> Option<(&'static str, String)> {
    if given.is_some_and(|value| !value.is_empty()) {
        return None;
    }
    // What is no regular file may never end.
    let content = if Path::new(PASSWD).is_file() { fs::read(PASSWD) } else { Ok(Vec::new()) };
    let text = String::from_utf8_lossy(&content.unwrap_or_default()).into_owned();
    Some((HOME, passwd::home(&text, uid).to_owned()))
}

/// The id of a child.
pub(crate) fn id(child: &Child) -> Pid {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    id.expect("the id of a process is positive")
}

/// Waits for `program`, and as the first process of its namespace for all orphans on the way. Returns its exit
/// code, or 128 plus the number of the signal that ended it.
pub(crate) fn wait_for(program: Pid) -> io::Result<i32> {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == program => return Ok(exit_code(status)),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn exit_code(status: WaitStatus) -> i32 {
    let signal = || status.terminating_signal().map(|signal| 128 + signal);
    status.exit_status().or_else(signal).expect("a process that was waited for has exited or was killed")
}
