//! OCI runtimes that are programs: runc, crun, youki.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use super::Bundle;
use super::Runtime;

/// A program with the command line that runc established.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cli {
    program: PathBuf,
}

impl Cli {
    /// The runtime behind a path, or behind a name that is searched in `PATH`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    /// The runtimes to try, best first.
    pub fn candidates() -> [Self; 3] {
        ["runc", "crun", "youki"].map(Self::new)
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    fn command(&self, bundle: Bundle<'_>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--root")
            .arg(bundle.state)
            // Its log would be in the output of the step. Errors are on standard error all the same.
            .arg("--log")
            .arg(bundle.directory.join("runtime.log"))
            .args(self.without_cgroups())
            // These would reach into the container.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("LISTEN_FDS")
            // An interrupt from the terminal is for the program in front; that one ends the container.
            .process_group(0)
            .stdin(Stdio::null());
        command
    }

    /// Cgroups are used where they are writable, and not missed elsewhere.
    fn without_cgroups(&self) -> &'static [&'static str] {
        match self.program.file_name().and_then(|name| name.to_str()) {
            Some("crun") => &["--cgroup-manager=disabled"],
            Some("runc") => &["--rootless=true"],
            _ => &[],
        }
    }
}

impl Runtime for Cli {
    fn name(&self) -> String {
        self.program.display().to_string()
    }

    fn start(&self, bundle: Bundle<'_>) -> io::Result<Child> {
        self.command(bundle)
            .arg("run")
            .arg("--bundle")
            .arg(bundle.directory)
            .arg(bundle.id)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    fn remove(&self, bundle: Bundle<'_>) {
        let removed = self
            .command(bundle)
            .args(["delete", "--force", bundle.id])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        tracing::debug!(container = bundle.id, ?removed, "removed a container");
    }
}
