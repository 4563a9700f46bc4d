//! An entry of `[[io.buildpacks.build.env]]`.

use super::Schema;
use crate::diagnostic::Located;
use crate::diagnostic::Severity;
use crate::diagnostic::Span;
use crate::env_file::is_name;
use crate::handwritten::Table;

/// A variable for buildpacks.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct EnvEntry {
    /// Its name, which can be the name of a file.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The execution environments it is for; empty for all.
    pub exec_env: Vec<String>,
    /// Where its name is written.
    pub span: Span,
}

pub(super) fn read(schema: Schema, mut table: Table<'_>) -> Option<EnvEntry> {
    let name = table.filled("name");
    let has_value = table.key_span("value").is_some();
    let value = table.string("value").unwrap_or_default().value;
    let exec_env = if schema >= Schema::V0_3 { table.plain_strings("exec-env") } else { Vec::new() };
    table.refuse_unread(Severity::Warning);
    if !has_value {
        table.tolerate("no-value", table.span, "without `value`, the variable is empty");
    }
    let Some(Located { value: name, span }) = name else {
        table.error("no-name", table.span, "a variable must have `name`");
        return None;
    };
    if !is_name(&name) {
        table.error("invalid-name", span, format!("`{name}` cannot be the name of a variable"));
        return None;
    }
    Some(EnvEntry { name, value, exec_env, span })
}
