//! The side of the protocol that wants the files.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::fs::FileTimes;
use std::future::Future;
use std::io;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream;
use prost::Message;
use rustix::fs::OFlags;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tonic::Status;

use crate::mode;
use crate::pb::fsutil::Packet;
use crate::pb::fsutil::Stat;
use crate::pb::fsutil::packet::PacketType;

/// How many packets may wait.
const WAITING: usize = 64;

/// Takes files into a directory, beside those that are there. All of them belong to whoever this is.
///
/// Gives the answers, and what has to be driven for them to come; that ends with the error of it.
///
/// Source: `receive.go` of the Go module `github.com/tonistiigi/fsutil`.
pub(crate) fn receive<S>(
    root: PathBuf,
    frames: S,
) -> (impl Stream<Item = Bytes>, impl Future<Output = Result<(), Status>>)
where
    S: Stream<Item = Result<Bytes, Status>> + Unpin,
{
    let (replies, mut receiver) = mpsc::unbounded_channel();
    let packets = stream::poll_fn(move |context| receiver.poll_recv(context));
    (packets.map(|packet: Packet| packet.encode_to_vec().into()), drive(root, frames, replies))
}

async fn drive<S>(root: PathBuf, mut frames: S, replies: mpsc::UnboundedSender<Packet>) -> Result<(), Status>
where
    S: Stream<Item = Result<Bytes, Status>> + Unpin,
{
    let (sender, mut packets) = mpsc::channel::<Packet>(WAITING);
    let mut writing = spawn_blocking(move || {
        let mut receiver = Receiver::new(root, replies)?;
        while let Some(packet) = packets.blocking_recv() {
            receiver.take(packet)?;
        }
        Ok::<(), io::Error>(())
    });
    let passing = async {
        while let Some(frame) = frames.next().await {
            let packet =
                Packet::decode(frame?).map_err(|error| Status::invalid_argument(error.to_string()))?;
            if sender.send(packet).await.is_err() {
                break;
            }
        }
        drop(sender);
        Ok::<(), Status>(())
    };
    let (passed, written) = tokio::join!(passing, &mut writing);
    written.map_err(|error| Status::internal(error.to_string()))??;
    passed
}

pub(crate) struct Receiver {
    root: PathBuf,
    replies: mpsc::UnboundedSender<Packet>,
    /// The place in the list of what comes next.
    next: u32,
    /// Files that are not whole yet, by their place in the list.
    unfinished: BTreeMap<u32, Unfinished>,
    /// Directories, which get their permissions and times last: what comes into them needs the ones and changes the others.
    directories: Vec<Stat>,
    /// The list is at its end.
    listed: bool,
}

/// A file that is not whole yet.
struct Unfinished {
    stat: Stat,
    /// Open only while its pieces come: the list alone may name more files than a process can have open.
    file: Option<File>,
}

impl Receiver {
    pub(crate) fn new(root: PathBuf, replies: mpsc::UnboundedSender<Packet>) -> io::Result<Self> {
        fs::create_dir_all(&root).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot make {}: {error}", root.display()))
        })?;
        let unfinished = BTreeMap::new();
        Ok(Self { root, replies, next: 0, unfinished, directories: Vec::new(), listed: false })
    }

    pub(crate) fn take(&mut self, packet: Packet) -> io::Result<()> {
        match (packet.r#type(), packet.stat) {
            (PacketType::PacketStat, Some(stat)) => {
                let name = stat.path.clone();
                self.file(stat).map_err(|error| self.at(&name, &error))?;
            }
            (PacketType::PacketStat, None) => self.listed = true,
            (PacketType::PacketData, _) => self.data(packet.id, &packet.data)?,
            (PacketType::PacketErr, _) => {
                return Err(io::Error::other(String::from_utf8_lossy(&packet.data)));
            }
            (PacketType::PacketFin | PacketType::PacketReq, _) => return Ok(()),
        }
        if self.listed && self.unfinished.is_empty() {
            self.listed = false;
            for stat in std::mem::take(&mut self.directories).into_iter().rev() {
                self.complete(&stat).map_err(|error| self.at(&stat.path, &error))?;
            }
            self.reply(Packet { r#type: PacketType::PacketFin.into(), ..Packet::default() });
        }
        Ok(())
    }

    fn file(&mut self, stat: Stat) -> io::Result<()> {
        let id = self.next;
        self.next += 1;
        let path = self.path(&stat.path)?;
        if stat.mode & mode::DIRECTORY != 0 {
            if !is_directory(&path) {
                remove(&path)?;
                fs::create_dir(&path)?;
            }
            let writable = fs::Permissions::from_mode(mode::to_unix(stat.mode) | 0o700);
            fs::set_permissions(&path, writable)?;
            self.directories.push(stat);
            return Ok(());
        }
        if is_directory(&path) {
            fs::remove_dir_all(&path)?;
        } else {
            remove(&path)?;
        }
        if stat.mode & mode::SYMLINK != 0 {
            return std::os::unix::fs::symlink(&stat.linkname, path);
        }
        if stat.mode & mode::KIND != 0 {
            return Err(io::Error::other("it is a device, a pipe or a socket"));
        }
        if !stat.linkname.is_empty() {
            return fs::hard_link(self.path(&stat.linkname)?, path);
        }
        File::options().write(true).create_new(true).mode(0o600).open(path)?;
        self.unfinished.insert(id, Unfinished { stat, file: None });
        self.reply(Packet { r#type: PacketType::PacketReq.into(), id, ..Packet::default() });
        Ok(())
    }

    /// Makes a directory what it should be when nothing more comes into it.
    fn complete(&self, stat: &Stat) -> io::Result<()> {
        // A link may have come in its place, or in that of one above it.
        let Some(path) = self.path(&stat.path).ok().filter(|path| is_directory(path)) else {
            return Ok(());
        };
        let directory = File::open(path)?;
        directory.set_permissions(permissions(stat))?;
        directory.set_times(times(stat.mod_time))
    }

    /// Takes a piece of a file. One without anything in it is the end.
    fn data(&mut self, id: u32, data: &[u8]) -> io::Result<()> {
        let unknown = || io::Error::other(format!("nobody asked for file {id}"));
        let mut file = self.unfinished.remove(&id).ok_or_else(unknown)?;
        self.piece(&mut file, data).map_err(|error| self.at(&file.stat.path, &error))?;
        if !data.is_empty() {
            self.unfinished.insert(id, file);
        }
        Ok(())
    }

    fn piece(&self, Unfinished { stat, file }: &mut Unfinished, data: &[u8]) -> io::Result<()> {
        let file = match file {
            Some(file) => file,
            None => file.insert(self.reopen(&stat.path)?),
        };
        if data.is_empty() {
            file.set_permissions(permissions(stat))?;
            return file.set_times(times(stat.mod_time));
        }
        file.write_all(data)
    }

    /// Opens a file that was made when it was listed. A link that came in its place since is not followed.
    fn reopen(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        File::options().write(true).custom_flags(flags).open(self.path(name)?)
    }

    /// Where a file goes. Nothing leads out of the root: neither its name nor a link on its way.
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let outside = || io::Error::other(format!("`{name}` leads out of the directory"));
        let mut path = self.root.clone();
        for component in Path::new(name).components() {
            let Component::Normal(component) = component else {
                return Err(outside());
            };
            if path != self.root && fs::symlink_metadata(&path)?.is_symlink() {
                return Err(outside());
            }
            path.push(component);
        }
        if path == self.root { Err(outside()) } else { Ok(path) }
    }

    /// An error with the file that it is about.
    fn at(&self, name: &str, error: &io::Error) -> io::Error {
        let message = format!("cannot write `{name}` in {}: {error}", self.root.display());
        io::Error::new(error.kind(), message)
    }

    fn reply(&self, packet: Packet) {
        // If nobody takes it, the call is over.
        let _ = self.replies.send(packet);
    }
}

/// Whether there is a directory, and no link to one.
fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_dir())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn permissions(stat: &Stat) -> fs::Permissions {
    fs::Permissions::from_mode(mode::to_unix(stat.mode))
}

/// Times in nanoseconds since 1970; before that they are that.
fn times(nanoseconds: i64) -> FileTimes {
    let since = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or_default());
    FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + since)
}

#[cfg(test)]
mod tests;
