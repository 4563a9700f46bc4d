//! What a process sees: a root and what is mounted into it.

use std::io;

use async_lock::MutexGuardArc;

use super::SharedCache;
use super::files;
use super::files::FileTree;
use super::files::Node;
use super::files::join;
use super::files::parent;
use crate::backend::User;

/// The root and the mounts of a step, by target, the root first.
#[derive(Debug)]
pub(super) struct View(Vec<Mounted>);

/// A tree at its place.
#[derive(Debug)]
pub(super) struct Mounted {
    pub(super) target: String,
    pub(super) files: Held,
    pub(super) writable: bool,
}

/// A tree that lives as long as the step, or longer.
#[derive(Debug)]
pub(super) enum Held {
    Own(FileTree),
    Cache(MutexGuardArc<FileTree>),
    SharedCache(SharedCache),
}

impl Held {
    fn look<T>(&self, look: impl FnOnce(&FileTree) -> T) -> T {
        match self {
            Self::Own(files) => look(files),
            Self::Cache(files) => look(files),
            Self::SharedCache(files) => look(&files.lock().expect("no holder of this lock panics")),
        }
    }

    fn change<T>(&mut self, change: impl FnOnce(&mut FileTree) -> T) -> T {
        match self {
            Self::Own(files) => change(files),
            Self::Cache(files) => change(files),
            Self::SharedCache(files) => change(&mut files.lock().expect("no holder of this lock panics")),
        }
    }
}

impl View {
    /// Mounts everything; targets that do not exist are made where that is possible.
    pub(super) fn new(root: FileTree, mut mounts: Vec<Mounted>) -> Self {
        let mut view = Self(vec![Mounted { target: "/".to_owned(), files: Held::Own(root), writable: true }]);
        mounts.sort_by(|a, b| a.target.cmp(&b.target));
        for mount in mounts {
            let (index, place) = view.locate(&mount.target);
            let around = &mut view.0[index];
            if around.writable {
                around.files.change(|files| {
                    if !files.0.contains_key(&place) {
                        // A target below a file stays hidden behind the mount anyway.
                        let _ = files.place(&place, Node::directory(User::ROOT));
                    }
                });
            }
            view.0.push(mount);
        }
        view
    }

    /// The mounts, when the step is over.
    pub(super) fn into_mounts(self) -> Vec<Mounted> {
        self.0
    }

    /// The path without links.
    pub(super) fn resolve(&self, path: &str, follow: bool) -> io::Result<String> {
        files::resolve(path, follow, &|path| self.get(path))
    }

    /// What is at a path without links.
    pub(super) fn get(&self, path: &str) -> Option<Node> {
        let (index, place) = self.locate(path);
        self.0[index].files.look(|files| files.0.get(&place).cloned())
    }

    /// The names in a directory.
    pub(super) fn children(&self, directory: &str) -> Vec<String> {
        let (index, place) = self.locate(directory);
        let names: Vec<String> = self.0[index]
            .files
            .look(|files| files.children(&place).map(|(name, _)| name.to_owned()).collect());
        let mounted = self.0.iter().filter(|mount| mount.target != "/" && parent(&mount.target) == directory);
        let mut names: Vec<String> = names
            .into_iter()
            .chain(mounted.map(|mount| mount.target[mount.target.rfind('/').unwrap_or(0) + 1..].to_owned()))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Changes the tree that holds a path, at the path in it.
    pub(super) fn change<T>(
        &mut self,
        path: &str,
        change: impl FnOnce(&mut FileTree, String) -> T,
    ) -> io::Result<T> {
        let (index, place) = self.locate(path);
        let mount = &mut self.0[index];
        if !mount.writable {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        Ok(mount.files.change(|files| change(files, place)))
    }

    /// The innermost mount that holds a path, and the path in it.
    fn locate(&self, path: &str) -> (usize, String) {
        let inside = |mount: &Mounted| {
            let rest = path.strip_prefix(mount.target.trim_end_matches('/'))?;
            (rest.is_empty() || rest.starts_with('/')).then(|| join("/", rest))
        };
        let found = self.0.iter().enumerate().rev().find_map(|(index, mount)| Some((index, inside(mount)?)));
        found.expect("the root holds every path")
    }
}
