//! Layers: lists of entries and their digests.

use std::sync::Arc;

use sha2::Digest as _;
use sha2::Sha256;

use super::files;
use super::files::FileTree;
use super::files::Node;
use super::files::join;
use super::image::Images;
use crate::backend::Error;
use crate::backend::ErrorKind;
use crate::backend::File;
use crate::backend::FileKind;
use crate::backend::Layer;
use crate::backend::LayerContent;
use crate::backend::LayerSource;
use crate::backend::Ownership;
use crate::backend::Result;
use crate::backend::Select;
use crate::backend::check_path;
use crate::digest::DiffId;
use crate::digest::Digest;

/// The entries of a layer, in order.
#[derive(Clone, Debug)]
pub(super) struct Entries(Vec<(String, Node)>);

impl Entries {
    pub(super) fn of_files(files: Vec<File>) -> Self {
        let entry = |file: File| {
            let File { path, kind, mode, owner } = file;
            (path, Node { kind, mode, owner })
        };
        Self(files.into_iter().map(entry).collect())
    }

    /// The digest of the entries, in this backend's own encoding.
    pub(super) fn diff_id(&self) -> DiffId {
        let mut hash = Sha256::new();
        for (path, node) in &self.0 {
            let (kind, content) = match &node.kind {
                FileKind::Directory => (b'd', &[][..]),
                FileKind::Regular(content) => (b'f', &content[..]),
                FileKind::Symlink(target) => (b'l', target.as_bytes()),
            };
            let head = format!("{} {:o} {} {} ", path.len(), node.mode, node.owner.uid, node.owner.gid);
            hash.update(head);
            hash.update(format!("{path}{}{} ", char::from(kind), content.len()));
            hash.update(content);
        }
        Digest::from_bytes(hash.finalize().into())
    }

    /// A tree with this layer on top.
    pub(super) fn onto(&self, mut tree: FileTree) -> FileTree {
        for (path, node) in &self.0 {
            tree.place(path, node.clone()).expect("paths are checked when a layer is made");
        }
        tree
    }
}

/// Makes a layer, or finds one that exists, and keeps it.
pub(super) fn finalize(images: &mut Images, source: LayerSource) -> Result<Layer> {
    let entries = match source.content {
        LayerContent::Existing { diff_id, image } => {
            let entries = images.layer(&diff_id, image.as_ref())?;
            return Ok(Layer::new(source.id, diff_id, true, entries));
        }
        LayerContent::Files(files) => Entries::of_files(files),
        LayerContent::Tree { tree, from, to, select, ownership } => {
            select_entries(FileTree::of(&tree)?, &from, &to, &select, &ownership)
                .map_err(|error| error.with("layer", &source.id))?
        }
    };
    // Applying it once proves that every later application works.
    entries.0.iter().try_fold(FileTree::default(), |mut tree, (path, node)| {
        tree.place(path, node.clone()).map(|()| tree)
    })?;
    let diff_id = entries.diff_id();
    let (entries, reused) = images.keep(&diff_id, entries);
    Ok(Layer::new(source.id, diff_id, reused, entries))
}

fn select_entries(
    tree: &FileTree,
    from: &str,
    to: &str,
    select: &Select,
    ownership: &Ownership,
) -> Result<Entries> {
    check_path(from)?;
    check_path(to)?;
    let from = tree.resolve(from, true).map_err(|error| files::because(error, from))?;
    if !tree.0.get(&from).is_some_and(Node::is_directory) {
        return Err(Error::new(ErrorKind::NotFound, "there is no such directory").with("path", from));
    }
    let mut all: Vec<(String, Node)> = tree.subtree(&from);
    match select {
        Select::Sorted => {}
        Select::Walk => all.sort_by(|(a, _), (b, _)| a.split('/').cmp(b.split('/'))),
        Select::Paths(paths) => {
            all = paths.iter().map(|path| chosen(&all, path)).collect::<Result<_>>()?;
        }
    }
    let parents = ownership.parents.iter().map(|parent| {
        let node = Node { kind: FileKind::Directory, mode: parent.mode, owner: parent.owner };
        (parent.path.clone(), node)
    });
    let below = all.into_iter().map(|(rest, node)| {
        let path = if rest.is_empty() { to.to_owned() } else { join(to, &rest) };
        (path, Node { owner: ownership.owner, ..node })
    });
    Ok(Entries(parents.chain(below).collect()))
}

fn chosen(all: &[(String, Node)], path: &str) -> Result<(String, Node)> {
    let rest = if path == "." { String::new() } else { format!("/{path}") };
    let found = all.iter().find(|(found, _)| *found == rest).cloned();
    found.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "there is no such file for the layer").with("path", path)
    })
}

/// What a handle of a layer holds.
pub(super) type Kept = Arc<Entries>;
