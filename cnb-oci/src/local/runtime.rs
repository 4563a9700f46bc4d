//! What runs containers.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::process::Child;

mod cli;

pub use cli::Cli;

/// Runs OCI bundles.
pub trait Runtime: Debug + Send + Sync + 'static {
    /// What to call it in messages.
    fn name(&self) -> String;

    /// Starts the container of a bundle in the foreground: the child ends when the container is gone and
    /// nothing of it is left. Its standard input is empty, its other streams are pipes, also for the
    /// process in the container.
    fn start(&self, bundle: Bundle<'_>) -> io::Result<Child>;

    /// Ends a container whose runtime did not, and removes what is left of it.
    fn remove(&self, bundle: Bundle<'_>);
}

/// A container on disk.
#[derive(Clone, Copy, Debug)]
pub struct Bundle<'a> {
    /// What the container is called.
    pub id: &'a str,
    /// Where its `config.json` is.
    pub directory: &'a Path,
    /// Where the runtime keeps its own files.
    pub state: &'a Path,
}
