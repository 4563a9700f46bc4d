//! Schemas 0.2 and 0.3: tables `_` and `io.buildpacks`; the others belong to their vendors.

use super::Descriptor;
use super::EnvEntry;
use super::SCHEMA_VERSION;
use super::Schema;
use super::binding;
use super::buildpack;
use super::buildpack::List;
use super::cache;
use super::env;
use crate::diagnostic::Severity;
use crate::handwritten::Table;
use crate::handwritten::nearest;

const OURS: &str = "buildpacks";

pub(super) fn read(schema: Schema, mut root: Table<'_>, header: Option<Table<'_>>) -> Descriptor {
    let mut descriptor = Descriptor::new(root.findings.source(), schema);
    if let Some(mut header) = header {
        descriptor.read_identity(&mut header);
        descriptor.metadata = header.free_table("metadata");
        header.refuse_unread(Severity::Warning);
    }
    if let Some(mut io) = root.table("io") {
        if let Some(table) = io.table(OURS) {
            read_buildpacks(&mut descriptor, table);
        }
        for (key, span, _) in io.unread().filter(|(key, ..)| nearest(key, &[OURS]).is_some()) {
            io.report_unknown(Severity::Warning, key, span);
        }
    }
    warn_of_0_1(schema, &root);
    super::refuse_unread_values(&root);
    descriptor
}

fn read_buildpacks(descriptor: &mut Descriptor, mut table: Table<'_>) {
    let schema = descriptor.schema;
    check_version(schema, &mut table);
    descriptor.builder = table.filled("builder");
    descriptor.files = super::read_files(&mut table);
    let entries = table.tables("group").into_iter();
    descriptor.group = entries.filter_map(|entry| buildpack::read(schema, List::Group, entry)).collect();
    descriptor.pre = super::read_addition(schema, &mut table, "pre");
    descriptor.post = super::read_addition(schema, &mut table, "post");
    read_build(descriptor, &mut table);
    descriptor.cache_scope = table.table("cache").and_then(cache::read);
    table.refuse_unread(Severity::Warning);
}

/// The table may have a version of its own.
fn check_version(schema: Schema, table: &mut Table<'_>) {
    let Some(version) = table.filled(SCHEMA_VERSION) else { return };
    if version.value != schema.to_string() {
        let message = format!("`{}` is read as schema {schema}, as `[_]` says", table.full_name("*"));
        table.warn("two-schema-versions", version.span, message);
    }
}

/// The table `build`, and `env.build` of 0.2.
fn read_build(descriptor: &mut Descriptor, table: &mut Table<'_>) {
    let mut build = table.table("build");
    descriptor.env = read_env(descriptor.schema, table, build.as_mut());
    if let Some(mut build) = build {
        descriptor.bindings = build.tables("bindings").into_iter().filter_map(binding::read).collect();
        build.refuse_unread(Severity::Warning);
    }
}

/// `build.env`, or in 0.2 without it `env.build`, which was once a mistake in the specification.
fn read_env(schema: Schema, table: &mut Table<'_>, build: Option<&mut Table<'_>>) -> Vec<EnvEntry> {
    let is_written = build.as_ref().is_some_and(|build| build.key_span("env").is_some());
    let mut entries = build.map(|build| build.tables("env")).unwrap_or_default();
    if schema == Schema::V0_2
        && let Some(mut old) = table.table("env")
    {
        let name = old.full_name("build");
        let old_entries = old.tables("build");
        let message = if is_written {
            format!("`{name}` is ignored next to `io.buildpacks.build.env`")
        } else {
            entries = old_entries;
            format!("`{name}` should be `io.buildpacks.build.env`")
        };
        if let Some(span) = old.key_span("build") {
            old.tolerate("old-env", span, message);
        }
        old.refuse_unread(Severity::Warning);
    }
    entries.into_iter().filter_map(|entry| env::read(schema, entry)).collect()
}

fn warn_of_0_1(schema: Schema, root: &Table<'_>) {
    let moved = [("project", "_"), ("build", "io.buildpacks"), ("metadata", "_.metadata")];
    for (old, new) in moved {
        if let Some(span) = root.key_span(old) {
            let message = format!("`{old}` is ignored: in schema {schema} it is `{new}`");
            root.warn("earlier-schema", span, message);
        }
    }
}
