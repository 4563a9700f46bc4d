//! The environment of a build as users give it: `--env NAME[=VALUE]` and `--env-file`.
//!
//! Source: `parseEnv` in `internal/commands/build.go` of `pack`. A name alone takes its value from the caller's
//! own environment; quotes are not removed; there are no comments. What a descriptor says comes first, then
//! files, then flags, and of two values of one name the later holds.

use std::fmt;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::Diagnostics;
use crate::diagnostic::SourceFile;
use crate::diagnostic::Span;

/// A variable for buildpacks. Its value may be a secret, so [`Debug`](fmt::Debug) shows the name alone.
#[derive(Clone, Eq, PartialEq)]
pub struct Variable {
    /// Its name, which can be the name of a file.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variable").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads what a flag says: `NAME=VALUE`, or `NAME` for the value that `host` has, or an empty one.
///
/// ```
/// let variable = cnb_core::env_file::read_flag("A=b=c", |_| None)?;
/// assert_eq!((variable.name.as_str(), variable.value.as_str()), ("A", "b=c"));
/// # Ok::<(), cnb_core::env_file::InvalidVariable>(())
/// ```
pub fn read_flag(text: &str, host: impl Fn(&str) -> Option<String>) -> Result<Variable, InvalidVariable> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, value.to_owned()),
        None => (text, host(text).unwrap_or_default()),
    };
    if is_name(name) { Ok(Variable { name: name.to_owned(), value }) } else { Err(InvalidVariable) }
}

/// A text is not `NAME` or `NAME=VALUE`. It is not repeated, as it may hold a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a variable must be `NAME` or `NAME=VALUE`, with a name that can be the name of a file")]
pub struct InvalidVariable;

/// Reads the text of the file `name`: a variable on each line that is not empty.
///
/// The source in diagnostics has `*` in place of every value.
pub fn read_file(
    name: &str,
    text: &str,
    host: impl Fn(&str) -> Option<String>,
) -> Result<(Vec<Variable>, Diagnostics), Diagnostics> {
    let source = SourceFile::new(name, masked(text));
    let mut diagnostics = Diagnostics::default();
    let mut variables = Vec::new();
    for (span, line) in lines(text) {
        if line.starts_with('#') {
            let message = "comments are not part of the format; other tools read a variable here";
            diagnostics.push(Diagnostic::warning("comment", message).at(&source, span, "ignored"));
            continue;
        }
        match read_flag(line, &host) {
            Ok(variable) => {
                diagnostics.extend(doubts(&source, span, line, &host));
                variables.push(variable);
            }
            Err(error) => {
                let diagnostic = Diagnostic::error("invalid-variable", error.to_string());
                diagnostics.push(diagnostic.at(&source, span, ""));
            }
        }
    }
    diagnostics.finish(variables)
}

/// What may not be meant so, although it can be read.
fn doubts(
    source: &SourceFile,
    span: Span,
    line: &str,
    host: impl Fn(&str) -> Option<String>,
) -> Option<Diagnostic> {
    let Some((name, value)) = line.split_once('=') else {
        let message = format!("`{line}` is empty: it is not in the environment either");
        return host(line).is_none().then(|| Diagnostic::warning("not-set", message).at(source, span, ""));
    };
    let is_quoted = |quote| value.len() >= 2 && value.starts_with(quote) && value.ends_with(quote);
    let message = format!("the quotes are part of the value of `{name}`");
    (is_quoted('"') || is_quoted('\''))
        .then(|| Diagnostic::warning("quotes", message).at(source, span.start + name.len() + 1..span.end, ""))
}

/// The lines with something on them, without the space around it.
fn lines(text: &str) -> impl Iterator<Item = (Span, &str)> {
    let start = text.as_ptr() as usize;
    let lines = text.split('\n').map(str::trim).filter(|line| !line.is_empty());
    lines.map(move |line| {
        let offset = line.as_ptr() as usize - start;
        (Span { start: offset, end: offset + line.len() }, line)
    })
}

/// The text with `*` for each byte that is not part of a name, so that the offsets stay the same.
fn masked(text: &str) -> String {
    let mask = |line: &str| {
        let name = line.split('=').next().unwrap_or_default();
        let shown = if is_name(name.trim()) { (name.len() + 1).min(line.len()) } else { 0 };
        format!("{}{}", &line[..shown], "*".repeat(line.len() - shown))
    };
    let lines: Vec<String> = text.split('\n').map(mask).collect();
    lines.join("\n")
}

/// Whether a variable for buildpacks can have this name: the Platform API hands each over as a file of that name.
pub fn is_name(name: &str) -> bool {
    let is_refused = |c: char| c.is_whitespace() || matches!(c, '/' | '=' | '\0');
    !matches!(name, "" | "." | "..") && !name.contains(is_refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> Option<String> {
        (name == "FROM_HOST").then(|| "host value".to_owned())
    }

    fn pairs(variables: &[Variable]) -> Vec<(&str, &str)> {
        variables.iter().map(|v| (v.name.as_str(), v.value.as_str())).collect()
    }

    #[test]
    fn lines_are_variables() {
        let text = "A=b\r\n\n  B = c d \nC=\nFROM_HOST\nD=x=y#z\nÉ=ü";
        let error = read_file("env", text, host).expect_err("there is a space before the sign");
        assert_eq!(error.to_string(), format!("env:3:3: {InvalidVariable}"));
        let (variables, warnings) = read_file("env", &text.replace("B =", "B="), host).expect("valid");
        let expected =
            [("A", "b"), ("B", " c d"), ("C", ""), ("FROM_HOST", "host value"), ("D", "x=y#z"), ("É", "ü")];
        assert_eq!(pairs(&variables), expected);
        assert!(warnings.is_empty());
    }

    #[test]
    fn doubtful_lines_are_read_with_a_warning() {
        let text = "# x\nA=\"b\"\nNOT_SET\n";
        let (variables, warnings) = read_file("env", text, host).expect("valid");
        assert_eq!(pairs(&variables), [("A", "\"b\""), ("NOT_SET", "")]);
        let expected = "\
env:1:1: comments are not part of the format; other tools read a variable here
env:2:3: the quotes are part of the value of `A`
env:3:1: `NOT_SET` is empty: it is not in the environment either";
        assert_eq!(warnings.to_string(), expected);
    }

    #[test]
    fn nothing_that_may_be_secret_is_shown() {
        let text = "PASSWORD='hünter2'\n-----BEGIN KEY-----\nhunter2/abc\nexport B=hunter2\n";
        let diagnostics = read_file("env", text, host).expect_err("not variables");
        assert_eq!(diagnostics.iter().count(), 4);
        let source = diagnostics.iter().next().and_then(|d| d.source.clone()).expect("a source");
        assert_eq!(source.text().len(), text.len());
        assert!(source.text().starts_with("PASSWORD=***"));
        assert!(!source.text().contains("nter2") && !source.text().contains("KEY"), "{}", source.text());
        let variable = read_flag("A=hunter2", host).expect("valid");
        assert!(!format!("{variable:?}").contains("hunter2"));
    }

    #[test]
    fn flags_that_are_not_variables_are_refused() {
        for text in ["", "=x", "A/B=x", "A B", "..=x"] {
            assert_eq!(read_flag(text, host), Err(InvalidVariable), "{text}");
        }
    }
}
