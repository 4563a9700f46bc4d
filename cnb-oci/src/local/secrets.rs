//! Secret files, in memory alone.

use std::fs::File;
use std::io;
use std::io::Write as _;
use std::path::Component;
use std::path::Path;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use cnb_core::backend::SecretFile;
use cnb_core::backend::User;
use rustix::fs::Mode;
use rustix::fs::OFlags;

use super::error::from_io;
use super::overlay;
use super::overlay::Mounted;
use crate::tree::Owners;
use crate::tree::inside;
use crate::tree::inside::Inside;

/// Mounts secret files with mode 0400 at `target`, for `user` alone to read.
pub(super) fn mount(target: &Path, files: &[SecretFile], user: User, owners: Owners) -> Result<Mounted> {
    let mounted = overlay::mount_memory(target)?;
    for file in files {
        let content = file.content.expose()?;
        let written = write(target, file, content, user, owners);
        written.map_err(|error| failed(file, error))?;
    }
    Ok(mounted)
}

fn write(target: &Path, file: &SecretFile, content: &[u8], user: User, owners: Owners) -> io::Result<()> {
    let plain = Path::new(&file.path).components().all(|part| matches!(part, Component::Normal(_)));
    let path = format!("/{}", file.path);
    let (parent, name) = inside::split(&path).filter(|_| plain).ok_or(io::ErrorKind::InvalidInput)?;
    let parent = Inside::new(target)?.open_or_make_directory(parent)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let created = rustix::fs::openat(&parent, name, flags, Mode::RUSR)?;
    File::from(created).write_all(content)?;
    Ok(owners.set(&parent, name, user)?)
}

fn failed(file: &SecretFile, error: io::Error) -> Error {
    let message = format!("could not provide the secret file {}", file.path);
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::AlreadyExists => {
            Error::new(ErrorKind::InvalidInput, message).with_source(error)
        }
        _ => from_io(message, error),
    }
}
