//! The program, in a directory of a test.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

/// Where a test works.
#[derive(Debug)]
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory") }
    }

    /// A path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Rebases; paths are relative to the directory.
    pub(crate) fn rebase(&self, arguments: &[&str]) -> Done {
        self.rebase_in(&std::env::temp_dir(), arguments)
    }

    /// As [`Place::rebase`], with another directory for temporary files.
    pub(crate) fn rebase_in(&self, temporary: &Path, arguments: &[&str]) -> Done {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cnb"));
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        // No proxies, no credentials.
        command.env_clear().env("HOME", self.directory.path()).env("TMPDIR", temporary);
        let output = command.arg("rebase").args(arguments).output().expect("the program starts");
        Done {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// A program that ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// It ended with this exit code.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Its standard error has this text.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "{text}\nis not in\n{}", self.stderr);
        self
    }

    /// Its standard output is a JSON object.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect("one JSON object")
    }
}
