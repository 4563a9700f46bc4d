//! The program, in a directory of a test.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

pub(crate) use crate::done::Done;
use crate::done::run;

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
        run(command.arg("rebase").args(arguments))
    }
}
