//! A directory that nothing may get out of.

use std::fmt::Write as _;
use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use tempfile::TempDir;

/// Two directories beside each other: `inside` is for the code under test, `outside` must stay as it is.
pub(crate) struct Cage {
    directory: TempDir,
    outside: String,
}

impl Cage {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for name in ["inside", "outside", "outside/directory"] {
            fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        fs::write(directory.path().join("outside/file"), "kept").expect("a file");
        let mut cage = Self { directory, outside: String::new() };
        cage.outside = cage.state();
        cage
    }

    /// The directory that the code under test gets.
    pub(crate) fn inside(&self) -> PathBuf {
        self.directory.path().join("inside")
    }

    /// The directory that must stay as it is.
    pub(crate) fn outside(&self) -> PathBuf {
        self.directory.path().join("outside")
    }

    /// Panics if anything outside was changed or linked to, or if something cannot be removed.
    pub(crate) fn close(self) {
        assert_eq!(self.state(), self.outside, "outside of the directory");
        make_removable(&self.inside());
        self.directory.close().expect("it can be removed");
    }

    fn state(&self) -> String {
        let mut text = String::new();
        let names = fs::read_dir(self.directory.path()).expect("a directory");
        assert_eq!(names.count(), 2, "something is beside the directory");
        let inside = fs::symlink_metadata(self.inside()).expect("the directory");
        write!(text, "{} {:o}", inside.ino(), inside.mode()).expect("a string takes everything");
        describe(&self.outside(), &mut text);
        text
    }
}

/// All that can be said of a file and those below it, but for times of reading.
fn describe(path: &Path, text: &mut String) {
    let metadata = fs::symlink_metadata(path).expect("a file outside");
    let owner = (metadata.uid(), metadata.gid());
    let changed = (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec());
    let links = metadata.nlink();
    write!(text, "\n{} {:o} {owner:?} {links} {changed:?}", path.display(), metadata.mode())
        .expect("a string takes everything");
    if metadata.is_dir() {
        let mut below: Vec<PathBuf> =
            fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
        below.sort();
        for path in &below {
            describe(path, text);
        }
    } else {
        write!(text, " {:?}", fs::read(path)).expect("a string takes everything");
    }
}

/// Layers may shut everybody but root out of their directories. What cannot be reached is found when it is removed.
fn make_removable(directory: &Path) {
    let _ = fs::set_permissions(directory, Permissions::from_mode(0o700));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_removable(&entry.path());
        }
    }
}
