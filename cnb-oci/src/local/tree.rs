//! Trees: directories on top of each other that nobody changes any more.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use cnb_core::backend::Entry;
use cnb_core::backend::EntryKind;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use cnb_core::backend::Tree;
use cnb_core::backend::User;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::error::errno_at;
use super::error::from_io;
use super::found::Found;
use super::inside;
use super::inside::DIRECTORY;
use super::inside::Inside;
use super::overlay;
use super::store::Scratch;
use super::store::Session;
use super::userns::Mapping;

/// The directory of a [`Scratch`] that has the files of a tree.
pub(super) const FILES: &str = "files";

/// What a [`Tree`] of this backend is.
#[derive(Clone, Debug)]
pub(super) struct LocalTree {
    /// The topmost first.
    layers: Vec<Arc<dyn Directory>>,
    /// The image whose root file system it is.
    image: Option<Arc<Found>>,
}

/// A directory that exists as long as this value.
pub(super) trait Directory: std::fmt::Debug + Send + Sync {
    /// Where it is; what makes it on demand does so now.
    fn path(&self) -> Result<PathBuf>;
}

impl Directory for Scratch {
    fn path(&self) -> Result<PathBuf> {
        Ok(Self::path(self).join(FILES))
    }
}

impl LocalTree {
    /// A tree of one directory.
    pub(super) fn new(directory: impl Directory + 'static) -> Self {
        Self { layers: vec![Arc::new(directory)], image: None }
    }

    /// The root file system of an image.
    pub(super) fn of_image(image: Arc<Found>) -> Self {
        Self { layers: vec![Arc::new(Arc::clone(&image))], image: Some(image) }
    }

    /// The image whose root file system it is.
    pub(super) fn image(&self) -> Option<&Arc<Found>> {
        self.image.as_ref()
    }

    /// The value behind the handle.
    pub(super) fn of(tree: &Tree) -> Result<&Self> {
        tree.downcast_ref()
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the tree is one of another backend"))
    }

    /// What the tree is with `directory` on top.
    pub(super) fn with_top(&self, directory: impl Directory + 'static) -> Self {
        let top: Arc<dyn Directory> = Arc::new(directory);
        let layers = std::iter::once(top).chain(self.layers.iter().cloned()).collect();
        Self { layers, image: None }
    }

    /// Its directories, the topmost first.
    pub(super) fn directories(&self) -> Result<Vec<PathBuf>> {
        self.layers.iter().map(|layer| layer.path()).collect()
    }

    /// Makes the tree readable as one directory.
    pub(super) fn view(&self, session: &Arc<Session>, mapping: Mapping) -> Result<View> {
        let directories = self.directories()?;
        let inside = match directories.as_slice() {
            [only] => Inside::new(only).map_err(errno_at("open", only))?,
            several => {
                let work = session.work()?;
                let target = work.create("view")?;
                let mounted = overlay::mount(several, None, &target, mapping.in_user_namespace())?;
                // The open directory keeps the file system once it is unmounted.
                Inside::new(mounted.path()).map_err(errno_at("open", &target))?
            }
        };
        Ok(View { inside, directories, _tree: self.clone() })
    }
}

/// A tree to read.
#[derive(Debug)]
pub(super) struct View {
    inside: Inside,
    directories: Vec<PathBuf>,
    /// Keeps the directories.
    _tree: LocalTree,
}

impl View {
    pub(super) fn inside(&self) -> &Inside {
        &self.inside
    }

    /// The path of a directory of the view, for this process as long as the view is there.
    pub(super) fn path(&self, directory: &str) -> rustix::io::Result<PathBuf> {
        let canonical = self.inside.canonical(directory)?;
        Ok(self.inside.path().join(canonical.trim_start_matches('/')))
    }

    /// The directories that the view is made of, the topmost first.
    pub(super) fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    pub(super) fn read(&self, path: &str) -> Result<Bytes> {
        inside::check(path)?;
        let cannot = |error: Errno| unreadable(path, error);
        // Not `RDONLY` at once: opening a pipe would wait for who writes to it.
        let found = self.inside.open(path, OFlags::PATH).map_err(cannot)?;
        let stat = rustix::fs::fstat(&found).map_err(cannot)?;
        match inside::kind(&stat) {
            FileType::RegularFile => {}
            FileType::Directory => return Err(cannot(Errno::ISDIR)),
            _ => return Err(cannot(Errno::INVAL)),
        }
        let file = self.inside.open(path, OFlags::RDONLY).map_err(cannot)?;
        let mut content = Vec::new();
        std::fs::File::from(file)
            .read_to_end(&mut content)
            .map_err(|error| from_io(format!("could not read {path}"), error))?;
        Ok(content.into())
    }

    pub(super) fn list(&self, path: &str) -> Result<Vec<Entry>> {
        inside::check(path)?;
        let cannot = |error: Errno| unreadable(path, error);
        let directory = self.inside.open(path, DIRECTORY).map_err(cannot)?;
        let names = inside::names(&directory).map_err(cannot)?;
        names
            .into_iter()
            .map(|name| {
                let name = name.into_string().map_err(|_| cannot(Errno::ILSEQ))?;
                Self::entry(&directory, name).map_err(cannot)
            })
            .collect()
    }

    fn entry(directory: &OwnedFd, name: String) -> rustix::io::Result<Entry> {
        let stat = inside::stat(directory, &name)?;
        let mut size = 0;
        let kind = match inside::kind(&stat) {
            FileType::Directory => EntryKind::Directory,
            FileType::RegularFile => {
                size = u64::try_from(stat.st_size).unwrap_or(0);
                EntryKind::Regular
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(directory, &name, Vec::new())?;
                EntryKind::Symlink(target.into_string().map_err(|_| Errno::ILSEQ)?)
            }
            _ => EntryKind::Other,
        };
        let owner = User::new(stat.st_uid, stat.st_gid);
        let mode = Mode::from_raw_mode(stat.st_mode).as_raw_mode() & 0o7777;
        Ok(Entry { name, kind, mode, owner, size })
    }
}

pub(super) fn unreadable(path: &str, errno: Errno) -> Error {
    let (kind, message) = match errno {
        Errno::NOENT => (ErrorKind::NotFound, format!("there is no {path}")),
        Errno::ISDIR => (ErrorKind::InvalidInput, format!("{path} is a directory")),
        Errno::NOTDIR => (ErrorKind::InvalidInput, format!("{path} is not a directory")),
        Errno::INVAL => (ErrorKind::InvalidInput, format!("{path} is not a regular file")),
        Errno::ILSEQ => (ErrorKind::InvalidInput, format!("a name in {path} is not UTF-8")),
        Errno::LOOP => (ErrorKind::InvalidInput, format!("{path} goes through too many links")),
        errno => return from_io(format!("could not read {path}"), errno.into()),
    };
    Error::new(kind, message)
}
