//! Looking into trees.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use cnb_core::backend::Entry;
use cnb_core::backend::EntryKind;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Result;
use cnb_core::backend::User;
use cnb_core::backend::check_path;

use super::BuildKit;
use super::error::from_build;
use super::tree::Graph;
use crate::gateway;
use crate::gateway::Reference;
use crate::gateway::Solve;

/// As many links as Linux follows.
const LINKS: usize = 40;

impl BuildKit {
    pub(super) async fn read_file(&self, tree: &Graph, path: &str) -> Result<Bytes> {
        check_path(path)?;
        let reference = self.files(tree).await?.ok_or_else(|| missing(path))?;
        let place = self.place(tree, reference, path).await?;
        let content =
            reference.read_file(&place).await.map_err(|error| from_build(error).with("path", path))?;
        self.known().remember(&content, &tree.state, &place);
        Ok(content.into())
    }

    pub(super) async fn list_directory(&self, tree: &Graph, path: &str) -> Result<Vec<Entry>> {
        check_path(path)?;
        let Some(reference) = self.files(tree).await? else {
            return if path.trim_matches('/').is_empty() { Ok(Vec::new()) } else { Err(missing(path)) };
        };
        let place = self.place(tree, reference, path).await?;
        let entries = entries(tree, reference, &place).await.map_err(|error| error.with("path", path))?;
        let mut entries: Vec<Entry> = entries.iter().cloned().map(entry).collect();
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    /// The files of a tree, made when they are asked for.
    async fn files<'a>(&self, tree: &'a Graph) -> Result<Option<&'a Reference>> {
        let solve = async {
            let solve =
                Solve::graph(&tree.state.definition()).with_cache_imports(&self.settings.cache_imports);
            Ok::<_, Error>(self.gateway.solve(solve).await.map_err(from_build)?.reference)
        };
        Ok(tree.seen.reference.get_or_try_init(|| solve).await?.as_ref())
    }

    /// Where in the state of a tree a path leads. BuildKit follows links from the root of the state.
    async fn place(&self, tree: &Graph, reference: &Reference, path: &str) -> Result<String> {
        if tree.is_whole() {
            return Ok(path.to_owned());
        }
        let mut names: VecDeque<String> = path.split('/').map(str::to_owned).collect();
        let mut place: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(name) = names.pop_front() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    place.pop();
                    continue;
                }
                _ => {}
            }
            let parent = tree.path(&format!("/{}", place.join("/")));
            let entries =
                entries(tree, reference, &parent).await.map_err(|error| error.with("path", path))?;
            let found = entries.iter().find(|entry| entry.path == name).ok_or_else(|| missing(path))?;
            if found.kind != gateway::EntryKind::Symlink {
                place.push(name);
                continue;
            }
            links += 1;
            if links > LINKS {
                return Err(Error::new(ErrorKind::InvalidInput, "too many links").with("path", path));
            }
            if found.target.starts_with('/') {
                place.clear();
            }
            for name in found.target.rsplit('/') {
                names.push_front(name.to_owned());
            }
        }
        Ok(tree.path(&format!("/{}", place.join("/"))))
    }
}

/// The entries of a directory of the state of a tree.
async fn entries(tree: &Graph, reference: &Reference, place: &str) -> Result<Arc<[gateway::Entry]>> {
    if let Some(entries) = tree.seen.directory(place) {
        return Ok(entries);
    }
    let entries = reference.read_dir(place).await.map_err(from_build)?;
    Ok(tree.seen.keep(place, entries))
}

fn missing(path: &str) -> Error {
    Error::new(ErrorKind::NotFound, "there is no such file").with("path", path)
}

fn entry(entry: gateway::Entry) -> Entry {
    let gateway::Entry { path, kind, mode, uid, gid, size, target, .. } = entry;
    let kind = match kind {
        gateway::EntryKind::Directory => EntryKind::Directory,
        gateway::EntryKind::File => EntryKind::Regular,
        gateway::EntryKind::Symlink => EntryKind::Symlink(target),
        gateway::EntryKind::Other => EntryKind::Other,
    };
    let size = if kind == EntryKind::Regular { size } else { 0 };
    Entry { name: path, kind, mode, owner: User::new(uid, gid), size }
}
