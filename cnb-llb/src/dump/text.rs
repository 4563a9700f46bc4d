//! For people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Tree;
use super::label;
use crate::definition::Definition;
use crate::definition::VertexRef;
use crate::ops::SourceInfo;
use crate::wire::Message as _;

/// The operations one below the other: a number, what each does, its digest, and then all that is in it.
///
/// Inputs are shown as numbers of operations, `2` or `2.1` for another output than the first.
pub fn text(definition: &Definition) -> String {
    let vertices: Vec<_> = definition.vertices().collect();
    let numbers: BTreeMap<&str, usize> =
        vertices.iter().enumerate().map(|(number, vertex)| (vertex.digest.as_str(), number)).collect();
    let reference = |digest: &str, index: i64| match (numbers.get(digest), index) {
        (Some(number), 0) => number.to_string(),
        (Some(number), index) => format!("{number}.{index}"),
        (None, _) => digest.to_owned(),
    };
    let mut out = String::new();
    for (number, vertex) in vertices.iter().enumerate() {
        let inputs = vertex.op.inputs.iter().map(|input| reference(&input.digest, input.index));
        // A script has several lines, and each of these would look like an operation.
        line(&mut out, 0, format_args!("{number} {}", label(&vertex.op).replace('\n', "\\n")));
        line(&mut out, 1, format_args!("{}", vertex.digest));
        let inputs = inputs.collect::<Vec<_>>().join(" ");
        if !inputs.is_empty() {
            line(&mut out, 1, format_args!("inputs: {inputs}"));
        }
        details(vertex, &mut out);
        locations(definition, vertex, &mut out);
    }
    if let Some((digest, index)) = definition.head() {
        line(&mut out, 0, format_args!("head: {}", reference(&digest, index)));
    }
    out
}

fn details(vertex: &VertexRef<'_>, out: &mut String) {
    let op = vertex.op.field_trees().into_iter().filter(|(name, _)| name != "inputs");
    op.for_each(|(name, value)| show(&name, &value, 1, out));
    let metadata = vertex.metadata.map(crate::wire::Message::field_trees).unwrap_or_default();
    for (name, value) in metadata {
        match value {
            // All that are there are needed.
            Tree::Object(fields) if name == "caps" => {
                let names: Vec<_> = fields.iter().map(|(name, _)| &**name).collect();
                line(out, 1, format_args!("caps: {}", names.join(" ")));
            }
            value => show(&name, &value, 1, out),
        }
    }
}

fn locations(definition: &Definition, vertex: &VertexRef<'_>, out: &mut String) {
    let Some(source) = definition.source() else { return };
    let locations = source.locations.get(vertex.digest.as_str()).map(|locations| &locations.locations);
    for location in locations.into_iter().flatten() {
        let info = usize::try_from(location.source_index).ok().and_then(|index| source.infos.get(index));
        let file = info.map_or("", |info: &SourceInfo| &info.filename);
        for range in &location.ranges {
            let start = range.start.as_ref().map_or(0, |position| position.line);
            let end = range.end.as_ref().map_or(start, |position| position.line);
            line(out, 1, format_args!("at: {file}:{start}-{end}"));
        }
    }
}

fn show(name: &str, tree: &Tree, depth: usize, out: &mut String) {
    match tree {
        Tree::Bool(value) => line(out, depth, format_args!("{name}: {value}")),
        Tree::Number(mode) if name == "mode" && *mode >= 0 => {
            line(out, depth, format_args!("{name}: {mode:#o}"));
        }
        Tree::Choice(_, choice) => line(out, depth, format_args!("{name}: {choice}")),
        Tree::Number(number) => line(out, depth, format_args!("{name}: {number}")),
        Tree::Text(text) => line(out, depth, format_args!("{name}: {text:?}")),
        Tree::Bytes(bytes) => line(out, depth, format_args!("{name}: \"{}\"", bytes.escape_ascii())),
        Tree::List(list) => list.iter().for_each(|value| show(name, value, depth, out)),
        Tree::Object(fields) if fields.is_empty() => line(out, depth, format_args!("{name}")),
        Tree::Object(fields) => {
            line(out, depth, format_args!("{name}"));
            for (name, value) in fields {
                show(name, value, depth + 1, out);
            }
        }
    }
}

fn line(out: &mut String, depth: usize, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{:1$}{line}", "", 2 * depth).expect("writing to a string cannot fail");
}
