//! Reading a TOML document of the specifications.
//!
//! As in the Go lifecycle, unknown keys are ignored and absent keys have the zero value of their type.

use std::path::Path;
use std::path::PathBuf;

use serde::de::DeserializeOwned;

/// Reads the text of `file`, which is only used to name it in errors.
pub fn read<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, InvalidDocument> {
    toml::from_str(text).map_err(|error| InvalidDocument::from_toml(file, text, &error))
}

/// A document that cannot be read: `<file>:<line>:<column>: <what is wrong>`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}{position}: {message}", file.display(), position = position_text(*.position))]
#[non_exhaustive]
pub struct InvalidDocument {
    /// The document.
    pub file: PathBuf,
    /// Line and column, both counted from 1, the column in characters, where they are known.
    pub position: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
}

impl InvalidDocument {
    /// A document whose text is TOML but says something that it may not say.
    pub fn new(file: &Path, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), position: None, message: message.into() }
    }

    fn from_toml(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let position = error.span().map(|span| position(text, span.start));
        Self { file: file.to_owned(), position, message: error.message().to_owned() }
    }
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.char_indices().take_while(|(index, _)| *index < offset).map(|(_, c)| c);
    before.fold((1, 1), |(line, column), c| if c == '\n' { (line + 1, 1) } else { (line, column + 1) })
}

fn position_text(position: Option<(usize, usize)>) -> String {
    position.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default()
}

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
    }
}
