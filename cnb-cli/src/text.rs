//! Files that people write.

use std::fs;
use std::io;
use std::path::Path;

use cnb_core::diagnostic::Diagnostic;
use cnb_core::diagnostic::SourceFile;

use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// Reads a file that a person wrote.
pub(crate) fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    decode(path, bytes)
}

/// As [`read`]; none when there is no such file.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        bytes => decode(path, bytes.map_err(|error| unreadable(path, &error))?).map(Some),
    }
}

/// Why something cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::InvalidInput, format!("failed to read `{}`: {error}", path.display()))
}

fn decode(path: &Path, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let source = SourceFile::new(path.display().to_string(), String::from_utf8_lossy(error.as_bytes()));
        let invalid = Diagnostic::error("not-utf-8", "this is not UTF-8");
        let invalid = invalid.at(&source, at..at + char::REPLACEMENT_CHARACTER.len_utf8(), "");
        Failure::invalid(&invalid.with_help("save the file as UTF-8").into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf_8_has_a_place() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        fs::write(&path, b"a = 1\n\xc3\xa9 = '\xff\xfe'").expect("a file");
        let failure = read(&path).expect_err("it is not UTF-8");
        assert_eq!(failure.exit, Exit::InvalidInput);
        for expected in [&format!("{}:2:6", path.display()), "this is not UTF-8", "help: save the file"] {
            assert!(failure.message.contains(expected), "{expected}: {}", failure.message);
        }
        assert_eq!(read_if_there(&directory.path().join("nowhere")).expect("no file is none"), None);
        let failure = read(&directory.path().join("nowhere")).expect_err("there is none");
        assert!(failure.message.contains("nowhere`"), "{}", failure.message);
    }
}
