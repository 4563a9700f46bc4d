//! `[[build.env]]`: the environment that a builder gives to buildpacks.

use crate::diagnostic::Diagnostic;
use crate::diagnostic::Located;
use crate::diagnostic::Severity;
use crate::diagnostic::Span;
use crate::env_file::is_name;
use crate::handwritten::Table;

/// A change of a variable.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BuildEnv {
    /// The name of the variable.
    pub name: String,
    /// What is put into it.
    pub value: String,
    /// How it is put there; without one, as the specification says for a file without a suffix.
    pub suffix: Option<Suffix>,
    /// What stands between the old and the new value.
    pub delim: Option<String>,
    /// The execution environments it is for; empty for all.
    pub exec_env: Vec<String>,
    /// Where its name is written.
    pub span: Span,
}

/// How a value changes a variable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Suffix {
    /// Put it after the old value.
    Append,
    /// Set it unless there is a value.
    Default,
    /// Set it.
    Override,
    /// Put it before the old value.
    Prepend,
}

impl BuildEnv {
    /// The files of `/cnb/build-config/env` that say this: names and contents.
    pub fn files(&self) -> Vec<(String, String)> {
        let suffix = self.suffix.map(|suffix| format!(".{}", suffix.as_str())).unwrap_or_default();
        let value = (format!("{}{suffix}", self.name), self.value.clone());
        let delim = self.delim.iter().map(|delim| (format!("{}.delim", self.name), delim.clone()));
        std::iter::once(value).chain(delim).collect()
    }
}

impl Suffix {
    const ALL: [Self; 4] = [Self::Append, Self::Default, Self::Override, Self::Prepend];

    /// The suffix of a file, without the dot.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Default => "default",
            Self::Override => "override",
            Self::Prepend => "prepend",
        }
    }
}

/// Reads `env` of the table `build`.
pub(super) fn read(build: &mut Table<'_>) -> Vec<BuildEnv> {
    let read = build.tables("env").into_iter().filter_map(read_one).collect::<Vec<_>>();
    let mut entries: Vec<BuildEnv> = Vec::new();
    for entry in read {
        let same = |old: &BuildEnv| (&old.name, old.suffix) == (&entry.name, entry.suffix);
        if let Some(index) = entries.iter().position(same) {
            let old = entries.remove(index);
            let message = format!("`{}` is written twice; the last one holds", entry.name);
            let source = build.findings.source();
            let diagnostic = Diagnostic::warning("repeated-env", message).at(source, entry.span, "");
            build.findings.report(diagnostic.at(source, old.span, ""));
        }
        entries.push(entry);
    }
    entries
}

fn read_one(mut table: Table<'_>) -> Option<BuildEnv> {
    let name = table.filled("name");
    let value = table.string("value").unwrap_or_default().value;
    let written_suffix = table.filled("suffix");
    let delim = table.filled("delim").map(|delim| delim.value);
    let exec_env = table.plain_strings("exec-env");
    table.refuse_unread(Severity::Error);
    let suffix = written_suffix.as_ref().and_then(|suffix| read_suffix(&table, suffix));
    if matches!(suffix, Some(Suffix::Append | Suffix::Prepend)) && delim.is_none() {
        let span = written_suffix.map_or(table.span, |suffix| suffix.span);
        table.error("no-delim", span, "`append` and `prepend` need `delim`");
    }
    let Some(Located { value: name, span }) = name else {
        table.error("no-name", table.span, "a variable must have `name`");
        return None;
    };
    // What follows a dot is a suffix.
    if !is_name(&name) || name.contains('.') {
        table.error("invalid-name", span, format!("`{name}` cannot be the name of a variable"));
        return None;
    }
    if value.is_empty() {
        table.warn("no-value", span, format!("`{name}` is empty"));
    }
    Some(BuildEnv { name, value, suffix, delim, exec_env, span })
}

fn read_suffix(table: &Table<'_>, text: &Located<String>) -> Option<Suffix> {
    let suffix = Suffix::ALL.into_iter().find(|suffix| suffix.as_str() == text.value);
    if suffix.is_none() {
        let known = Suffix::ALL.map(|suffix| format!("`{}`", suffix.as_str())).join(", ");
        let diagnostic = Diagnostic::error("unknown-suffix", format!("unknown suffix `{}`", text.value));
        let diagnostic = diagnostic.at(table.findings.source(), text.span, "");
        table.findings.report(diagnostic.with_help(format!("known ones are {known}")));
    }
    suffix
}
