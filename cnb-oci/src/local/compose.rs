//! A tree out of parts of others.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use cnb_core::backend::User;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Stat;
use rustix::io::Errno;

use super::draft;
use super::draft::Draft;
use super::draft::unwritable;
use super::error::errno_at;
use super::error::from_io;
use super::inside;
use super::inside::DIRECTORY;
use super::inside::Inside;
use super::tree::View;

/// Copies what is at `from` in a view, with owners and modes, to `to` in a draft. Directories are merged,
/// everything else is replaced. A link at `from` itself is copied, not followed.
///
/// Files are hard links where the file system permits: nobody changes a file of a tree in place.
pub(super) fn copy(draft: &Draft, view: &View, from: &str, to: &str) -> Result<()> {
    inside::check(from)?;
    inside::check(to)?;
    let mut originals = Vec::new();
    for path in view.directories() {
        originals.push(Inside::new(path).map_err(errno_at("open", path))?);
    }
    let source = source(view, from)?;
    let copying = Copying { draft, originals };
    let target = inside::split(to).unwrap_or(("/", "."));
    let parent = draft.inside().open_or_make_directory(target.0);
    let copied = parent.map_err(io::Error::from).and_then(|parent| copying.entry(&source, &parent, target.1));
    copied.map_err(|error| unwritable(to, error))
}

fn source<'a>(view: &View, from: &'a str) -> Result<Place<'a>> {
    let (parent, name) = inside::split(from).unwrap_or(("/", "."));
    let found = view.inside().canonical(parent).and_then(|path| {
        let directory = view.inside().open_canonical(&path)?;
        inside::stat(&directory, name)?;
        Ok(Place { directory, path, name })
    });
    match found {
        Ok(place) => Ok(place),
        Err(Errno::NOENT | Errno::NOTDIR) => {
            Err(Error::new(ErrorKind::NotFound, format!("there is no {from} in the tree")))
        }
        Err(errno) => Err(from_io(format!("could not read {from}"), errno.into())),
    }
}

/// A name in an open directory of a view, with the path of the directory.
struct Place<'a> {
    directory: OwnedFd,
    path: String,
    name: &'a str,
}

struct Copying<'a> {
    draft: &'a Draft,
    /// The directories of the view, the topmost first.
    originals: Vec<Inside>,
}

impl Copying<'_> {
    fn entry(&self, from: &Place<'_>, into: &OwnedFd, new_name: &str) -> io::Result<()> {
        let stat = inside::stat(&from.directory, from.name)?;
        let owner = User::new(stat.st_uid, stat.st_gid);
        match inside::kind(&stat) {
            FileType::Directory => {
                if new_name == "." {
                    self.draft.set_owner_and_mode(into, ".", stat.st_mode & 0o7777, owner)?;
                } else {
                    self.draft.make_directory(into, new_name, stat.st_mode & 0o7777, owner)?;
                }
                self.children(from, &open(into, new_name)?)
            }
            _ if new_name == "." => Err(io::ErrorKind::IsADirectory.into()),
            FileType::RegularFile if self.link(from, into, new_name) => Ok(()),
            FileType::RegularFile => self.file(from, &stat, owner, into, new_name),
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&from.directory, from.name, Vec::new())?;
                let target = target.to_str().map_err(|_| io::Error::from(Errno::ILSEQ))?;
                Ok(self.draft.make_link(into, new_name, target, owner)?)
            }
            kind => self.special(kind, &stat, owner, into, new_name),
        }
    }

    fn children(&self, from: &Place<'_>, into: &OwnedFd) -> io::Result<()> {
        let directory = open(&from.directory, from.name)?;
        let path = format!("{}/{}", from.path.trim_end_matches('/'), from.name);
        let names = inside::names(&directory)?;
        let mut place = Place { directory, path, name: "" };
        for name in &names {
            place.name = name.to_str().map_err(|_| io::Error::from(Errno::ILSEQ))?;
            self.entry(&place, into, place.name)?;
        }
        Ok(())
    }

    /// Makes a hard link to a file of the view. The view shows what the topmost directory with that path has.
    fn link(&self, from: &Place<'_>, into: &OwnedFd, new_name: &str) -> bool {
        for original in &self.originals {
            let Ok(directory) = original.open_canonical(&from.path) else { continue };
            let Ok(stat) = inside::stat(&directory, from.name) else { continue };
            return inside::kind(&stat) == FileType::RegularFile
                && draft::make_hard_link((&directory, from.name), into, new_name).is_ok();
        }
        false
    }

    fn file(
        &self,
        from: &Place<'_>,
        stat: &Stat,
        owner: User,
        into: &OwnedFd,
        new_name: &str,
    ) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut source = File::from(rustix::fs::openat(&from.directory, from.name, flags, Mode::empty())?);
        io::copy(&mut source, &mut draft::create(into, new_name)?)?;
        Ok(self.draft.finish_file(into, new_name, stat.st_mode & 0o7777, owner)?)
    }

    /// Devices are only for root to make; a tree goes without where that is not possible.
    fn special(
        &self,
        kind: FileType,
        stat: &Stat,
        owner: User,
        into: &OwnedFd,
        name: &str,
    ) -> io::Result<()> {
        inside::remove(into, name)?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        match rustix::fs::mknodat(into, name, kind, mode, stat.st_rdev) {
            Err(Errno::PERM) => Ok(()),
            created => {
                created?;
                Ok(self.draft.set_owner_and_mode(into, name, stat.st_mode & 0o7777, owner)?)
            }
        }
    }
}

fn open(parent: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(parent, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
}
