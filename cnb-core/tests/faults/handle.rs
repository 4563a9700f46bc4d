//! Trees that can be exchanged behind their handles, as no honest backend's can.

use std::sync::Arc;
use std::sync::Mutex;

use cnb_core::backend::Image;
use cnb_core::backend::LayerContent;
use cnb_core::backend::LayerSource;
use cnb_core::backend::Mount;
use cnb_core::backend::MountKind;
use cnb_core::backend::Part;
use cnb_core::backend::Source;
use cnb_core::backend::Tree;

#[derive(Clone, Debug)]
struct Cell(Arc<Mutex<Tree>>);

/// The handle that the wrapper gives out for a tree.
pub(crate) fn wrap(tree: Tree) -> Tree {
    Tree::new(Cell(Arc::new(Mutex::new(tree))))
}

/// The tree behind a handle of the wrapper.
pub(crate) fn unwrap(tree: &Tree) -> Tree {
    cell(tree).0.lock().expect("no holder panics").clone()
}

/// Puts another tree behind a handle.
pub(crate) fn exchange(tree: &Tree, new: Tree) {
    *cell(tree).0.lock().expect("no holder panics") = new;
}

pub(crate) fn unwrap_image(image: Image) -> Image {
    let root = unwrap(&image.root);
    Image::new(image.digest, image.config, root)
}

pub(crate) fn unwrap_source(source: Source) -> Source {
    match source {
        Source::Layer { diff_id, image } => Source::Layer { diff_id, image: image.map(unwrap_image) },
        other => other,
    }
}

pub(crate) fn unwrap_mount(mount: Mount) -> Mount {
    let kind = match mount.kind {
        MountKind::InOut(tree) => MountKind::InOut(unwrap(&tree)),
        MountKind::ReadOnly(tree) => MountKind::ReadOnly(unwrap(&tree)),
        other => other,
    };
    Mount { target: mount.target, kind }
}

pub(crate) fn unwrap_part(part: Part) -> Part {
    match part {
        Part::Copy { tree, from, to } => Part::Copy { tree: unwrap(&tree), from, to },
        other => other,
    }
}

pub(crate) fn unwrap_layer(mut layer: LayerSource) -> LayerSource {
    layer.content = match layer.content {
        LayerContent::Tree { tree, from, to, select, ownership } => {
            LayerContent::Tree { tree: unwrap(&tree), from, to, select, ownership }
        }
        LayerContent::Existing { diff_id, image } => {
            LayerContent::Existing { diff_id, image: image.map(unwrap_image) }
        }
        other => other,
    };
    layer
}

fn cell(tree: &Tree) -> &Cell {
    tree.downcast_ref().expect("every tree that callers have is the wrapper's")
}
