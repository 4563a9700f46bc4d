//! Entries of one layer become files.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write as _;

use cnb_core::backend::User;
use rustix::fs::AtFlags;
use rustix::fs::Dev;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Timespec;
use rustix::io::Errno;

use super::Error;
use super::Options;
use super::Report;
use super::Skipped;
use super::What;
use super::archive::Archive;
use super::archive::Entry;
use super::archive::Kind;
use super::entry_path::EntryPath;
use super::lower::Upper;
use super::metadata::Place;
use crate::inside;
use crate::inside::DIRECTORY;
use crate::inside::Inside;

/// Names that begin so are whiteouts; the rest is the name that is hidden.
const WHITEOUT: &[u8] = b".wh.";

/// Hides everything that lower layers have in its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Names that begin so are bookkeeping of aufs.
const AUFS: &[u8] = b".wh..wh.";

/// A layer on its way into a directory.
pub(super) struct Applying<'a> {
    root: &'a Inside,
    layer: &'a str,
    options: &'a Options,
    upper: Upper,
    /// By device and inode.
    directories: BTreeMap<(u64, u64), Directory>,
    report: Report,
    buffer: Vec<u8>,
}

/// What a directory gets at the end: until then files are made in it.
struct Directory {
    path: EntryPath,
    mode: u32,
    has_owner: bool,
    mtime: Timespec,
}

/// Why an entry could not become a file.
enum Failure {
    Invalid(&'static str),
    Read(io::Error),
    Write(io::Error),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Write(errno.into())
    }
}

impl<'a> Applying<'a> {
    pub(super) fn new(root: &'a Inside, layer: &'a str, options: &'a Options) -> Self {
        let (upper, directories, report) = (Upper::default(), BTreeMap::new(), Report::default());
        Self { root, layer, options, upper, directories, report, buffer: vec![0; 128 << 10] }
    }

    pub(super) fn run(mut self, tar: impl Read) -> Result<Report, Error> {
        let layer = self.layer;
        let read = |after: &str| {
            let after = after.to_owned();
            move |source| Error::Read { layer: layer.to_owned(), after, source }
        };
        let mut archive = Archive::new(tar);
        let mut name = String::new();
        while let Some(entry) = archive.next_entry().map_err(read(&name))? {
            name = String::from_utf8_lossy(&entry.path).into_owned();
            self.entry(&entry, &name, &mut archive).map_err(|failure| failure.at(layer, &name))?;
        }
        archive.finish().map_err(read(&name))?;
        self.finish_directories()?;
        Ok(self.report)
    }

    fn entry(&mut self, entry: &Entry, name: &str, archive: &mut Archive<impl Read>) -> Result<(), Failure> {
        let Some(path) = EntryPath::new(&entry.path) else {
            let is_directory = matches!(entry.kind, Kind::Directory);
            return if is_directory { Ok(()) } else { Err(Failure::Invalid("the root is a directory")) };
        };
        if path.name().starts_with(WHITEOUT) {
            return if self.options.alone { Ok(()) } else { self.whiteout(&path) };
        }
        // Hard links between files that are gone.
        if path.as_bytes().starts_with(AUFS) {
            return Ok(());
        }
        let parent = self.root.open_or_make_directory(path.parent())?;
        let place = Place { directory: &parent, name: path.name() };
        if !self.make(&entry.kind, place, archive)? {
            self.skip(name, What::Device);
            return Ok(());
        }
        self.upper.add(&parent, path.name())?;
        if matches!(entry.kind, Kind::HardLink(_)) {
            return Ok(());
        }
        let owner = owner(entry)?;
        let has_owner = place.set_owner(self.options.owners, owner)?;
        if !has_owner {
            self.skip(name, What::Owner(owner));
        }
        for what in place.set_attributes(&entry.attributes)? {
            self.skip(name, what);
        }
        match entry.kind {
            Kind::Directory => {
                let stat = inside::stat(&parent, path.name())?;
                let directory = Directory { path, mode: entry.mode, has_owner, mtime: entry.mtime };
                self.directories.insert((stat.st_dev, stat.st_ino), directory);
                return Ok(());
            }
            Kind::Symlink(_) => {}
            _ => place.set_mode(entry.mode, has_owner)?,
        }
        Ok(place.set_time(entry.mtime)?)
    }

    /// Makes a file in place of what is there; returns false if that is not permitted here.
    fn make(
        &mut self,
        kind: &Kind,
        at: Place<'_>,
        archive: &mut Archive<impl Read>,
    ) -> Result<bool, Failure> {
        match kind {
            Kind::Directory => make_directory(at)?,
            Kind::Regular => self.make_file(at, archive)?,
            Kind::Symlink(target) => {
                inside::remove(at.directory, at.name)?;
                rustix::fs::symlinkat(target, at.directory, at.name)?;
            }
            Kind::HardLink(target) => self.make_hard_link(at, target)?,
            Kind::Fifo => {
                inside::remove(at.directory, at.name)?;
                make_node(at, FileType::Fifo, 0)?;
            }
            Kind::CharacterDevice { major, minor } => {
                return make_device(at, FileType::CharacterDevice, *major, *minor);
            }
            Kind::BlockDevice { major, minor } => {
                return make_device(at, FileType::BlockDevice, *major, *minor);
            }
        }
        Ok(true)
    }

    fn make_file(&mut self, at: Place<'_>, archive: &mut Archive<impl Read>) -> Result<(), Failure> {
        inside::remove(at.directory, at.name)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(at.directory, at.name, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(file);
        loop {
            let length = archive.read_content(&mut self.buffer).map_err(Failure::Read)?;
            if length == 0 {
                return Ok(());
            }
            file.write_all(&self.buffer[..length]).map_err(Failure::Write)?;
        }
    }

    fn make_hard_link(&self, at: Place<'_>, target: &[u8]) -> Result<(), Failure> {
        let missing = || Failure::Invalid("the target of the hard link is not there");
        let target = EntryPath::new(target).ok_or(Failure::Invalid("a hard link to the root"))?;
        let parent = match self.root.open(target.parent(), DIRECTORY) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Err(missing()),
            parent => parent?,
        };
        let found = match inside::stat(&parent, target.name()) {
            Err(Errno::NOENT) => return Err(missing()),
            found => found?,
        };
        if inside::kind(&found) == FileType::Directory {
            return Err(Failure::Invalid("a hard link to a directory"));
        }
        let same = |there: rustix::fs::Stat| (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino);
        if inside::stat(at.directory, at.name).is_ok_and(same) {
            return Ok(());
        }
        inside::remove(at.directory, at.name)?;
        match rustix::fs::linkat(&parent, target.name(), at.directory, at.name, AtFlags::empty()) {
            // It was in what the link replaces.
            Err(Errno::NOENT) => Err(missing()),
            linked => Ok(linked?),
        }
    }

    fn whiteout(&self, path: &EntryPath) -> Result<(), Failure> {
        let directory = match self.root.open(path.parent(), DIRECTORY) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            directory => directory?,
        };
        if path.name() == OPAQUE {
            return Ok(self.upper.hide_all(&directory)?);
        }
        if path.name().starts_with(AUFS) {
            return Ok(());
        }
        let hidden = &path.name()[WHITEOUT.len()..];
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(Failure::Invalid("a whiteout that names no file"));
        }
        let hidden = CString::new(hidden).map_err(|_| Failure::Invalid("a NUL in a name"))?;
        Ok(self.upper.hide(&directory, &hidden)?)
    }

    /// Sets what making files in directories would change again.
    fn finish_directories(&mut self) -> Result<(), Error> {
        // Deep ones first: the modes of those above them may shut us out.
        let mut directories: Vec<_> = std::mem::take(&mut self.directories).into_iter().collect();
        directories.sort_by(|(_, a), (_, b)| b.path.as_bytes().cmp(a.path.as_bytes()));
        for (id, directory) in directories {
            let finished = self.finish_directory(id, &directory);
            finished.map_err(|errno| {
                Failure::from(errno).at(self.layer, &String::from_utf8_lossy(directory.path.as_bytes()))
            })?;
        }
        Ok(())
    }

    fn finish_directory(&self, id: (u64, u64), directory: &Directory) -> rustix::io::Result<()> {
        let found = self.root.open(directory.path.parent(), DIRECTORY).and_then(|parent| {
            let stat = inside::stat(&parent, directory.path.name())?;
            Ok((parent, stat))
        });
        let (parent, stat) = match found {
            // A later entry has taken its place.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            found => found?,
        };
        if (stat.st_dev, stat.st_ino) != id || inside::kind(&stat) != FileType::Directory {
            return Ok(());
        }
        let place = Place { directory: &parent, name: directory.path.name() };
        place.set_mode(directory.mode, directory.has_owner)?;
        place.set_time(directory.mtime)
    }

    fn skip(&mut self, entry: &str, what: What) {
        self.report.skipped.push(Skipped { entry: entry.to_owned(), what });
    }
}

impl Failure {
    fn at(self, layer: &str, entry: &str) -> Error {
        let (layer, entry) = (layer.to_owned(), entry.to_owned());
        match self {
            Self::Invalid(reason) => Error::Invalid { layer, entry, reason },
            Self::Read(source) => Error::Read { layer, after: entry, source },
            Self::Write(source) => Error::Write { layer, entry, source },
        }
    }
}

fn owner(entry: &Entry) -> Result<User, Failure> {
    // The largest number tells the kernel to change nothing.
    let id = |id: u64| u32::try_from(id).ok().filter(|&id| id != u32::MAX);
    let owner = id(entry.uid).zip(id(entry.gid)).map(|(uid, gid)| User::new(uid, gid));
    owner.ok_or(Failure::Invalid("its owner is no user"))
}

/// Keeps a directory that is there.
fn make_directory(at: Place<'_>) -> rustix::io::Result<()> {
    let there = inside::stat(at.directory, at.name);
    if there.is_ok_and(|stat| inside::kind(&stat) == FileType::Directory) {
        return Ok(());
    }
    inside::remove(at.directory, at.name)?;
    rustix::fs::mkdirat(at.directory, at.name, Mode::RWXU)
}

/// Returns false if it is not permitted.
fn make_device(at: Place<'_>, kind: FileType, major: u32, minor: u32) -> Result<bool, Failure> {
    inside::remove(at.directory, at.name)?;
    if kind == FileType::CharacterDevice && (major, minor) == (0, 0) {
        return Ok(false);
    }
    match make_node(at, kind, rustix::fs::makedev(major, minor)) {
        Err(Errno::PERM) => Ok(false),
        made => {
            made?;
            Ok(true)
        }
    }
}

fn make_node(at: Place<'_>, kind: FileType, device: Dev) -> rustix::io::Result<()> {
    rustix::fs::mknodat(at.directory, at.name, kind, Mode::RUSR | Mode::WUSR, device)
}
