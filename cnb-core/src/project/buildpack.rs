//! An entry of `group`, `pre.group` or `post.group`.

use super::Schema;
use crate::api::BuildpackApi;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Located;
use crate::diagnostic::Severity;
use crate::diagnostic::Span;
use crate::handwritten::Table;
use crate::id::BuildpackId;

/// A buildpack that the descriptor asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BuildpackEntry {
    /// Which one.
    pub buildpack: BuildpackSource,
    /// The execution environments it is for; empty for all.
    pub exec_env: Vec<String>,
    /// Where its ID or URI is written, for errors about it.
    pub span: Span,
}

/// Where a buildpack comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BuildpackSource {
    /// A buildpack of the builder.
    Id {
        /// Its ID.
        id: BuildpackId,
        /// Its version; any without one.
        version: Option<String>,
    },
    /// A script in the descriptor.
    Inline {
        /// Its ID.
        id: BuildpackId,
        /// Its version.
        version: Option<String>,
        /// What it does.
        script: Script,
    },
    /// A URI, or a path relative to the directory of the descriptor.
    Uri(String),
}

/// A buildpack written in the descriptor: its `bin/build` runs `inline`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Script {
    /// The version of the Buildpack API it is written for.
    pub api: BuildpackApi,
    /// The interpreter: an absolute path, `/bin/sh` by default.
    pub shell: String,
    /// The text of the script.
    pub inline: String,
}

/// Which list an entry is in: `pack` checks those of `group` more than the others.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum List {
    Addition,
    Group,
}

pub(super) fn read(schema: Schema, list: List, mut table: Table<'_>) -> Option<BuildpackEntry> {
    let id = table.filled("id");
    let version = table.filled("version");
    let uri = table.filled("uri");
    let script_span = table.key_span("script");
    let script = table.table("script").map(read_script);
    let exec_env = if schema >= Schema::V0_3 { table.plain_strings("exec-env") } else { Vec::new() };
    table.refuse_unread(Severity::Warning);
    let (span, buildpack) = if let Some(uri) = uri {
        check_uri(schema, list, &table, id.as_ref(), version.as_ref());
        if let Some(span) = script_span {
            table.tolerate("uri-and-script", span, "`script` is ignored next to `uri`");
        }
        (uri.span, BuildpackSource::Uri(uri.value))
    } else {
        let Some(id) = id else {
            table.error("no-id-or-uri", table.span, "a buildpack must have `id` or `uri`");
            return None;
        };
        let buildpack_id = read_id(&table, &id);
        check_named(schema, &table, &id, version.as_ref(), script_span);
        let version = version.map(|version| version.value);
        let buildpack = match script {
            Some(script) => BuildpackSource::Inline { id: buildpack_id?, version, script: script? },
            None => BuildpackSource::Id { id: buildpack_id?, version },
        };
        (id.span, buildpack)
    };
    Some(BuildpackEntry { buildpack, exec_env, span })
}

fn check_uri(
    schema: Schema,
    list: List,
    table: &Table<'_>,
    id: Option<&Located<String>>,
    version: Option<&Located<String>>,
) {
    match (version, list) {
        (Some(version), List::Addition) => {
            table.tolerate("uri-and-version", version.span, "`version` is ignored next to `uri`");
        }
        (Some(version), List::Group) => {
            table.error("uri-and-version", version.span, "`version` cannot be used together with `uri`");
        }
        (None, _) => {}
    }
    if let Some(id) = id.filter(|_| schema == Schema::V0_1) {
        table.tolerate("uri-and-id", id.span, "`id` is ignored next to `uri`");
    }
}

fn check_named(
    schema: Schema,
    table: &Table<'_>,
    id: &Located<String>,
    version: Option<&Located<String>>,
    script: Option<Span>,
) {
    match (script, version) {
        (None, None) => {
            let message = "without `version`, any version that the builder has is used";
            table.tolerate("no-version", id.span, message);
        }
        (Some(_), Some(version)) => {
            let message = "`version` next to `script` is the version of the script";
            table.tolerate("version-and-script", version.span, message);
        }
        _ => {}
    }
    if let Some(script) = script.filter(|_| schema == Schema::V0_1) {
        table.tolerate("script-in-0.1", script, "`script` is not part of schema 0.1");
    }
}

fn read_id(table: &Table<'_>, id: &Located<String>) -> Option<BuildpackId> {
    let parsed = id.value.parse::<BuildpackId>();
    parsed.map_err(|error| table.error("invalid-id", id.span, error.to_string())).ok()
}

fn read_script(mut table: Table<'_>) -> Option<Script> {
    let api = table.filled("api");
    let shell = table.filled("shell").map_or_else(|| "/bin/sh".to_owned(), |shell| shell.value);
    let inline = table.filled("inline");
    table.refuse_unread(Severity::Warning);
    for (key, is_missing) in [("api", api.is_none()), ("inline", inline.is_none())] {
        if is_missing {
            table.error("incomplete-script", table.span, format!("a script must have `{key}`"));
        }
    }
    let api = read_api(&table, &api?)?;
    Some(Script { api, shell, inline: inline?.value })
}

fn read_api(table: &Table<'_>, api: &Located<String>) -> Option<BuildpackApi> {
    let source = table.findings.source();
    let parsed = api.value.parse::<BuildpackApi>();
    if let Err(error) = &parsed {
        let diagnostic = Diagnostic::error("invalid-api", error.to_string()).at(source, api.span, "");
        table.findings.report(diagnostic.with_help(format!("for example `{}`", BuildpackApi::NEWEST)));
    }
    parsed.ok()
}
