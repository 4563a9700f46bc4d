//! Trees become layers: their tars are hashed, compressed and kept as blobs.

use std::io;
use std::io::Write;
use std::path::PathBuf;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::Layer;
use cnb_core::backend::LayerContent;
use cnb_core::backend::LayerSource;
use cnb_core::backend::Ownership;
use cnb_core::backend::Result;
use cnb_core::digest::DiffId;

use super::blobs;
use super::blobs::LocalLayer;
use super::error::from_blob;
use super::machine::Machine;
use super::tree::LocalTree;
use super::tree::View;
use crate::layer::Dialect;
use crate::layer::LayerWriter;
use crate::layer::Selection;
use crate::parallel;
use crate::tree;
use crate::tree::error::from_layer;

/// Makes layers, several at a time.
pub(super) fn layers(machine: &Machine, sources: Vec<LayerSource>) -> Result<Vec<Layer>> {
    parallel::map(sources, |source| layer(machine, source))
}

fn layer(machine: &Machine, source: LayerSource) -> Result<Layer> {
    let LayerSource { id, content, expected, .. } = source;
    let made = make(machine, content, expected.as_ref()).map_err(|error| error.with("layer", &id))?;
    Ok(Layer::new(id, made.diff_id, made.reused, made.layer))
}

struct Made {
    diff_id: DiffId,
    reused: bool,
    layer: LocalLayer,
}

fn make(machine: &Machine, content: LayerContent, expected: Option<&DiffId>) -> Result<Made> {
    let entries = match content {
        LayerContent::Existing { diff_id, image } => {
            let layer = blobs::existing(&machine.layers, &diff_id, image.as_ref())?;
            return Ok(Made { diff_id, reused: true, layer });
        }
        LayerContent::Files(files) => Entries::Files(files),
        LayerContent::Tree { tree, from, to, select, ownership } => {
            let view = LocalTree::of(&tree)?.view(&machine.session, machine.mapping)?;
            let (from, selection) = tree::select(view.inside(), &from, select)?;
            let from = view.inside().path().join(from.trim_start_matches('/'));
            Entries::Tree { from, to, selection, ownership, _view: view }
        }
        _ => return Err(Error::new(ErrorKind::Unsupported, "cannot make a layer of that")),
    };
    if let Some(layer) = unchanged(machine, &entries, expected)? {
        let diff_id = expected.expect("it is that of the layer").clone();
        return Ok(Made { diff_id, reused: true, layer });
    }
    let blob = machine.layers.create().map_err(from_blob)?;
    let (blob, diff_id) = entries.write(machine.stop.wrap(blob))?;
    let stored = blob.into_inner().commit(&diff_id).map_err(from_blob)?;
    Ok(Made { diff_id, reused: false, layer: LocalLayer::stored(&machine.layers, stored) })
}

/// The blob of last time, if it is there and the entries are the same. Hashing is cheap, compression is not.
fn unchanged(machine: &Machine, entries: &Entries, expected: Option<&DiffId>) -> Result<Option<LocalLayer>> {
    let Some(expected) = expected else { return Ok(None) };
    let Some(stored) = machine.layers.layer(expected).map_err(from_blob)? else { return Ok(None) };
    let (_, diff_id) = entries.write(machine.stop.wrap(io::sink()))?;
    Ok((diff_id == *expected).then(|| LocalLayer::stored(&machine.layers, stored)))
}

/// What a layer has.
enum Entries {
    Files(Vec<File>),
    Tree { from: PathBuf, to: String, selection: Selection, ownership: Ownership, _view: View },
}

impl Entries {
    /// Writes the tar, and says its digest.
    fn write<W: Write>(&self, out: W) -> Result<(W, DiffId)> {
        let mut writer = LayerWriter::new(out, Dialect::Lifecycle);
        let written = match self {
            Self::Files(files) => files.iter().try_for_each(|file| writer.file(file)),
            Self::Tree { from, to, selection, ownership, .. } => {
                writer.directory(from, to.as_ref(), selection, ownership)
            }
        };
        let (out, written) = written.and_then(|()| writer.finish()).map_err(from_layer)?;
        Ok((out, written.diff_id))
    }
}
