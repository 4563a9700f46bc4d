//! For Graphviz.

use super::label;
use crate::definition::Definition;
use crate::definition::VertexRef;
use crate::ops::Op;

/// The graph in the language of Graphviz, as `buildctl debug dump-llb --dot` prints it: operations with their
/// labels, and on the arrows where inputs are mounted. Operations that have a name of their own show that
/// too.
pub fn dot(definition: &Definition) -> String {
    let vertices: Vec<_> = definition.vertices().chain(definition.terminal()).collect();
    let nodes = vertices.iter().map(node);
    let arrows =
        vertices.iter().flat_map(|vertex| (0..vertex.op.inputs.len()).map(|index| arrow(vertex, index)));
    format!("digraph {{\n{}}}\n", nodes.chain(arrows).collect::<String>())
}

fn node(vertex: &VertexRef<'_>) -> String {
    let label = match (vertex.name(), label(&vertex.op)) {
        (None, label) if label.is_empty() => vertex.digest.to_string(),
        (None, label) => label,
        (Some(name), label) => format!("{name}\n{label}"),
    };
    let (digest, shape) = (quote(vertex.digest.as_str()), quote(shape(&vertex.op)));
    format!("  {digest} [label={} shape={shape}];\n", quote(&label))
}

fn arrow(vertex: &VertexRef<'_>, index: usize) -> String {
    let (from, to) = (quote(&vertex.op.inputs[index].digest), quote(vertex.digest.as_str()));
    format!("  {from} -> {to} [label={}];\n", quote(mounted_at(&vertex.op, index)))
}

fn shape(op: &Op) -> &'static str {
    let shapes = [
        (op.source.is_some(), "ellipse"),
        (op.exec.is_some(), "box"),
        (op.file.is_some(), "note"),
        (op.build.is_some(), "box3d"),
        (op.merge.is_some(), "invtriangle"),
        (op.diff.is_some(), "doublecircle"),
    ];
    shapes.into_iter().find(|(is_kind, _)| *is_kind).map_or("plaintext", |(_, shape)| shape)
}

/// Where in a container an input is, if it is not the root.
fn mounted_at(op: &Op, index: usize) -> &str {
    let mounts = op.exec.iter().flat_map(|exec| &exec.mounts);
    let mut here = mounts.filter(|mount| usize::try_from(mount.input) == Ok(index) && mount.dest != "/");
    here.next_back().map_or("", |mount| &mount.dest)
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
