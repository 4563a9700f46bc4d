//! Schema 0.1: tables `project`, `build` and `metadata` (RFC 0054).

use super::Descriptor;
use super::Schema;
use super::buildpack;
use super::buildpack::List;
use super::env;
use crate::diagnostic::Severity;
use crate::handwritten::Table;

const SCHEMA: Schema = Schema::V0_1;

pub(super) fn read(mut root: Table<'_>, header: Option<Table<'_>>) -> Descriptor {
    let mut descriptor = Descriptor::new(root.findings.source(), SCHEMA);
    if let Some(header) = header {
        header.refuse_unread(Severity::Warning);
    }
    if let Some(mut project) = root.table("project") {
        descriptor.read_identity(&mut project);
        project.refuse_unread(Severity::Warning);
    }
    descriptor.metadata = root.free_table("metadata");
    if let Some(build) = root.table("build") {
        read_build(&mut descriptor, build);
    }
    if let Some(span) = root.table("io").and_then(|io| io.key_span("buildpacks")) {
        root.warn("later-schema", span, "`io.buildpacks` is ignored: it is not part of schema 0.1");
    }
    super::refuse_unread_values(&root);
    descriptor
}

fn read_build(descriptor: &mut Descriptor, mut build: Table<'_>) {
    descriptor.files = super::read_files(&mut build);
    let entries = build.tables("buildpacks").into_iter();
    descriptor.group = entries.filter_map(|entry| buildpack::read(SCHEMA, List::Group, entry)).collect();
    let variables = build.tables("env").into_iter();
    descriptor.env = variables.filter_map(|entry| env::read(SCHEMA, entry)).collect();
    descriptor.builder = build.filled("builder");
    descriptor.pre = super::read_addition(SCHEMA, &mut build, "pre");
    descriptor.post = super::read_addition(SCHEMA, &mut build, "post");
    for key in ["builder", "pre", "post"] {
        if let Some(span) = build.key_span(key) {
            build.tolerate(
                "later-key",
                span,
                format!("`{}` is not part of schema 0.1", build.full_name(key)),
            );
        }
    }
    build.refuse_unread(Severity::Warning);
}
