//! What containers need of this machine.

use std::fs;

use crate::Result;
use crate::command::command;
use crate::command::run;
use crate::debian;

/// A user with a range of subordinate ids, for tests of rootless containers.
pub(crate) const RANGE_USER: &str = "cnb-range";
const RANGE: &str = "300000-365535";

/// Makes sure of an OCI runtime, the programs that map ranges of ids, and the user who has such a range.
///
/// # Errors
/// When something is missing and cannot be had; the message says what to do by hand.
pub(crate) fn prepare() -> Result<()> {
    debian::ensure(&["runc", "uidmap"])?;
    if !has_line("/etc/passwd", RANGE_USER) {
        need_root(&format!("useradd --system {RANGE_USER}"))?;
        println!("making the user {RANGE_USER}");
        run(command("useradd").args(["--system", RANGE_USER]))?;
    }
    if !has_line("/etc/subuid", RANGE_USER) || !has_line("/etc/subgid", RANGE_USER) {
        let arguments = ["--add-subuids", RANGE, "--add-subgids", RANGE, RANGE_USER];
        need_root(&format!("usermod {}", arguments.join(" ")))?;
        run(command("usermod").args(arguments))?;
    }
    Ok(())
}

fn has_line(file: &str, user: &str) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().any(|line| line.split(':').next() == Some(user))
}

fn need_root(by_hand: &str) -> Result<()> {
    if debian::is_root() {
        Ok(())
    } else {
        Err(format!("missing a user for tests; as root: {by_hand}").into())
    }
}
