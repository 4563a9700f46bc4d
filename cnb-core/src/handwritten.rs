//! Reading TOML that a person wrote: every problem is found in one go, each with its place.

mod portability;
mod suggestion;

use std::cell::RefCell;

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeArray;
use toml::de::DeTable;
use toml::de::DeValue;
use toml::de::ValueDeserializer;

pub(crate) use self::suggestion::nearest;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Diagnostics;
use crate::diagnostic::Located;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceFile;
use crate::diagnostic::Span;

/// Reads `source` with `read`, which is only called for valid TOML.
pub(crate) fn read<T>(
    source: &SourceFile,
    read: impl FnOnce(Table<'_>) -> T,
) -> Result<(T, Diagnostics), Diagnostics> {
    let (root, errors) = DeTable::parse_recoverable(source.text());
    let findings = Findings { source, diagnostics: RefCell::default() };
    if !errors.is_empty() {
        for error in &errors {
            findings.syntax_error(error);
        }
        return Err(findings.diagnostics.into_inner().finish(()).expect_err("there is a syntax error"));
    }
    for diagnostic in portability::check(source) {
        findings.report(diagnostic);
    }
    let span = Span { start: 0, end: 0 };
    let value =
        read(Table { findings: &findings, keys: root.get_ref(), span, name: None, known: Vec::new() });
    findings.diagnostics.into_inner().finish(value)
}

/// What was found so far.
#[derive(Debug)]
pub(crate) struct Findings<'s> {
    source: &'s SourceFile,
    diagnostics: RefCell<Diagnostics>,
}

impl Findings<'_> {
    /// Adds something without a place, or with places of its own.
    pub(crate) fn report(&self, diagnostic: Diagnostic) {
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    /// The text that is read.
    pub(crate) fn source(&self) -> &SourceFile {
        self.source
    }

    fn syntax_error(&self, error: &toml::de::Error) {
        let diagnostic = Diagnostic::error("toml-syntax", error.message());
        let end = self.source.text().len();
        self.report(diagnostic.at(self.source, error.span().unwrap_or(end..end), ""));
    }
}

/// A table that remembers which of its keys were asked for.
#[derive(Debug)]
pub(crate) struct Table<'t> {
    pub(crate) findings: &'t Findings<'t>,
    keys: &'t DeTable<'t>,
    /// Its header, or where its first key is.
    pub(crate) span: Span,
    name: Option<String>,
    known: Vec<&'static str>,
}

impl<'t> Table<'t> {
    /// The value of a string.
    pub(crate) fn string(&mut self, key: &'static str) -> Option<Located<String>> {
        self.value(key).and_then(|value| self.to_string(key, value))
    }

    /// The value of a string. As in Go, an empty one is as good as none.
    pub(crate) fn filled(&mut self, key: &'static str) -> Option<Located<String>> {
        self.string(key).filter(|text| !text.value.is_empty())
    }

    /// The value of a boolean; `false` without one.
    pub(crate) fn flag(&mut self, key: &'static str) -> bool {
        let Some(value) = self.value(key) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(key, "a boolean", value);
            false
        })
    }

    /// The elements of an array of strings, and where the array is.
    pub(crate) fn strings(&mut self, key: &'static str) -> Option<Located<Vec<Located<String>>>> {
        let value = self.value(key)?;
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, "an array of strings", value);
            return None;
        };
        let elements = array.iter().filter_map(|element| self.to_string(key, element)).collect();
        Some(Located { value: elements, span: value.span().into() })
    }

    /// The elements of an array of strings without their places.
    pub(crate) fn plain_strings(&mut self, key: &'static str) -> Vec<String> {
        let strings = self.strings(key).unwrap_or_default();
        strings.value.into_iter().map(|text| text.value).collect()
    }

    /// A table in this table.
    pub(crate) fn table(&mut self, key: &'static str) -> Option<Table<'t>> {
        let value = self.value(key)?;
        let table = self.to_table(key, value);
        if table.is_none() {
            self.wrong_type(key, "a table", value);
        }
        table
    }

    /// The tables of an array of tables.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<Table<'t>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, "an array of tables", value);
            return Vec::new();
        };
        let table = |element| {
            let table = self.to_table(key, element);
            if table.is_none() {
                self.wrong_type(key, "an array of tables", element);
            }
            table
        };
        array.iter().filter_map(table).collect()
    }

    /// The values of a table of strings whose keys are free, in the order of the keys.
    pub(crate) fn named_strings(&mut self, key: &'static str) -> Vec<(String, Located<String>)> {
        let Some(table) = self.table(key) else { return Vec::new() };
        let text = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let name: &str = AsRef::<str>::as_ref(name.get_ref());
            Some((name.to_owned(), table.to_string(name, value)?))
        };
        table.keys.iter().filter_map(text).collect()
    }

    /// A table whose keys are free.
    pub(crate) fn free_table(&mut self, key: &'static str) -> toml::Table {
        let Some(value) = self.value(key) else { return toml::Table::new() };
        match toml::Table::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(table) => table,
            Err(error) if value.get_ref().is_table() => {
                self.findings.syntax_error(&error);
                toml::Table::new()
            }
            Err(_) => {
                self.wrong_type(key, "a table", value);
                toml::Table::new()
            }
        }
    }

    /// Where a key is written.
    pub(crate) fn key_span(&self, key: &str) -> Option<Span> {
        self.keys.get_key_value(key).map(|(key, _)| key.span().into())
    }

    /// The keys with their places that were not asked for, and whether each is a table or several.
    pub(crate) fn unread(&self) -> impl Iterator<Item = (&'t str, Span, bool)> {
        let known = self.known.clone();
        let unread = self.keys.iter().filter(move |(key, _)| !known.contains(&key.get_ref().as_ref()));
        unread.map(|(key, value)| (key.get_ref().as_ref(), key.span().into(), is_table_like(value.get_ref())))
    }

    /// Reports every key that was not asked for.
    pub(crate) fn refuse_unread(&self, severity: Severity) {
        for (key, span, _) in self.unread() {
            self.report_unknown(severity, key, span);
        }
    }

    /// Reports one key as unknown.
    pub(crate) fn report_unknown(&self, severity: Severity, key: &str, span: Span) {
        let message = format!("unknown key `{}`", self.full_name(key));
        let mut diagnostic = Diagnostic::new("unknown-key", severity, message);
        diagnostic = match severity {
            Severity::Error => diagnostic.at(self.findings.source, span, ""),
            Severity::Warning => diagnostic.at(self.findings.source, span, "ignored"),
        };
        if let Some(known) = nearest(key, &self.known) {
            diagnostic = diagnostic.with_help(format!("did you mean `{known}`?"));
        }
        self.findings.report(diagnostic);
    }

    /// Reports an error in this table.
    pub(crate) fn error(&self, code: &'static str, span: Span, message: impl Into<String>) {
        self.findings.report(Diagnostic::error(code, message).at(self.findings.source, span, ""));
    }

    /// Reports a warning in this table.
    pub(crate) fn warn(&self, code: &'static str, span: Span, message: impl Into<String>) {
        self.findings.report(Diagnostic::warning(code, message).at(self.findings.source, span, ""));
    }

    /// Reports something that only `pack` accepts.
    pub(crate) fn tolerate(&self, code: &'static str, span: Span, message: impl Into<String>) {
        let diagnostic = Diagnostic::warning(code, message).at(self.findings.source, span, "");
        let note = "the specification does not allow this; it is accepted because `pack` accepts it";
        self.findings.report(diagnostic.with_note(note));
    }

    /// The dotted name of this table.
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The dotted name of a key of this table.
    pub(crate) fn full_name(&self, key: &str) -> String {
        self.name.as_ref().map_or_else(|| key.to_owned(), |name| format!("{name}.{key}"))
    }

    fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.keys.get(key)
    }

    fn to_string(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Located<String>> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, "a string", value);
        }
        text.map(|text| Located { value: text.to_owned(), span: value.span().into() })
    }

    fn to_table(&self, key: &str, value: &'t Spanned<DeValue<'t>>) -> Option<Table<'t>> {
        let keys = value.get_ref().as_table()?;
        let name = Some(self.full_name(key));
        Some(Table { findings: self.findings, keys, span: value.span().into(), name, known: Vec::new() })
    }

    fn wrong_type(&self, key: &str, expected: &str, value: &Spanned<DeValue<'_>>) {
        let name = self.full_name(key);
        let found = match value.get_ref() {
            DeValue::Array(_) => "an array",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a datetime",
            DeValue::Float(_) => "a float",
            DeValue::Integer(_) => "an integer",
            DeValue::String(_) => "a string",
            DeValue::Table(_) => "a table",
        };
        let message = format!("`{name}` must be {expected}");
        let mut diagnostic = Diagnostic::error("wrong-type", message);
        diagnostic = diagnostic.at(self.findings.source, value.span(), format!("this is {found}"));
        if expected == "an array of tables" && value.get_ref().is_table() {
            diagnostic = diagnostic.with_help(format!("write `[[{name}]]`"));
        }
        self.findings.report(diagnostic);
    }
}

fn is_table_like(value: &DeValue<'_>) -> bool {
    let is_array = |array: &DeArray<'_>| array.iter().all(|element| element.get_ref().is_table());
    value.is_table() || value.as_array().is_some_and(|array| !array.is_empty() && is_array(array))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, reader: impl FnOnce(Table<'_>)) -> String {
        match read(&SourceFile::new("f", text), reader) {
            Ok(((), diagnostics)) | Err(diagnostics) => diagnostics.to_string(),
        }
    }

    #[test]
    fn every_syntax_error_is_found_and_nothing_else_is_read() {
        let text = "a = \nb = 1\nc = 'x\n";
        let found = lines(text, |_| panic!("must not be read"));
        assert_eq!(
            found,
            "f:1:5: string values must be quoted, expected literal string\n\
             f:3:7: invalid literal string, expected `'`"
        );
    }

    #[test]
    fn values_of_another_type_are_errors() {
        let text = "s = 1\nl = 'x'\nm = [1, 'x']\nb = 'true'\nt = 1.0\na = { }\nd = [2020-01-01]\nf = []\n";
        let found = lines(text, |mut table| {
            assert!(table.string("s").is_none());
            assert!(table.strings("l").is_none());
            assert_eq!(table.plain_strings("m"), ["x"]);
            assert!(!table.flag("b"));
            assert!(table.table("t").is_none());
            assert!(table.tables("a").is_empty());
            assert!(table.tables("d").is_empty());
            assert!(table.free_table("f").is_empty());
        });
        let expected = "\
f:1:5: `s` must be a string
f:2:5: `l` must be an array of strings
f:3:6: `m` must be a string
f:4:5: `b` must be a boolean
f:5:5: `t` must be a table
f:6:5: `a` must be an array of tables
f:7:6: `d` must be an array of tables
f:8:5: `f` must be a table";
        assert_eq!(found, expected);
    }

    #[test]
    fn keys_that_nobody_asked_for_are_named_in_full() {
        let text = "[a.b]\nidd = 1\nother = 2\n";
        let found = lines(text, |mut root| {
            let mut table = root.table("a").and_then(|mut a| a.table("b")).expect("a table");
            assert!(table.string("id").is_none());
            table.refuse_unread(Severity::Warning);
        });
        assert_eq!(found, "f:2:1: unknown key `a.b.idd`\nf:3:1: unknown key `a.b.other`");
    }

    #[test]
    fn numbers_that_do_not_fit_are_errors_of_a_free_table() {
        let found = lines("[m]\na = 99999999999999999999\n", |mut root| {
            root.free_table("m");
        });
        let expected =
            "f:2:5: invalid type: integer `99999999999999999999` as i128, expected any valid TOML value";
        assert_eq!(found, expected);
    }
}
