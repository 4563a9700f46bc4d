//! Overlay mounts.

use std::os::fd::AsRawFd as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::mount::MountFlags;
use rustix::mount::UnmountFlags;

use super::error::errno_at;

/// A mount of this process, until dropped.
#[derive(Debug)]
pub(super) struct Mounted {
    target: PathBuf,
}

impl Mounted {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.target
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let unmounted = rustix::mount::unmount(&self.target, UnmountFlags::DETACH);
        if let Err(error) = unmounted {
            tracing::warn!(path = %self.target.display(), %error, "could not unmount");
        }
    }
}

/// Where an overlay keeps what is written, and what the kernel needs beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upper<'a> {
    pub directory: &'a Path,
    pub work: &'a Path,
}

/// Mounts directories on top of each other, the first on top. Without `upper` nobody can write, and there
/// must be two at least.
pub(super) fn mount(
    lower: &[PathBuf],
    upper: Option<Upper<'_>>,
    target: &Path,
    in_user_namespace: bool,
) -> Result<Mounted> {
    // Paths by descriptor are short, which the kernel's one page of options needs, and have no `:` or `,`.
    let lower = lower.iter().map(|path| open(path)).collect::<Result<Vec<_>>>()?;
    let names: Vec<_> = lower.iter().map(name).collect();
    let mut options = format!("lowerdir={}", names.join(":"));
    let upper = match upper {
        Some(upper) => Some((open(upper.directory)?, open(upper.work)?)),
        None => None,
    };
    if let Some((directory, work)) = &upper {
        // A crash of the machine loses the upper directory anyway: nothing needs to be synchronised.
        for option in [",volatile,upperdir=", &name(directory), ",workdir=", &name(work)] {
            options.push_str(option);
        }
    }
    // Directories are used in several overlays, and read without one.
    options += if in_user_namespace { ",userxattr" } else { ",index=off,redirect_dir=off,metacopy=off" };
    let options = std::ffi::CString::new(options).expect("there is no NUL in the options");
    rustix::mount::mount("overlay", target, "overlay", MountFlags::empty(), Some(options.as_c_str()))
        .map_err(|errno| not_mounted(target, errno))?;
    Ok(Mounted { target: target.to_owned() })
}

/// Mounts an empty file system in memory.
pub(super) fn mount_memory(target: &Path) -> Result<Mounted> {
    let flags = MountFlags::NODEV | MountFlags::NOSUID;
    rustix::mount::mount("tmpfs", target, "tmpfs", flags, Some(c"mode=0755"))
        .map_err(errno_at("mount memory at", target))?;
    Ok(Mounted { target: target.to_owned() })
}

fn not_mounted(target: &Path, errno: Errno) -> Error {
    if errno == Errno::INVAL {
        let message =
            "the file system of the state directory cannot hold overlays; ext4, XFS, Btrfs and tmpfs can";
        return Error::new(ErrorKind::Unavailable, message)
            .with("directory", target.display())
            .with_source(errno);
    }
    errno_at("mount an overlay at", target)(errno)
}

fn open(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(errno_at("open", path))
}

fn name(directory: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", directory.as_raw_fd())
}
