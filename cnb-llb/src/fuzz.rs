//! What reads bytes of others and is in no interface, for the fuzz targets of the repository. It may change with any
//! release.

use std::error::Error;
use std::io;
use std::path::Path;

use prost::Message as _;
use tokio::sync::mpsc;

use crate::client::Event;
use crate::client::progress::Seen;
use crate::pb::control::StatusResponse;
use crate::pb::fsutil::Packet;
use crate::pb::fsutil::Stat;
use crate::session::Directory;
use crate::session::filesend::receiver::Receiver;
use crate::session::filesync::filter::Filter;
use crate::session::filesync::walk::walk;

/// The events of parts of a status; those that are none are left out.
pub fn progress<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let (mut seen, mut events) = (Seen::default(), Vec::new());
    for status in parts.into_iter().filter_map(|part| StatusResponse::decode(part).ok()) {
        seen.tell(status, &mut |event| events.push(event));
    }
    events
}

/// Takes the packets of an exporter into a directory, up to the first that is wrong. Gives the answers.
///
/// # Errors
/// That of the directory.
pub fn receive(root: &Path, packets: impl IntoIterator<Item = Packet>) -> io::Result<Vec<Packet>> {
    let (replies, mut answers) = mpsc::unbounded_channel();
    let mut receiver = Receiver::new(root.to_owned(), replies)?;
    let _ = packets.into_iter().try_for_each(|packet| receiver.take(packet));
    Ok(std::iter::from_fn(|| answers.try_recv().ok()).collect())
}

/// What is sent of a directory to who asks for it so.
///
/// # Errors
/// When a pattern is none, or the directory cannot be read.
pub fn send(
    root: &Path,
    includes: Vec<String>,
    excludes: &[String],
    follow: &[String],
) -> Result<Vec<Stat>, Box<dyn Error>> {
    let filter = Filter::new(root, includes, excludes, follow)?;
    let mut sent = Vec::new();
    walk(&Directory::new(root), &filter, &mut |stat| {
        sent.push(stat);
        true
    })?;
    Ok(sent)
}
