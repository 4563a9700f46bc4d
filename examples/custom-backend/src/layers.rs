//! Layers: lists of files, in an order that counts.

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::FileKind;
use cnb_core::backend::Layer;
use cnb_core::backend::LayerContent;
use cnb_core::backend::LayerSource;
use cnb_core::backend::Ownership;
use cnb_core::backend::Result;
use cnb_core::backend::Select;
use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use sha2::Digest as _;
use sha2::Sha256;

use crate::files::Body;
use crate::files::Files;
use crate::files::Node;
use crate::files::checked;
use crate::store::Store;
use crate::store::unsupported;

/// Makes a layer and keeps it, or finds one that exists.
pub(crate) fn finalize(store: &mut Store, source: LayerSource) -> Result<Layer> {
    let files = match source.content {
        LayerContent::Existing { diff_id, .. } => {
            store.layer(&diff_id)?;
            return Ok(Layer::new(source.id, diff_id, true, ()));
        }
        LayerContent::Files(files) => files,
        LayerContent::Tree { tree, from, to, select, ownership } => {
            let directory = Files::behind(&tree)?.lookup(&from)?;
            let parents = ownership
                .parents
                .iter()
                .map(|parent| File::directory(&parent.path).with_mode(parent.mode).with_owner(parent.owner));
            parents.chain(selected(directory, checked(&to)?, &select, &ownership)?).collect()
        }
        other => return Err(unsupported(&format!("{other:?}"))),
    };
    let diff_id = diff_id(&files);
    let reused = store.keep_layer(&diff_id, files)?;
    Ok(Layer::new(source.id, diff_id, reused, ()))
}

/// The digest of an encoding that no two different lists share. One for real images hashes a tar.
pub(crate) fn diff_id(files: &[File]) -> DiffId {
    let mut hash = Sha256::new();
    for File { path, kind, mode, owner } in files {
        let (kind, content) = match kind {
            FileKind::Directory => ("directory", &[][..]),
            FileKind::Regular(content) => ("file", content.as_ref()),
            FileKind::Symlink(target) => ("link", target.as_bytes()),
        };
        let (uid, gid) = (owner.uid, owner.gid);
        hash.update(format!("{kind} {mode:o} {uid}:{gid} {} {} {path}", path.len(), content.len()));
        hash.update(content);
    }
    Digest::from_bytes(hash.finalize().into())
}

fn selected(directory: &Node, to: &str, select: &Select, ownership: &Ownership) -> Result<Vec<File>> {
    let mut walked = Vec::new();
    walk(directory, "", &mut walked);
    match select {
        Select::Walk => {}
        Select::Sorted => walked.sort_by(|(a, _), (b, _)| a.cmp(b)),
        Select::Paths(paths) => {
            walked = paths.iter().map(|path| one(&walked, path)).collect::<Result<_>>()?;
        }
        other => return Err(unsupported(&format!("{other:?}"))),
    }
    let file = |(below, node): (String, &Node)| {
        let kind = match &node.body {
            Body::Directory(_) => FileKind::Directory,
            Body::File(content) => FileKind::Regular(content.clone()),
            Body::Link(target) => FileKind::Symlink(target.clone()),
        };
        File { path: format!("{to}{below}"), kind, mode: node.mode, owner: ownership.owner }
    };
    Ok(walked.into_iter().map(file).collect())
}

/// All that is in a directory, itself first, with paths that start with `/`.
fn walk<'a>(node: &'a Node, path: &str, walked: &mut Vec<(String, &'a Node)>) {
    walked.push((path.to_owned(), node));
    if let Body::Directory(children) = &node.body {
        for (name, child) in children {
            walk(child, &format!("{path}/{name}"), walked);
        }
    }
}

fn one<'a>(walked: &[(String, &'a Node)], path: &str) -> Result<(String, &'a Node)> {
    let wanted = if path == "." { String::new() } else { format!("/{path}") };
    let found = walked.iter().find(|(path, _)| *path == wanted).cloned();
    found.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such file for the layer").with("path", path))
}
