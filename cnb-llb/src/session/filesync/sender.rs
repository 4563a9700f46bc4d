//! The side of the protocol that has the files.

use std::collections::BTreeMap;
use std::fs::File;
use std::future::Future;
use std::io;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tonic::Status;

use super::filter::Filter;
use super::walk::walk;
use crate::mode;
use crate::pb::fsutil::Packet;
use crate::pb::fsutil::Stat;
use crate::pb::fsutil::packet::PacketType;
use crate::session::Directory;
use crate::session::serve::internal;

/// How many packets may wait to be sent.
const WAITING: usize = 64;

/// How much of a file goes into one packet, in bytes.
const PIECE: usize = 64 * 1024;

/// The files that may be asked for, by their place in the list.
type Files = Arc<Mutex<BTreeMap<u32, String>>>;

/// Sends a directory: first a list of the files, then the content of those that the other side asks for.
///
/// Gives the packets, and what has to be driven for them to come; that ends with the error of it. When either is dropped,
/// the threads that read stop.
///
/// Source: `send.go` of the Go module `github.com/tonistiigi/fsutil`.
pub(crate) fn send<S>(
    directory: Directory,
    filter: Filter,
    requests: S,
) -> (impl Stream<Item = Packet>, impl Future<Output = Result<(), Status>>)
where
    S: Stream<Item = Result<Packet, Status>> + Unpin,
{
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let packets = stream::poll_fn(move |context| receiver.poll_recv(context));
    (packets, drive(directory, filter, requests, sender))
}

async fn drive<S>(
    directory: Directory,
    filter: Filter,
    mut requests: S,
    packets: mpsc::Sender<Packet>,
) -> Result<(), Status>
where
    S: Stream<Item = Result<Packet, Status>> + Unpin,
{
    let files = Files::default();
    let (wanted, wanted_files) = mpsc::unbounded_channel();
    let root = directory.path.clone();
    let mut listing = spawn_blocking({
        let (files, packets) = (Arc::clone(&files), packets.clone());
        move || list(&directory, &filter, &files, &packets)
    });
    let mut reading = spawn_blocking({
        let packets = packets.clone();
        move || read_all(&root, wanted_files, &packets)
    });
    let (mut listed, mut read) = (false, false);
    loop {
        let request = tokio::select! {
            request = requests.next() => request,
            ended = &mut listing, if !listed => {
                listed = true;
                told(&packets, ended.map_err(|error| internal(&error))?).await?;
                continue;
            }
            ended = &mut reading, if !read => {
                read = true;
                told(&packets, ended.map_err(|error| internal(&error))?).await?;
                continue;
            }
        };
        let Some(request) = request.transpose()? else {
            return Err(Status::cancelled("the transfer ended early"));
        };
        match request.r#type() {
            PacketType::PacketReq => {
                let id = request.id;
                let name = files.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                let name = name.ok_or_else(|| Status::invalid_argument(format!("invalid file id {id}")))?;
                // The reader is gone when it failed, which ends this too.
                let _ = wanted.send((id, name));
            }
            PacketType::PacketFin => {
                // If nobody takes it, nobody waits for it.
                let _ = packets.send(packet(PacketType::PacketFin)).await;
                return Ok(());
            }
            PacketType::PacketErr => {
                let message = String::from_utf8_lossy(&request.data).into_owned();
                return Err(Status::aborted(format!("error from receiver: {message}")));
            }
            PacketType::PacketStat | PacketType::PacketData => {}
        }
    }
}

/// Tells the other side why it gets no more.
async fn told(packets: &mpsc::Sender<Packet>, result: Result<(), Status>) -> Result<(), Status> {
    if let Err(status) = &result {
        let data = status.message().as_bytes().to_vec();
        let _ = packets.send(Packet { data, ..packet(PacketType::PacketErr) }).await;
    }
    result
}

/// Sends the list, and at its end a packet with nothing in it.
fn list(
    directory: &Directory,
    filter: &Filter,
    files: &Files,
    packets: &mpsc::Sender<Packet>,
) -> Result<(), Status> {
    let mut next = 0;
    let mut visit = |stat: Stat| {
        if stat.mode & mode::KIND == 0 {
            files.lock().unwrap_or_else(PoisonError::into_inner).insert(next, stat.path.clone());
        }
        next += 1;
        packets.blocking_send(Packet { stat: Some(stat), ..packet(PacketType::PacketStat) }).is_ok()
    };
    walk(directory, filter, &mut visit).map_err(|error| internal(&error))?;
    let _ = packets.blocking_send(packet(PacketType::PacketStat));
    Ok(())
}

/// Sends the content of files, in the order in which they are wanted.
fn read_all(
    root: &Path,
    mut wanted: mpsc::UnboundedReceiver<(u32, String)>,
    packets: &mpsc::Sender<Packet>,
) -> Result<(), Status> {
    while let Some((id, name)) = wanted.blocking_recv() {
        read(&root.join(&name), id, packets)
            .map_err(|error| Status::unknown(format!("cannot read {name}: {error}")))?;
    }
    Ok(())
}

/// Sends the content of a file, and at its end a packet with none.
fn read(path: &Path, id: u32, packets: &mpsc::Sender<Packet>) -> io::Result<()> {
    let mut file = File::open(path)?;
    loop {
        let mut data = vec![0; PIECE];
        let read = file.read(&mut data)?;
        data.truncate(read);
        let sent = packets.blocking_send(Packet { id, data, ..packet(PacketType::PacketData) });
        if read == 0 || sent.is_err() {
            return Ok(());
        }
    }
}

fn packet(kind: PacketType) -> Packet {
    Packet { r#type: kind.into(), ..Packet::default() }
}
