//! Who the phases run as.
//!
//! Source: `priv/user_linux.go` of the Go lifecycle.

use std::fs;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::chown;
use std::os::unix::fs::lchown;
use std::path::Path;

use cnb_core::environment::Environment;
use cnb_core::passwd;
use rustix::process::Gid;
use rustix::process::Uid;
use rustix::process::getgid;
use rustix::process::getuid;
use rustix::thread::set_thread_res_gid;
use rustix::thread::set_thread_res_uid;

use super::failure::Failure;

/// Phases that run code of buildpacks do not run as root.
pub(super) fn refuse_root(phase: &str) -> Result<(), Failure> {
    if getuid().is_root() { Err(Failure::new(phase, "refusing to run as root")) } else { Ok(()) }
}

/// Gives the directories that exist to the user, unless it may write to them already, and goes on as that user.
/// Must come before any thread is started.
pub(super) fn become_user(uid: u32, gid: u32, directories: &[&str]) -> Result<(), Failure> {
    for directory in directories.iter().filter(|directory| !directory.is_empty()) {
        ensure_owner(Path::new(directory), uid, gid).map_err(|error| Failure::new("chown volumes", error))?;
    }
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(gid));
    if (getuid(), getgid()) == (user, group) {
        return Ok(());
    }
    set_thread_res_gid(group, group, group)
        .and_then(|()| set_thread_res_uid(user, user, user))
        .map_err(|error| Failure::new(format!("exec as user {uid}:{gid}"), io::Error::from(error)))
}

/// The environment with `HOME` and `USER` of the user.
pub(super) fn environment_of(uid: u32, environment: &Environment) -> Result<Environment, Failure> {
    let action = format!("set environment for user {uid}");
    let text = fs::read_to_string("/etc/passwd").map_err(|error| Failure::new(&action, error))?;
    let account = passwd::find(&text, uid)
        .ok_or_else(|| Failure::new(&action, format!("user: unknown userid {uid}")))?;
    let mut environment = environment.clone();
    environment.set("HOME", account.home);
    environment.set("USER", account.name);
    Ok(environment)
}

fn ensure_owner(directory: &Path, uid: u32, gid: u32) -> io::Result<()> {
    match fs::metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if can_write(&metadata, uid, gid) => Ok(()),
        Ok(_) => match give(directory, uid, gid) {
            // A cache may be read all the same; whoever has to write says what is wrong.
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(()),
            result => result,
        },
    }
}

/// Whether the user may probably write to the directory; then it is assumed to own what is below as well.
fn can_write(metadata: &Metadata, uid: u32, gid: u32) -> bool {
    let mode = metadata.mode();
    metadata.uid() == uid || (metadata.gid() == gid && mode & 0o020 != 0) || mode & 0o002 != 0
}

fn give(directory: &Path, uid: u32, gid: u32) -> io::Result<()> {
    chown(directory, Some(uid), Some(gid))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            give(&entry.path(), uid, gid)?;
        } else {
            lchown(entry.path(), Some(uid), Some(gid))?;
        }
    }
    Ok(())
}
