//! The program, in a directory of a test.

use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

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

    /// `cnb` without proxies and credentials. Paths are relative to the directory, which is its home.
    pub(crate) fn cnb(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cnb"));
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        command.env_clear().env("HOME", self.directory.path());
        command
    }
}
