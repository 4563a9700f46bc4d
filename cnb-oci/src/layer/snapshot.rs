//! A directory that is a layer by itself.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use cnb_core::backend::User;

use super::Error;
use super::directory::join;
use super::directory::walk;
use super::header::Header;
use super::header::Kind;
use super::writer::LayerWriter;

impl<W: Write> LayerWriter<W> {
    /// Adds all that is in the directory `root`, which stands for `/`, with the owners and modes of the file
    /// system: the directory itself first, depth first, names of one directory in byte order. Of several names of
    /// one file, all but the first are hard links to that one. Sockets are left out.
    ///
    /// In the dialect [`BuildKit`](super::Dialect::BuildKit) this is the layer that BuildKit makes of the
    /// directory, if the times of all that is in it are 1980-01-01T00:00:01Z and no file has a capability.
    ///
    /// # Errors
    /// [`Error::Read`] when a file cannot be read, [`Error::Changed`] when it changes while it is read.
    pub fn snapshot(&mut self, root: &Path) -> Result<(), Error> {
        self.snapshot_of(root, &|_, metadata| User::new(metadata.uid(), metadata.gid()))
    }

    /// As [`LayerWriter::snapshot`], where `owner` says who owns a path.
    fn snapshot_of(&mut self, root: &Path, owner: &dyn Fn(&Path, &Metadata) -> User) -> Result<(), Error> {
        // By inode alone, as containerd does: a snapshot is on one file system.
        let mut names: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        walk(root, &mut |path, metadata| {
            let (file, path) = (join(root, path), join(Path::new("/"), path));
            let owner = owner(&path, metadata);
            let path = path.as_os_str().as_bytes();
            if metadata.nlink() > 1 && !metadata.is_dir() && !metadata.file_type().is_socket() {
                if let Some(target) = names.get(&metadata.ino()) {
                    let (kind, mode) = (Kind::HardLink { target }, metadata.mode() & 0o7777);
                    return self.header(Header {
                        path,
                        kind,
                        mode,
                        uid: owner.uid,
                        gid: owner.gid,
                        mtime: 0,
                    });
                }
                names.insert(metadata.ino(), path.to_vec());
            }
            self.file_on_disk(&file, path, metadata, owner)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::fs::Permissions;
    use std::io;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use rustix::fs::CWD;
    use rustix::fs::FileType;
    use rustix::fs::Mode;
    use tempfile::TempDir;

    use super::super::Dialect;
    use super::*;

    /// A tree whose paths and links are at and beyond every limit of a header.
    fn tree() -> TempDir {
        let tree = TempDir::new().expect("a temporary directory");
        let at = |path: &str| tree.path().join(path);
        let deep = format!("{}/{}/{}", "d".repeat(80), "e".repeat(74), "f".repeat(100));
        let files = [
            ("a/c", 1, 0o644),
            ("a-b", 0, 0o600),
            ("a0", 513, 0o755),
            ("setuid", 511, 0o4755),
            ("setgid", 512, 0o2755),
            ("large", 700_000, 0o640),
            ("new\nline", 3, 0o444),
            ("näme/ü", 3, 0o644),
            ("big-uid", 1, 0o644),
            ("big-gid/big", 1, 0o644),
            (&format!("{}/x", "p".repeat(98)), 1, 0o644),
            (&format!("{}/x", "q".repeat(99)), 1, 0o644),
            (&"n".repeat(100), 1, 0o644),
            (&"o".repeat(101), 1, 0o644),
            (&deep, 1, 0o644),
            (&format!("{deep}0"), 1, 0o644),
            (&format!("{}/{}/é", "d".repeat(80), "g".repeat(80)), 1, 0o644),
            (&format!("{}/{}/big", "d".repeat(80), "h".repeat(80)), 1, 0o644),
            (&format!("{0}/{0}/{0}/end", "k".repeat(200)), 1, 0o644),
        ];
        for (path, size, mode) in files {
            fs::create_dir_all(at(path).parent().expect("it has a parent")).expect("directories");
            fs::write(at(path), "x".repeat(size)).expect("a file");
            fs::set_permissions(at(path), Permissions::from_mode(mode)).expect("a mode");
        }
        for (path, mode) in
            [("empty", 0o700), ("sticky", 0o1777), ("group", 0o2775), (&"m".repeat(100), 0o755)]
        {
            fs::create_dir(at(path)).expect("a directory");
            fs::set_permissions(at(path), Permissions::from_mode(mode)).expect("a mode");
        }
        for (path, target) in [
            ("link", "a/c"),
            ("link-100", &*"t".repeat(100)),
            ("link-101", &"t".repeat(101)),
            ("link-cut", &format!("{}//{}", "t".repeat(98), "t".repeat(20))),
            ("link-é", "/ä/ö"),
        ] {
            symlink(target, at(path)).expect("a link");
        }
        symlink(OsStr::from_bytes(b"\xff"), tree.path().join(OsStr::from_bytes(b"\xfe\xff")))
            .expect("a link");
        for (first, second) in [
            ("a/c", "a.hard"),
            ("link", "zlink"),
            ("link-é", "zé"),
            (&"o".repeat(101), "zlong"),
            ("big-uid", "zbig"),
            (&deep, "zdeep"),
        ] {
            fs::hard_link(at(first), at(second)).expect("a hard link");
        }
        rustix::fs::mknodat(CWD, at("fifo"), FileType::Fifo, Mode::from_raw_mode(0o622), 0).expect("a pipe");
        fs::set_permissions(at("fifo"), Permissions::from_mode(0o622)).expect("a mode");
        UnixListener::bind(at("socket")).expect("a socket");
        tree
    }

    /// Directories that were made on the way have the umask of whoever runs the tests.
    fn open_directories(root: &Path) {
        walk::<Error>(root, &mut |path, metadata| {
            if metadata.is_dir() && metadata.mode() & 0o7000 == 0 && path != Path::new("empty") {
                fs::set_permissions(join(root, path), Permissions::from_mode(0o755)).expect("a mode");
            }
            Ok(())
        })
        .expect("it can be walked");
    }

    /// The owner that a path had when the digest was recorded: tests need not be root.
    fn owner(path: &Path, _: &Metadata) -> User {
        match path.file_name().map(OsStr::as_bytes) {
            Some(b"big-uid" | b"zbig") => User::new(2_097_152, 2_097_151),
            Some(b"big-gid") => User::new(7, 4_294_967_294),
            Some(b"big") => User::new(4_000_000, 4_000_001),
            _ => User::new(1001, 1002),
        }
    }

    fn digest(root: &Path) -> (String, u64) {
        let mut layer = LayerWriter::new(io::sink(), Dialect::BuildKit);
        layer.snapshot_of(root, &owner).expect("a layer");
        let (_, written) = layer.finish().expect("a layer");
        (written.diff_id.hex().to_owned(), written.size)
    }

    /// Recorded from `archive.WriteDiff` of containerd 2.4.2 with Go 1.26 for this tree with these owners and
    /// times.
    #[test]
    fn containerd_writes_the_same_tar() {
        let tree = tree();
        open_directories(tree.path());
        let expected = "063b1cbd8fd8e17879e8f43857385a679670c215d88ee04fc317790230f9720b";
        assert_eq!(digest(tree.path()), (expected.to_owned(), 758_784));
    }

    #[test]
    fn nothing_is_two_blocks() {
        let empty = TempDir::new().expect("a temporary directory");
        let expected = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
        assert_eq!(digest(empty.path()), (expected.to_owned(), 1024));
    }
}
