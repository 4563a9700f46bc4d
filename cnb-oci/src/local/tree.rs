//! Trees: directories on top of each other that nobody changes any more.

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
use rustix::io::Errno;

use super::error::errno_at;
use super::found::Found;
use super::overlay;
use super::store::Scratch;
use super::store::Session;
use super::userns::Mapping;
use crate::tree;
use crate::tree::error::unreadable;
use crate::tree::inside;
use crate::tree::inside::DIRECTORY;
use crate::tree::inside::Inside;

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

    /// The directories that the view is made of, the topmost first.
    pub(super) fn originals(&self) -> Result<Vec<Inside>> {
        let open = |path: &PathBuf| Inside::new(path).map_err(errno_at("open", path));
        self.directories.iter().map(open).collect()
    }

    pub(super) fn read(&self, path: &str) -> Result<Bytes> {
        tree::read(&self.inside, path)
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

    pub(super) fn entry(directory: &OwnedFd, name: String) -> rustix::io::Result<Entry> {
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
