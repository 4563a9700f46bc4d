//! A directory that nothing may get out of.

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use tempfile::TempDir;

/// Rooms for the code under test, and beside them a directory that must stay as it is.
pub(crate) struct Cage {
    directory: TempDir,
    rooms: Cell<usize>,
    outside: String,
}

impl Cage {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let outside = directory.path().join("outside");
        fs::create_dir_all(outside.join("directory")).expect("a directory");
        fs::write(outside.join("file"), "kept").expect("a file");
        Self { directory, rooms: Cell::new(0), outside: described(&outside) }
    }

    /// Another empty directory that the code under test may fill.
    pub(crate) fn room(&self) -> PathBuf {
        let room = self.directory.path().join(format!("room-{}", self.rooms.get()));
        self.rooms.set(self.rooms.get() + 1);
        fs::create_dir(&room).expect("a directory");
        fs::set_permissions(&room, Permissions::from_mode(ROOM)).expect("its mode can be changed");
        room
    }

    /// The directory that must stay as it is.
    pub(crate) fn outside(&self) -> PathBuf {
        self.directory.path().join("outside")
    }

    /// Panics if anything outside of a room was changed or linked to, or if something cannot be removed.
    pub(crate) fn close(self) {
        assert_eq!(described(&self.outside()), self.outside, "outside of the directory");
        let mut rooms = 0;
        for entry in fs::read_dir(self.directory.path()).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path != self.outside() {
                let mode = fs::symlink_metadata(&path).expect("a room").mode();
                assert_eq!(mode & 0o7777, ROOM, "the mode of {}", path.display());
                make_removable(&path);
                rooms += 1;
            }
        }
        assert_eq!(rooms, self.rooms.get(), "something is beside the directory");
        self.directory.close().expect("it can be removed");
    }
}

/// The mode of a room; what is put into it does not change it.
const ROOM: u32 = 0o750;

fn described(directory: &Path) -> String {
    let mut text = String::new();
    describe(directory, &mut text);
    text
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

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn what_gets_out_is_noticed() {
        type Act = fn(&Path);
        let acts: [(Act, bool); 7] = [
            (|room| fs::write(room.join("file"), "x").expect("a file"), true),
            (|room| fs::write(room.join("../outside/file"), "kept").expect("a file"), false),
            (|room| fs::write(room.join("../outside/new"), "x").expect("a file"), false),
            (|room| fs::hard_link(room.join("../outside/file"), room.join("x")).expect("a link"), false),
            (|room| fs::create_dir(room.join("../beside")).expect("a directory"), false),
            (|room| fs::set_permissions(room, Permissions::from_mode(0o700)).expect("a mode"), false),
            (|room| fs::remove_dir(room).expect("removed"), false),
        ];
        for (index, (act, holds)) in acts.into_iter().enumerate() {
            let cage = Cage::new();
            act(&cage.room());
            assert_eq!(catch_unwind(AssertUnwindSafe(|| cage.close())).is_ok(), holds, "{index}");
        }
    }
}
