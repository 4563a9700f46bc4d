//! Disks of any size.

use std::ffi::CString;
use std::fs;
use std::path::PathBuf;

use rustix::fs::statvfs;
use rustix::mount::MountFlags;
use rustix::mount::UnmountFlags;
use rustix::mount::mount;
use rustix::mount::mount_remount;
use rustix::mount::unmount;

const PAGE: u64 = 4096;

/// A file system in memory, until dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// A disk in place of what is at a path.
    pub(crate) fn mount(path: String) -> Self {
        fs::create_dir_all(&path).expect("a directory");
        let options = CString::new("mode=755,size=64m").expect("text");
        mount("tmpfs", &path, "tmpfs", MountFlags::empty(), Some(options.as_c_str()))
            .expect("root may mount");
        Self(path.into())
    }

    /// Leaves so many pages of 4 KiB that are free.
    pub(crate) fn leave(&self, pages: u64) {
        let disk = statvfs(&self.0).expect("it is mounted");
        let used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize;
        self.remount(MountFlags::empty(), &format!("size={}", used + pages * PAGE));
    }

    /// Makes enough space.
    pub(crate) fn grow(&self) {
        self.remount(MountFlags::empty(), "size=64m");
    }

    /// Forbids changes.
    pub(crate) fn freeze(&self) {
        self.remount(MountFlags::RDONLY, "");
    }

    fn remount(&self, flags: MountFlags, options: &str) {
        mount_remount(&self.0, flags, options).expect("root may mount");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(&self.0, UnmountFlags::DETACH).expect("nobody else unmounts it");
    }
}
