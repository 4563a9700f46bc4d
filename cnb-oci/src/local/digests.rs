//! What is in a tree, by digest.

use std::fs::File;
use std::io::BufRead as _;
use std::io::BufReader;
use std::os::fd::OwnedFd;

use cnb_core::backend::Digested;
use cnb_core::backend::Entry;
use cnb_core::backend::EntryKind;
use cnb_core::backend::Result;
use cnb_core::backend::User;
use cnb_core::digest::Digest;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::stop::Stop;
use super::tree::View;
use crate::hash::Hasher;
use crate::tree::error::from_io;
use crate::tree::error::unreadable;
use crate::tree::inside;
use crate::tree::inside::DIRECTORY;

/// Bytes of a file that are hashed at a time.
const PIECE: usize = 256 * 1024;

/// Everything in a tree, itself included, in byte order of the paths.
pub(super) fn of(view: &View, stop: &Stop) -> Result<Vec<Digested>> {
    let root = view.inside().root();
    let stat = rustix::fs::fstat(root).map_err(|errno| unreadable("/", errno))?;
    let entry = Entry {
        name: String::new(),
        kind: EntryKind::Directory,
        mode: Mode::from_raw_mode(stat.st_mode).as_raw_mode() & 0o7777,
        owner: User::new(stat.st_uid, stat.st_gid),
        size: 0,
    };
    let mut found = vec![Digested { path: "/".to_owned(), entry, digest: None }];
    let root = root.try_clone().map_err(|error| from_io("could not read /", error))?;
    let mut pending = vec![(String::new(), root)];
    while let Some((parent, directory)) = pending.pop() {
        let cannot = |errno| unreadable(if parent.is_empty() { "/" } else { &parent }, errno);
        for name in inside::names(&directory).map_err(cannot)? {
            let name = name.into_string().map_err(|_| cannot(Errno::ILSEQ))?;
            let path = format!("{parent}/{name}");
            let cannot = |errno| unreadable(&path, errno);
            let entry = View::entry(&directory, name).map_err(cannot)?;
            let digest = match entry.kind {
                EntryKind::Regular => Some(content(&directory, &entry.name, &path, stop)?),
                _ => None,
            };
            if entry.kind == EntryKind::Directory {
                let flags = DIRECTORY | OFlags::NOFOLLOW;
                let below = rustix::fs::openat(&directory, &entry.name, flags, Mode::empty());
                pending.push((path.clone(), below.map_err(cannot)?));
            }
            found.push(Digested { path, entry, digest });
        }
    }
    found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn content(directory: &OwnedFd, name: &str, path: &str, stop: &Stop) -> Result<Digest> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, name, flags, Mode::empty());
    let file = File::from(file.map_err(|errno| unreadable(path, errno))?);
    let mut pieces = BufReader::with_capacity(PIECE, stop.wrap(file));
    let mut hash = Hasher::new();
    loop {
        let piece = pieces.fill_buf().map_err(|error| from_io(format!("could not read {path}"), error))?;
        if piece.is_empty() {
            return Ok(hash.finish());
        }
        hash.update(piece);
        let read = piece.len();
        pieces.consume(read);
    }
}
