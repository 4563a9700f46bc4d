//! Going through a directory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use super::filter::Filter;
use super::filter::Verdict;
use super::filter::Within;
use super::stat::stat;
use super::stat::text;
use crate::mode;
use crate::pb::fsutil::Stat;
use crate::session::Directory;

/// A directory cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}")]
pub(crate) struct WalkError {
    path: PathBuf,
    source: io::Error,
}

/// The files of a directory in the order of Go: each directory before what is in it, names by their bytes. Stops when
/// `visit` says so.
pub(crate) fn walk(
    directory: &Directory,
    filter: &Filter,
    visit: &mut dyn FnMut(Stat) -> bool,
) -> Result<(), WalkError> {
    let mut walk =
        Walk { directory, filter, visit, links: BTreeMap::new(), above: Vec::new(), stopped: false };
    walk.enter(&directory.path, "", &Within::default())
}

struct Walk<'a> {
    directory: &'a Directory,
    filter: &'a Filter,
    visit: &'a mut dyn FnMut(Stat) -> bool,
    /// The first name of each file that has several.
    links: BTreeMap<(u64, u64), String>,
    /// The directories above that were not sent because nothing in them was yet.
    above: Vec<Stat>,
    stopped: bool,
}

impl Walk<'_> {
    fn enter(&mut self, path: &Path, name: &str, within: &Within) -> Result<(), WalkError> {
        let failed = |source| WalkError { path: path.to_owned(), source };
        let entries = fs::read_dir(path).map_err(failed)?;
        let mut names = entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        names.sort_unstable();
        for entry in names {
            if self.stopped {
                break;
            }
            let entry = path.join(entry);
            let last = text(Path::new(entry.file_name().unwrap_or_default()), "a name").map_err(failed)?;
            let name = if name.is_empty() { last } else { format!("{name}/{last}") };
            self.entry(&entry, &name, within)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, name: &str, within: &Within) -> Result<(), WalkError> {
        let failed = |source| WalkError { path: path.to_owned(), source };
        let metadata = match fs::symlink_metadata(path) {
            // It went away meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(failed)?,
        };
        if !(self.directory.takes)(name, metadata.is_dir()) {
            return Ok(());
        }
        let (verdict, below) = self.filter.verdict(name, metadata.is_dir(), within);
        if verdict == Verdict::Skip {
            return Ok(());
        }
        let mut said = stat(path, name, &metadata).map_err(failed)?;
        (self.directory.map)(&mut said);
        if verdict == Verdict::LookInside {
            self.above.push(said);
            let entered = self.enter(path, name, &below);
            self.above.pop_if(|above| above.path == name);
            return entered;
        }
        self.link(&mut said, &metadata);
        self.send(said);
        if metadata.is_dir() && !self.stopped { self.enter(path, name, &below) } else { Ok(()) }
    }

    /// Further names of a file are links to its first.
    fn link(&mut self, said: &mut Stat, metadata: &fs::Metadata) {
        if said.mode & (mode::DIRECTORY | mode::SYMLINK) != 0 || metadata.nlink() < 2 {
            return;
        }
        match self.links.get(&(metadata.dev(), metadata.ino())) {
            Some(first) => {
                said.linkname.clone_from(first);
                said.size = 0;
            }
            None => drop(self.links.insert((metadata.dev(), metadata.ino()), said.path.clone())),
        }
    }

    /// Sends a file after the directories that it is in.
    fn send(&mut self, said: Stat) {
        for stat in std::mem::take(&mut self.above).into_iter().chain([said]) {
            self.stopped = self.stopped || !(self.visit)(stat);
        }
    }
}
