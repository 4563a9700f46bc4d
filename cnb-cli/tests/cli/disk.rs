//! Disks that are full.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rustix::mount::MountFlags;
use rustix::mount::UnmountFlags;

use crate::place::Place;
use crate::place::expect_no_image_in;
use crate::place::run;

/// A file system in memory, until dropped.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    fn mount(path: PathBuf, size: &str) -> Self {
        fs::create_dir(&path).expect("a directory");
        let size = std::ffi::CString::new(format!("size={size}")).expect("text");
        rustix::mount::mount("tmpfs", &path, "tmpfs", MountFlags::empty(), Some(size.as_c_str()))
            .expect("root may mount");
        Self { path }
    }

    fn resize(&self, size: &str) {
        rustix::mount::mount_remount(&self.path, MountFlags::empty(), format!("size={size}"))
            .expect("root may mount");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        rustix::mount::unmount(&self.path, UnmountFlags::DETACH).expect("nobody else unmounts it");
    }
}

/// Writes bytes that cannot be compressed: xorshift.
fn write_noise(path: &Path, size: usize) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let noise: Vec<u8> = (0..size / 8).flat_map(|_| next().to_le_bytes()).collect();
    fs::write(path, noise).expect("a file");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_full_disk_under_the_state() {
    let place = Place::new("echo built");
    let disk = SmallDisk::mount(place.path("state"), "2m");
    let done = run(&mut place.build());
    done.expect(6).says("error: ").says("No space left on device").says("--cache-dir DIR");
    place.expect_no_image();
    disk.resize("512m");
    place.expect_next_build_to_work();
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_full_disk_under_the_output() {
    let place = Place::new("echo built");
    write_noise(&place.path("app/noise"), 8 << 20);
    let disk = SmallDisk::mount(place.path("disk"), "4m");
    let build = |output: &str| {
        let mut build = place.build();
        run(build.args(["--output", output]))
    };
    for output in ["oci:disk/layout:app", "oci-archive:disk/app.tar:app"] {
        let done = build(output);
        done.expect(6).says("built").says("error: failed to write the image");
        done.says("No space left on device");
        expect_no_image_in(&place.path("disk/layout"));
    }
    assert!(!place.path("disk/app.tar").exists());
    disk.resize("64m");
    for output in ["oci:disk/layout:app", "oci-archive:disk/app.tar:app"] {
        build(output).expect(0);
        run(place.cnb().args(["inspect", output])).expect(0);
    }
}
