//! The project descriptor, project.toml: schemas 0.1, 0.2 and 0.3.
//!
//! Sources: the specification's `extensions/project-descriptor.md` for 0.2, RFC 0054 for 0.1, RFC 0078 for
//! `pre` and `post`, and for 0.3, which has no specification yet, what `pack` reads. Where `pack` takes more
//! than the specification allows, so does this, with a warning.

mod binding;
mod buildpack;
mod cache;
mod env;
pub mod files;
mod schema_0_1;
mod schema_0_2;

use std::fmt;

pub use self::binding::BindingEntry;
pub use self::buildpack::BuildpackEntry;
pub use self::buildpack::BuildpackSource;
use self::buildpack::List;
pub use self::buildpack::Script;
pub use self::cache::CacheScope;
pub use self::cache::InvalidCacheScope;
pub use self::env::EnvEntry;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Diagnostics;
use crate::diagnostic::Located;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceFile;
use crate::diagnostic::Span;
use crate::handwritten;
use crate::handwritten::Table;
use crate::selection::is_for;

const SCHEMA_VERSION: &str = "schema-version";

/// What project.toml says, whatever its schema.
///
/// ```
/// use cnb_core::diagnostic::SourceFile;
/// use cnb_core::project::Descriptor;
///
/// let text = "[_]\nschema-version = '0.2'\n[io.buildpacks]\nbuilder = 'oci:builder'\n";
/// let (descriptor, warnings) = Descriptor::read(&SourceFile::new("project.toml", text))?;
/// assert_eq!(descriptor.builder.expect("it is there").value, "oci:builder");
/// assert!(warnings.is_empty());
/// # Ok::<(), cnb_core::diagnostic::Diagnostics>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Descriptor {
    /// The text it was read from, which the spans in it are about.
    pub source: SourceFile,
    /// Which schema it was written in.
    pub schema: Schema,
    /// The project's ID, for machines.
    pub id: Option<String>,
    /// The project's name, for people.
    pub name: Option<String>,
    /// The project's version.
    pub version: Option<String>,
    /// The project's authors.
    pub authors: Vec<String>,
    /// Where the project's documentation is.
    pub documentation_url: Option<String>,
    /// Where the project's source is.
    pub source_url: Option<String>,
    /// The project's licenses.
    pub licenses: Vec<License>,
    /// A table of the project's own.
    pub metadata: toml::Table,
    /// The builder to use.
    pub builder: Option<Located<String>>,
    /// Which files of the application are part of the build.
    pub files: Files,
    /// The buildpacks to use instead of the builder's order; empty for that order.
    pub group: Vec<BuildpackEntry>,
    /// Buildpacks before those of each group of the builder's order.
    pub pre: Vec<BuildpackEntry>,
    /// Buildpacks after those of each group of the builder's order.
    pub post: Vec<BuildpackEntry>,
    /// The environment of buildpacks. Of two values of one name the later holds.
    pub env: Vec<EnvEntry>,
    /// Service bindings that are made of secrets: an extension of this crate, see [`BindingEntry`].
    pub bindings: Vec<BindingEntry>,
    /// With whom its builds share what they cache: an extension of this crate, see [`CacheScope`].
    pub cache_scope: Option<Located<CacheScope>>,
}

/// A version of the descriptor's schema.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Schema {
    /// Tables `project`, `build` and `metadata`.
    V0_1,
    /// Tables `_` and `io.buildpacks`.
    V0_2,
    /// 0.2 with `exec-env`.
    V0_3,
}

/// A license of the project: has a type, a URI, or both.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct License {
    /// For example an SPDX expression.
    pub r#type: Option<String>,
    /// Where its text is.
    pub uri: Option<String>,
}

/// Which files of the application are part of the build: patterns as in .gitignore.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Files {
    /// All of them.
    #[default]
    All,
    /// All but those that match.
    Exclude(Vec<Located<String>>),
    /// Only those that match.
    Include(Vec<Located<String>>),
}

impl Descriptor {
    /// Reads project.toml. The diagnostics with a descriptor are warnings.
    pub fn read(source: &SourceFile) -> Result<(Self, Diagnostics), Diagnostics> {
        Self::read_as(source, None)
    }

    /// Reads project.toml. A text that does not say its schema has the one given here; without one it is 0.1, with a
    /// warning.
    pub fn read_as(source: &SourceFile, unsaid: Option<Schema>) -> Result<(Self, Diagnostics), Diagnostics> {
        let (descriptor, diagnostics) = handwritten::read(source, |mut root| {
            let mut header = root.table("_");
            match read_schema(&root, header.as_mut(), unsaid)? {
                Schema::V0_1 => Some(schema_0_1::read(root, header)),
                schema => Some(schema_0_2::read(schema, root, header)),
            }
        })?;
        Ok((descriptor.expect("without a descriptor there is an error"), diagnostics))
    }

    /// An error about the entry at `span`, for what turns out when the entry is used: for example that its
    /// buildpack cannot be found.
    pub fn error_at(&self, span: Span, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message).at(&self.source, span, "")
    }

    /// Whether it asks for buildpacks, in any way.
    pub fn asks_for_buildpacks(&self) -> bool {
        [&self.group, &self.pre, &self.post].iter().any(|list| !list.is_empty())
    }

    /// The variables for buildpacks in an execution environment, by name and value. Of two values of one name the
    /// later holds.
    pub fn env_for(&self, exec_env: &str) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.env.iter().filter(move |entry| is_for(&entry.exec_env, exec_env));
        entries.map(|entry| (entry.name.as_str(), entry.value.as_str()))
    }

    fn new(source: &SourceFile, schema: Schema) -> Self {
        Self {
            source: source.clone(),
            schema,
            id: None,
            name: None,
            version: None,
            authors: Vec::new(),
            documentation_url: None,
            source_url: None,
            licenses: Vec::new(),
            metadata: toml::Table::new(),
            builder: None,
            files: Files::All,
            group: Vec::new(),
            pre: Vec::new(),
            post: Vec::new(),
            env: Vec::new(),
            bindings: Vec::new(),
            cache_scope: None,
        }
    }

    /// Reads the keys that `[project]` and `[_]` share.
    fn read_identity(&mut self, table: &mut Table<'_>) {
        let mut text = |key| table.filled(key).map(|text| text.value);
        self.id = text("id");
        self.name = text("name");
        self.version = text("version");
        self.documentation_url = text("documentation-url");
        self.source_url = text("source-url");
        self.authors = table.plain_strings("authors");
        self.licenses = table.tables("licenses").into_iter().filter_map(read_license).collect();
    }
}

impl Schema {
    const ALL: [Self; 3] = [Self::V0_1, Self::V0_2, Self::V0_3];

    /// The schema that `schema-version` names, for example `0.2`.
    pub fn named(version: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|schema| schema.to_string() == version)
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0_1 => "0.1",
            Self::V0_2 => "0.2",
            Self::V0_3 => "0.3",
        })
    }
}

/// Without a version it is `unsaid`, else 0.1, as for `pack`: 0.1 itself has no such key.
fn read_schema(root: &Table<'_>, header: Option<&mut Table<'_>>, unsaid: Option<Schema>) -> Option<Schema> {
    let assume = |span| Some(unsaid.unwrap_or_else(|| assume_0_1(root, span)));
    let Some(header) = header else { return assume(root.span) };
    let is_written = header.key_span(SCHEMA_VERSION).is_some();
    match header.string(SCHEMA_VERSION) {
        Some(version) if !version.value.is_empty() => known_schema(header, &version),
        None if is_written => None,
        _ => assume(header.span),
    }
}

fn known_schema(header: &Table<'_>, version: &Located<String>) -> Option<Schema> {
    let schema = Schema::named(&version.value);
    if schema.is_none() {
        let known = Schema::ALL.map(|schema| format!("`{schema}`")).join(", ");
        let message = format!("unknown schema version `{}`", version.value);
        let diagnostic = Diagnostic::error("unknown-schema-version", message);
        let diagnostic = diagnostic.at(header.findings.source(), version.span, "");
        header.findings.report(diagnostic.with_help(format!("known versions are {known}")));
    }
    schema
}

fn assume_0_1(root: &Table<'_>, span: Span) -> Schema {
    let message = "no schema version, so this is read as schema 0.1";
    let diagnostic = Diagnostic::warning("no-schema-version", message).at(root.findings.source(), span, "");
    let help = "say `schema-version = \"0.2\"` in the table `[_]`";
    root.findings.report(diagnostic.with_help(help));
    Schema::V0_1
}

fn read_license(mut table: Table<'_>) -> Option<License> {
    let r#type = table.filled("type").map(|text| text.value);
    let uri = table.filled("uri").map(|text| text.value);
    table.refuse_unread(Severity::Warning);
    if r#type.is_none() && uri.is_none() {
        table.error("empty-license", table.span, "a license must have `type` or `uri`");
        return None;
    }
    Some(License { r#type, uri })
}

/// Reads `include` and `exclude`. As for `pack`, an empty list takes every file.
fn read_files(table: &mut Table<'_>) -> Files {
    let include = table.strings("include");
    let exclude = table.strings("exclude");
    if include.is_some() && exclude.is_some() {
        let span = |key| table.key_span(key).expect("the key has a value");
        let message = "`include` and `exclude` cannot be used together";
        let mut diagnostic = Diagnostic::error("include-and-exclude", message);
        for key in ["exclude", "include"] {
            diagnostic = diagnostic.at(table.findings.source(), span(key), "");
        }
        table.findings.report(diagnostic);
    }
    let is_used = |list: &Located<Vec<_>>| {
        if list.value.is_empty() {
            table.warn("empty-list", list.span, "an empty list takes every file");
        }
        list.value.iter().for_each(|pattern| files::check(table.findings, pattern));
        !list.value.is_empty()
    };
    let exclude = exclude.filter(is_used).map(|list| Files::Exclude(list.value));
    let include = include.filter(is_used).map(|list| Files::Include(list.value));
    exclude.or(include).unwrap_or_default()
}

/// Reads the table `key`, `pre` or `post`.
fn read_addition(schema: Schema, table: &mut Table<'_>, key: &'static str) -> Vec<BuildpackEntry> {
    let Some(mut addition) = table.table(key) else { return Vec::new() };
    let entries = addition.tables("group");
    addition.refuse_unread(Severity::Warning);
    entries.into_iter().filter_map(|entry| buildpack::read(schema, List::Addition, entry)).collect()
}

/// Warns of what stands outside of all tables that belong to somebody.
fn refuse_unread_values(root: &Table<'_>) {
    for (key, span, is_table) in root.unread() {
        if !is_table {
            root.report_unknown(Severity::Warning, key, span);
        }
    }
}

#[cfg(test)]
mod tests;
