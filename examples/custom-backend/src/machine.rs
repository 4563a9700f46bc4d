//! A machine of its own for each step: one tree with the mounts grafted on.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use cnb_core::backend::Network;
use cnb_core::backend::Result;
use cnb_core::backend::Step;
use cnb_core::backend::User;
use cnb_core::conformance::probe::Host;
use cnb_core::conformance::probe::Stat;
use cnb_core::event::Event;
use cnb_core::event::Stream;
use cnb_core::passwd;

use crate::files::Body;
use crate::files::Files;
use crate::files::Node;
use crate::pool::Message;

const READ: u32 = 4;
const WRITE: u32 = 2;

/// The machine.
pub(crate) struct Machine {
    files: Files,
    mounts: Vec<Mounted>,
    step: String,
    user: User,
    cwd: String,
    env: Vec<(String, String)>,
    network: Network,
    messages: async_channel::Sender<Message>,
}

struct Mounted {
    target: String,
    place: String,
    hidden: Arc<Node>,
    writable: bool,
}

impl Machine {
    pub(crate) fn new(step: &Step, files: Files, messages: async_channel::Sender<Message>) -> Result<Self> {
        let mut env: BTreeMap<&String, String> =
            step.env.iter().map(|(name, value)| (name, value.clone())).collect();
        for (name, secret) in &step.secret_env {
            env.insert(name, String::from_utf8_lossy(secret.expose()?).into_owned());
        }
        let env = env.into_iter().map(|(name, value)| (name.clone(), value)).collect();
        let (step, user, cwd, network) = (step.name.clone(), step.user, step.cwd.clone(), step.network);
        Ok(Self { files, mounts: Vec::new(), step, user, cwd, env, network, messages })
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// Grafts a tree on; outer mounts come before inner ones.
    pub(crate) fn mount(&mut self, target: String, files: &Files, writable: bool) -> Result<()> {
        if self.files.lookup(&target).is_err() {
            self.files.copy(&Files::empty(User::ROOT), "/", &target)?;
        }
        let hidden = Arc::clone(self.files.lookup(&target)?);
        let place = self.files.locate(&target, true).expect("it was looked up");
        self.files.set(&place, files.get("").cloned());
        self.mounts.push(Mounted { target, place, hidden, writable });
        Ok(())
    }

    /// Adds the home of the user to the environment, unless the step has one.
    pub(crate) fn complete_home(&mut self) {
        if !self.env.iter().any(|(name, value)| name == "HOME" && !value.is_empty()) {
            let users = self.files.read("/etc/passwd").unwrap_or_default();
            let home = passwd::home(&String::from_utf8_lossy(&users), self.user.uid).to_owned();
            self.env.retain(|(name, _)| name != "HOME");
            self.env.push(("HOME".to_owned(), home));
        }
    }

    /// Takes all mounts off, inner ones first, and says what is behind each.
    pub(crate) fn unmount_all(&mut self) -> BTreeMap<String, Files> {
        let mut left = BTreeMap::new();
        for Mounted { target, place, hidden, .. } in std::mem::take(&mut self.mounts).into_iter().rev() {
            let node = self.files.get(&place).map_or_else(|| Arc::clone(&hidden), Arc::clone);
            left.insert(target, Files::rooted(node));
            self.files.set(&place, Some(hidden));
        }
        left
    }

    fn locate(&self, path: &str, follow: bool) -> io::Result<String> {
        let start = if path.starts_with('/') { "" } else { &self.cwd };
        self.files.locate(&format!("{start}/{path}"), follow)
    }

    fn node(&self, place: &str) -> io::Result<&Node> {
        self.files.get(place).map(|node| &**node).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Whether the user may do this to a file.
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

    /// Replaces or removes what is at a place, if its mount lets that happen.
    fn set(&mut self, place: &str, node: Option<Node>) -> io::Result<()> {
        let holds = |mount: &&Mounted| {
            let rest = place.strip_prefix(mount.place.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if self.mounts.iter().rev().find(holds).is_some_and(|mount| !mount.writable) {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.files.set(place, node.map(Arc::new));
        Ok(())
    }

    /// Makes or removes a name, if the user may change its directory.
    fn set_name(&mut self, place: &str, node: Option<Node>) -> io::Result<()> {
        self.permit(self.node(&place[..place.rfind('/').unwrap_or(0)])?, WRITE)?;
        self.set(place, node)
    }

    fn make(&mut self, path: &str, body: Body, mode: u32) -> io::Result<()> {
        let place = self.locate(path, false)?;
        if self.files.get(&place).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.set_name(&place, Some(Node { body, mode, owner: self.user }))
    }
}

/// What the probe asks for. A backend with real machines has real system calls instead.
impl Host for Machine {
    fn print(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let event = Event::Output { step: self.step.clone(), stream, bytes: bytes.to_vec() };
        self.messages.try_send(Message::Event(event)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let place = self.locate(path, true)?;
        let node = self.node(&place)?;
        self.permit(node, READ)?;
        match &node.body {
            Body::File(content) => Ok(content.to_vec()),
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn write(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let place = self.locate(path, true)?;
        let body = Body::File(content.to_vec().into());
        let Some(node) = self.files.get(&place) else {
            return self.set_name(&place, Some(Node { body, mode: 0o644, owner: self.user }));
        };
        self.permit(node, WRITE)?;
        let node = Node { body, ..**node };
        self.set(&place, Some(node))
    }

    fn append(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let old = match self.read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            old => old?,
        };
        self.write(path, &[&old, content].concat())
    }

    fn stat(&mut self, path: &str) -> io::Result<Stat> {
        let node = self.node(&self.locate(path, false)?)?;
        let (mode, owner) = (node.mode, node.owner);
        Ok(match &node.body {
            Body::Directory(_) => Stat::Directory { mode, owner },
            Body::File(content) => Stat::File { mode, owner, size: content.len() as u64 },
            Body::Link(target) => Stat::Link { target: target.clone() },
        })
    }

    fn list(&mut self, path: &str) -> io::Result<Vec<String>> {
        let node = self.node(&self.locate(path, true)?)?;
        self.permit(node, READ)?;
        match &node.body {
            Body::Directory(children) => Ok(children.keys().cloned().collect()),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn make_directory(&mut self, path: &str) -> io::Result<()> {
        self.make(path, Body::Directory(BTreeMap::new()), 0o755)
    }

    fn make_symlink(&mut self, target: &str, path: &str) -> io::Result<()> {
        self.make(path, Body::Link(target.to_owned()), 0o777)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.locate(from, false)?, self.locate(to, false)?);
        let node = self.node(&from)?.clone();
        self.set_name(&from, None)?;
        self.set_name(&to, Some(node))
    }

    fn set_mode(&mut self, path: &str, mode: u32) -> io::Result<()> {
        let place = self.locate(path, true)?;
        let node = self.node(&place)?.clone();
        if self.user.uid != 0 && self.user.uid != node.owner.uid {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.set(&place, Some(Node { mode, ..node }))
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        let place = self.locate(path, false)?;
        self.node(&place)?;
        self.set_name(&place, None)
    }

    fn user(&mut self) -> io::Result<User> {
        Ok(self.user)
    }

    fn working_directory(&mut self) -> io::Result<String> {
        Ok(self.cwd.clone())
    }

    fn environment(&mut self) -> Vec<(String, String)> {
        self.env.clone()
    }

    fn routes(&mut self) -> io::Result<Vec<String>> {
        Ok(if self.network == Network::None { Vec::new() } else { vec!["eth0".to_owned()] })
    }

    fn connect(&mut self, _address: &str) -> io::Result<()> {
        if self.network == Network::None { Err(io::ErrorKind::NetworkUnreachable.into()) } else { Ok(()) }
    }
}
