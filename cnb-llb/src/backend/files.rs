//! Files given as values.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;
use std::time::SystemTime;

use bytes::Bytes;
use cnb_core::backend::File;
use cnb_core::backend::FileKind;
use cnb_core::backend::Result;
use cnb_core::backend::User;
use cnb_core::backend::check_path;
use cnb_core::helper::PlanFile;
use cnb_core::helper::PlanFileKind;
use sha2::Digest as _;
use sha2::Sha256;

use super::tree::BELOW;
use super::tree::Graph;
use crate::Annotate as _;
use crate::Copy;
use crate::FileOp;
use crate::MakeDir;
use crate::MakeFile;
use crate::Owner;
use crate::ProgressGroup;
use crate::State;

/// Bytes from which on a file is worth remembering.
const LARGE: usize = 64 * 1024;

/// What a large file is called in a tree of its own.
const CONTENT: &str = "content";

/// Large files that came out of trees, by their digests. They go into other trees as copies: as values they would be
/// sent, kept and attested with every graph.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<[u8; 32], (State, String)>);

impl Known {
    /// Remembers a file of a state.
    pub(super) fn remember(&mut self, content: &[u8], state: &State, path: &str) {
        if content.len() >= LARGE {
            self.0.insert(Sha256::digest(content).into(), (state.clone(), path.to_owned()));
        }
    }

    fn find(&self, content: &[u8]) -> Option<(State, String)> {
        let digest = || <[u8; 32]>::from(Sha256::digest(content));
        if content.len() >= LARGE { self.0.get(&digest()).cloned() } else { None }
    }
}

/// The time of all files that are made: 1980-01-01T00:00:01Z, as in image layers.
pub(super) fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(315_532_801)
}

/// What small files are shown as: there are many, and nobody waits for them.
pub(super) fn preparations() -> ProgressGroup {
    ProgressGroup::new("cnb.preparations", "[internal] prepare plans and files")
}

/// The files as a tree that operations on files make; none when those do not suffice.
///
/// They suffice for directories and regular files, each in one place, with plain permissions.
pub(super) fn tree(files: &[File], known: &Known) -> Result<Option<Graph>> {
    let mut tree = Operations { op: None, known, made: BTreeSet::new() };
    let root = files.first().filter(|file| file.path == "/" && matches!(file.kind, FileKind::Directory));
    let (mode, owner) = root.map_or((0o755, User::ROOT), |file| (file.mode, file.owner));
    tree.directory("", mode, owner);
    for file in &files[usize::from(root.is_some())..] {
        check_path(&file.path)?;
        if !tree.add(file) {
            return Ok(None);
        }
    }
    let op = tree.op.expect("it makes the root");
    Ok(Some(Graph::new(
        State::scratch().file(op.in_progress_group(preparations()).named("[internal] lay out files")),
        BELOW,
    )))
}

struct Operations<'a> {
    op: Option<FileOp>,
    known: &'a Known,
    /// The paths that exist.
    made: BTreeSet<String>,
}

impl Operations<'_> {
    fn add(&mut self, file: &File) -> bool {
        let path = plain(&file.path);
        if path.is_empty() || file.mode > 0o777 {
            return false;
        }
        for (slash, _) in path.match_indices('/').skip(1) {
            let above = &path[..slash];
            if !self.made.contains(above) {
                self.directory(above, 0o755, User::ROOT);
            }
        }
        if self.made.contains(&path) {
            return false;
        }
        match &file.kind {
            FileKind::Directory => self.directory(&path, file.mode, file.owner),
            FileKind::Regular(content) => self.file(&path, content, file.mode, file.owner),
            FileKind::Symlink(_) => return false,
        }
        true
    }

    fn directory(&mut self, path: &str, mode: u32, user: User) {
        let make = MakeDir::new(format!("{BELOW}{path}"), mode).owner(owner(user)).created(time());
        self.push(make);
        self.made.insert(path.to_owned());
    }

    fn file(&mut self, path: &str, content: &Bytes, mode: u32, user: User) {
        let place = format!("{BELOW}{path}");
        if let Some((state, from)) = self.known.find(content) {
            let copy = Copy::new(&state, from, place).follow_symlinks().mode(mode);
            self.push(copy.owner(owner(user)).created(time()));
        } else {
            let make = MakeFile::new(place, mode, content.to_vec()).owner(owner(user)).created(time());
            self.push(make);
        }
        self.made.insert(path.to_owned());
    }

    fn push(&mut self, action: impl Into<FileOp>) {
        let action = action.into();
        self.op = Some(match self.op.take() {
            Some(op) => op.then(action),
            None => action,
        });
    }
}

/// A path with one `/` before each name and none at its end.
fn plain(path: &str) -> String {
    path.split('/').filter(|name| !name.is_empty()).fold(String::new(), |path, name| path + "/" + name)
}

fn owner(user: User) -> Owner {
    Owner::ids(user.uid, user.gid)
}

/// What a plan needs of files: their contents as files of trees that the container mounts.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Contents given as values, by their names in the directory of the plan.
    pub(super) values: Vec<(String, Bytes)>,
    /// States that have a large file each, and where they are mounted.
    pub(super) states: Vec<(State, String)>,
}

impl Contents {
    /// Files as a plan has them. The values are in the directory `plans`.
    pub(super) fn plan(&mut self, files: Vec<File>, known: &Known, plans: &str) -> Vec<PlanFile> {
        let plan = |File { path, kind, mode, owner, .. }| {
            let kind = match kind {
                FileKind::Directory => PlanFileKind::Directory,
                FileKind::Regular(content) => self.content(&content, known, plans),
                FileKind::Symlink(target) => PlanFileKind::Symlink(target),
            };
            PlanFile { path, kind, mode, owner }
        };
        files.into_iter().map(plan).collect()
    }

    fn content(&mut self, content: &Bytes, known: &Known, plans: &str) -> PlanFileKind {
        let Some((state, path)) = known.find(content) else {
            let name = format!("content-{}", self.values.len());
            self.values.push((name.clone(), content.clone()));
            return PlanFileKind::Regular { root: plans.to_owned(), path: format!("/{name}") };
        };
        // A copy: BuildKit reads all of what a command mounts to find out whether it is as before.
        let copy = Copy::new(&state, path, format!("/{CONTENT}")).follow_symlinks().created(time());
        let copy = FileOp::new(copy).in_progress_group(preparations()).named("[internal] take a file");
        let state = State::scratch().file(copy);
        let mounted = self.states.iter().find(|(other, _)| *other == state).map(|(_, target)| target.clone());
        let root = mounted.unwrap_or_else(|| {
            let target = format!("/known/{}", self.states.len());
            self.states.push((state, target.clone()));
            target
        });
        PlanFileKind::Regular { root, path: format!("/{CONTENT}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_simple(files: &[File]) -> bool {
        tree(files, &Known::default()).expect("the paths are valid").is_some()
    }

    #[test]
    fn links_places_taken_twice_and_special_modes_need_more() {
        let file = || File::regular("/a/b", "1");
        assert!(is_simple(&[]));
        assert!(is_simple(&[File::directory("/"), file(), File::regular("/a/c", "")]));
        assert!(!is_simple(&[file(), file()]));
        assert!(!is_simple(&[file(), File::directory("/a")]));
        assert!(!is_simple(&[File::symlink("/l", "a")]));
        assert!(!is_simple(&[file().with_mode(0o4755)]));
        assert!(tree(&[File::regular("/../a", "")], &Known::default()).is_err());
    }

    #[test]
    fn large_files_of_trees_stay_out_of_graphs() {
        let content = vec![b'x'; LARGE];
        let mut known = Known::default();
        let size = |known: &Known| {
            let graph = tree(&[File::regular("/big", content.clone())], known);
            graph.expect("the path is valid").expect("it is simple").state.definition().to_bytes().len()
        };
        assert!(size(&known) > LARGE);
        known.remember(&content, &crate::Image::new("builder").state(), "/cnb/lifecycle/launcher");
        assert!(size(&known) < 1000);
    }
}
