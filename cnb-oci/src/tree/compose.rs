//! A tree out of parts of others.

use std::cell::RefCell;
use std::collections::BTreeMap;
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
use rustix::fs::Timespec;
use rustix::fs::Timestamps;
use rustix::io::Errno;

use super::Draft;
use super::draft;
use super::draft::unwritable;
use super::error::from_io;
use super::inside;
use super::inside::DIRECTORY;
use super::inside::Inside;

/// Copies what is at `from` in a tree, with owners and modes, to `to` in a draft. Directories are merged,
/// everything else is replaced. A link at `from` itself is copied, not followed.
///
/// `originals` are the directories that the tree is a view of, the topmost first: files become hard links to
/// those in them, where the file system permits, as nobody changes a file of a tree in place. What are hard
/// links of each other in the tree are so in the copy, too. Extended attributes are not kept.
pub(crate) fn copy(draft: &Draft, tree: &Inside, originals: &[Inside], from: &str, to: &str) -> Result<()> {
    inside::check(from)?;
    inside::check(to)?;
    let source = source(tree, from)?;
    let (parent, name) = inside::split(to).unwrap_or(("/", "."));
    let copied = draft.inside().open_or_make_directory(parent).map_err(io::Error::from).and_then(|top| {
        let target = Place { directory: open(&top, ".")?, path: String::new(), name };
        Copying { draft, originals, top, copies: RefCell::default() }.entry(&source, &target)
    });
    copied.map_err(|error| unwritable(to, error))
}

fn source<'a>(tree: &Inside, from: &'a str) -> Result<Place<'a>> {
    let (parent, name) = inside::split(from).unwrap_or(("/", "."));
    let found = tree.canonical(parent).and_then(|path| {
        let directory = tree.open_canonical(&path)?;
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

/// A name in an open directory, with the path of the directory.
struct Place<'a> {
    directory: OwnedFd,
    path: String,
    name: &'a str,
}

impl Place<'_> {
    fn inner(&self) -> String {
        format!("{}/{}", self.path.trim_end_matches('/'), self.name)
    }
}

struct Copying<'a> {
    draft: &'a Draft,
    originals: &'a [Inside],
    /// The directory that paths of targets begin at. All that is below it on the way to a target was made, or
    /// found to be no link, by this copying.
    top: OwnedFd,
    /// Where files with several names were copied to.
    copies: RefCell<BTreeMap<(u64, u64), String>>,
}

impl Copying<'_> {
    fn entry(&self, from: &Place<'_>, to: &Place<'_>) -> io::Result<()> {
        let stat = inside::stat(&from.directory, from.name)?;
        let (owner, mode) = (User::new(stat.st_uid, stat.st_gid), stat.st_mode & 0o7777);
        let (into, new_name) = (&to.directory, to.name);
        match inside::kind(&stat) {
            FileType::Directory => {
                if new_name == "." {
                    self.draft.set_owner_and_mode(into, ".", mode, owner)?;
                } else {
                    self.draft.make_directory(into, new_name, mode, owner)?;
                }
                self.children(from, to)
            }
            _ if new_name == "." => Err(io::ErrorKind::IsADirectory.into()),
            FileType::RegularFile if self.link(from, to) => Ok(()),
            FileType::RegularFile => self.file(from, &stat, to),
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&from.directory, from.name, Vec::new())?;
                let target = target.to_str().map_err(|_| io::Error::from(Errno::ILSEQ))?;
                Ok(self.draft.make_link(into, new_name, target, owner)?)
            }
            kind => {
                // A tree goes without devices where they cannot be made.
                self.draft.make_special(into, new_name, kind, stat.st_rdev, mode, owner)?;
                Ok(())
            }
        }
    }

    fn children(&self, from: &Place<'_>, to: &Place<'_>) -> io::Result<()> {
        let mut inner = Place { directory: open(&from.directory, from.name)?, path: from.inner(), name: "" };
        let mut inner_to = Place { directory: open(&to.directory, to.name)?, path: to.inner(), name: "" };
        for name in &inside::names(&inner.directory)? {
            let name = name.to_str().map_err(|_| io::Error::from(Errno::ILSEQ))?;
            (inner.name, inner_to.name) = (name, name);
            self.entry(&inner, &inner_to)?;
        }
        Ok(())
    }

    /// Makes a hard link to a file of the tree. It shows what the topmost directory with that path has.
    fn link(&self, from: &Place<'_>, to: &Place<'_>) -> bool {
        for original in self.originals {
            let Ok(directory) = original.open_canonical(&from.path) else { continue };
            let Ok(stat) = inside::stat(&directory, from.name) else { continue };
            return inside::kind(&stat) == FileType::RegularFile
                && draft::make_hard_link(&directory, from.name, &to.directory, to.name).is_ok();
        }
        false
    }

    fn file(&self, from: &Place<'_>, stat: &Stat, to: &Place<'_>) -> io::Result<()> {
        let id = (stat.st_dev, stat.st_ino);
        if let Some(copy) = self.copies.borrow().get(&id)
            && draft::make_hard_link(&self.top, copy.as_str(), &to.directory, to.name).is_ok()
        {
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut source = File::from(rustix::fs::openat(&from.directory, from.name, flags, Mode::empty())?);
        let mut copy = draft::create(&to.directory, to.name)?;
        io::copy(&mut source, &mut copy)?;
        let owner = User::new(stat.st_uid, stat.st_gid);
        self.draft.set_owner_and_mode(&to.directory, to.name, stat.st_mode & 0o7777, owner)?;
        set_time(&copy, stat)?;
        if stat.st_nlink > 1 {
            self.copies.borrow_mut().insert(id, format!(".{}", to.inner()));
        }
        Ok(())
    }
}

/// The time of last modification, which a hard link would have too: tools compare it.
fn set_time(copy: &File, stat: &Stat) -> rustix::io::Result<()> {
    let time = Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec.cast_signed() };
    rustix::fs::futimens(copy, &Timestamps { last_access: time, last_modification: time })
}

fn open(parent: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(parent, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
}
