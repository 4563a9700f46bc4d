//! Reading a TOML document of the specifications.
//!
//! As in the Go lifecycle, unknown keys are ignored, keys may be written in any case, and absent keys have the zero value of
//! their type.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize as _;
use serde::Deserializer;
use serde::de::DeserializeOwned;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::SourceFile;
use crate::go_keys::GoKeys;

/// Reads the text of `file`, which is only used to name it in errors.
///
/// ```
/// use cnb_core::document;
///
/// let error = document::read::<toml::Table>("order.toml".as_ref(), "[[order]]\nx = \n").unwrap_err();
/// assert!(error.to_string().starts_with("order.toml:2:"));
/// ```
pub fn read<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, InvalidDocument> {
    let read = toml::Deserializer::parse(text).and_then(|document| T::deserialize(GoKeys(document)));
    read.map_err(|error| match error.span() {
        Some(span) => InvalidDocument::at(file, text, span, error.message()),
        None => InvalidDocument::new(file, error.message()),
    })
}

/// Reads a table of anything. As in Go, something else in its place counts as nothing.
pub(crate) fn table_or_nothing<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<toml::Table>, D::Error> {
    Ok(match toml::Value::deserialize(deserializer)? {
        toml::Value::Table(table) => Some(table),
        _ => None,
    })
}

/// A document that cannot be used: `<file>:<line>:<column>: <what is wrong>`.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct InvalidDocument(Box<Diagnostic>);

impl InvalidDocument {
    /// A document that cannot be used as a whole.
    pub fn new(file: &Path, message: impl Into<String>) -> Self {
        let mut diagnostic = Diagnostic::error(CODE, message);
        diagnostic.source = Some(SourceFile::new(file.to_string_lossy(), ""));
        Self(Box::new(diagnostic))
    }

    /// A document in whose text the bytes `span` cannot be used.
    pub fn at(file: &Path, text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        let source = SourceFile::new(file.to_string_lossy(), text);
        Self(Box::new(Diagnostic::error(CODE, message).at(&source, span, "")))
    }

    /// What is wrong, ready to be shown with the lines it is about.
    pub fn diagnostic(&self) -> &Diagnostic {
        &self.0
    }
}

impl From<InvalidDocument> for Diagnostic {
    fn from(error: InvalidDocument) -> Self {
        *error.0
    }
}

const CODE: &str = "invalid-document";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_where() {
        #[derive(Debug, serde::Deserialize)]
        struct Document {
            #[serde(rename = "flag")]
            _flag: bool,
        }
        let table = [
            ("flag = 1\n", "f.toml:1:8: invalid type: integer `1`, expected a boolean"),
            ("a = 'é' b", "f.toml:1:9: "),
            ("a = 1\n[b]\na = 1\na = 2\n", "f.toml:4:1: duplicate key"),
        ];
        for (text, expected) in table {
            let error = read::<Document>(Path::new("f.toml"), text).expect_err(text).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let error = read::<Document>(Path::new("f.toml"), "FLAG = 'x'\n").expect_err("a flag is no text");
        assert!(error.to_string().starts_with("f.toml:1:8: invalid type: string"), "{error}");
        let error = InvalidDocument::new(Path::new("f.toml"), "it is empty");
        assert_eq!(error.to_string(), "f.toml: it is empty");
        assert_eq!(error.diagnostic().position(), None);
    }
}
