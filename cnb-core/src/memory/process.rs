//! Programs and what they can do.

use std::fmt::Debug;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_lite::future;

use super::files::Node;
use super::files::join;
use super::files::parent;
use super::view::View;
use crate::backend::Entry;
use crate::backend::FileKind;
use crate::backend::Network;
use crate::backend::User;
use crate::event::Event;
use crate::event::EventSink;
use crate::event::Stream;

/// Something that runs in memory. What it does not do by itself is cancelled at its `await`s.
#[async_trait]
pub trait Program: Debug + Send + Sync {
    /// Runs to the end and returns the exit code.
    async fn run(&self, process: &mut Process<'_>) -> i32;
}

/// A running program: its arguments, its environment, its files.
///
/// Paths may be relative to the working directory. The permission bits of what is read or changed, and of
/// the directory that a name is made in, hold for every user but root.
#[derive(Debug)]
pub struct Process<'a> {
    pub(super) step: String,
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) user: User,
    pub(super) cwd: String,
    pub(super) network: Network,
    pub(super) view: View,
    pub(super) events: &'a dyn EventSink,
}

const READ: u32 = 4;
const WRITE: u32 = 2;

impl Process<'_> {
    /// The program and its arguments.
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// The environment, each name once.
    pub fn environment(&self) -> &[(String, String)] {
        &self.env
    }

    /// Who runs it.
    pub fn user(&self) -> User {
        self.user
    }

    /// Where relative paths start.
    pub fn working_directory(&self) -> &str {
        &self.cwd
    }

    /// What it can reach.
    pub fn network(&self) -> Network {
        self.network
    }

    /// Writes to a stream.
    pub fn print(&self, stream: Stream, bytes: &[u8]) {
        self.events.event(Event::Output { step: self.step.clone(), stream, bytes: bytes.to_vec() });
    }

    /// Lets others run. The time passes at once, in turns of a millisecond.
    pub async fn sleep(&self, time: Duration) {
        for _ in 0..time.as_millis().max(1) {
            future::yield_now().await;
        }
    }

    /// The content of a file.
    pub fn read(&self, path: &str) -> io::Result<Bytes> {
        let path = self.resolve(path, true)?;
        let node = self.node(&path)?;
        self.permit(&node, READ)?;
        match node.kind {
            FileKind::Regular(content) => Ok(content),
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    /// Replaces the content of a file or makes a new one.
    pub fn write(&mut self, path: &str, content: impl Into<Bytes>) -> io::Result<()> {
        let path = self.resolve(path, true)?;
        let content = FileKind::Regular(content.into());
        let node = match self.view.get(&path) {
            None => return self.create(&path, content, 0o644),
            Some(node) if node.is_directory() => return Err(io::ErrorKind::IsADirectory.into()),
            Some(node) => Node { kind: content, ..node },
        };
        self.permit(&node, WRITE)?;
        self.view.change(&path, |files, place| drop(files.0.insert(place, node)))
    }

    /// What is at a path, under its own name; a link itself, not what it points to.
    pub fn stat(&self, path: &str) -> io::Result<Entry> {
        let path = self.resolve(path, false)?;
        Ok(self.node(&path)?.entry(path.rsplit('/').next().unwrap_or_default()))
    }

    /// The names in a directory, in byte order.
    pub fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let path = self.resolve(path, true)?;
        let node = self.node(&path)?;
        self.permit(&node, READ)?;
        if node.is_directory() {
            Ok(self.view.children(&path))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Makes a directory.
    pub fn make_directory(&mut self, path: &str) -> io::Result<()> {
        let path = self.resolve(path, false)?;
        self.create(&path, FileKind::Directory, 0o755)
    }

    /// Makes a symbolic link.
    pub fn make_symlink(&mut self, target: &str, path: &str) -> io::Result<()> {
        let path = self.resolve(path, false)?;
        self.create(&path, FileKind::Symlink(target.to_owned()), 0o777)
    }

    /// Renames what is at a path, with all that is below.
    pub fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.resolve(from, false)?, self.resolve(to, false)?);
        self.node(&from)?;
        self.permit_change_in(&from)?;
        self.permit_change_in(&to)?;
        let moved = self.view.change(&from, |files, place| {
            let moved = files.subtree(&place);
            files.remove(&place);
            moved
        })?;
        self.view.change(&to, |files, place| {
            files.remove(&place);
            files.0.extend(moved.into_iter().map(|(rest, node)| (format!("{place}{rest}"), node)));
        })
    }

    /// Sets permission bits.
    pub fn set_mode(&mut self, path: &str, mode: u32) -> io::Result<()> {
        let path = self.resolve(path, true)?;
        let node = self.node(&path)?;
        if self.user.uid != 0 && self.user.uid != node.owner.uid {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.view.change(&path, |files, place| drop(files.0.insert(place, Node { mode, ..node })))
    }

    /// Removes what is at a path, with all that is below.
    pub fn remove(&mut self, path: &str) -> io::Result<()> {
        let path = self.resolve(path, false)?;
        self.node(&path)?;
        self.permit_change_in(&path)?;
        self.view.change(&path, |files, place| files.remove(&place))
    }

    fn create(&mut self, path: &str, kind: FileKind, mode: u32) -> io::Result<()> {
        if self.view.get(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.permit_change_in(path)?;
        let owner = self.user;
        self.view.change(path, |files, place| drop(files.0.insert(place, Node { kind, mode, owner })))
    }

    fn resolve(&self, path: &str, follow: bool) -> io::Result<String> {
        let path = if path.starts_with('/') { path.to_owned() } else { join(&self.cwd, path) };
        self.view.resolve(&path, follow)
    }

    fn node(&self, path: &str) -> io::Result<Node> {
        self.view.get(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn permit_change_in(&self, path: &str) -> io::Result<()> {
        self.permit(&self.node(parent(path))?, WRITE)
    }

    fn permit(&self, node: &Node, access: u32) -> io::Result<()> {
        let class = match self.user {
            User { uid: 0, .. } => return Ok(()),
            User { uid, .. } if uid == node.owner.uid => 6,
            User { gid, .. } if gid == node.owner.gid => 3,
            _ => 0,
        };
        if node.mode >> class & access == access {
            Ok(())
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
}
