//! For Graphviz.

use std::fmt::Write as _;

use super::label;
use crate::definition::Definition;
use crate::ops::Op;

/// The graph in the language of Graphviz, as `buildctl debug dump-llb --dot` prints it: operations with their labels,
/// and on the arrows where inputs are mounted. Operations that have a name of their own show that too.
pub fn dot(definition: &Definition) -> String {
    let mut out = "digraph {\n".to_owned();
    let vertices: Vec<_> = definition.vertices().chain(definition.terminal()).collect();
    for vertex in &vertices {
        let name = vertex.name().map(|name| format!("{name}\n")).unwrap_or_default();
        let label = if vertex.op.inputs.len() == 1 && label(&vertex.op).is_empty() {
            vertex.digest.to_string()
        } else {
            name + &label(&vertex.op)
        };
        line(
            &mut out,
            format_args!("{} [label={} shape={}];", quote(vertex.digest.as_str()), quote(&label), {
                quote(shape(&vertex.op))
            }),
        );
    }
    for vertex in &vertices {
        for (index, input) in vertex.op.inputs.iter().enumerate() {
            let mounted = quote(mounted_at(&vertex.op, index));
            let (from, to) = (quote(&input.digest), quote(vertex.digest.as_str()));
            line(&mut out, format_args!("{from} -> {to} [label={mounted}];"));
        }
    }
    out + "}\n"
}

fn line(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "  {line}").expect("writing to a string cannot fail");
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
