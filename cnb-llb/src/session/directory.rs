//! Directories that a client serves.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::pb::fsutil::Stat;

/// Changes what is said of a file.
type Map = dyn Fn(&mut Stat) + Send + Sync;

/// A directory that a client serves.
///
/// What BuildKit sees of it belongs to root, as with Go's client: owners of one machine mean nothing on another.
#[derive(Clone)]
pub struct Directory {
    pub(crate) path: PathBuf,
    pub(crate) map: Arc<Map>,
}

impl Directory {
    /// The directory at a path. A solve begins only when it is there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), map: Arc::new(|_| ()) }
    }

    /// Changes owners, modes or times of files and directories before they are sent: after the rule that all belong to
    /// root. Paths and kinds are not to be changed.
    ///
    /// Modes are Go's: permissions, and the highest bit for a directory.
    #[must_use]
    pub fn with_map(mut self, map: impl Fn(&mut Stat) + Send + Sync + 'static) -> Self {
        self.map = Arc::new(map);
        self
    }
}

impl From<PathBuf> for Directory {
    fn from(path: PathBuf) -> Self {
        Self::new(path)
    }
}

impl From<&Path> for Directory {
    fn from(path: &Path) -> Self {
        Self::new(path)
    }
}

impl From<&str> for Directory {
    fn from(path: &str) -> Self {
        Self::new(path)
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Directory").field(&self.path).finish()
    }
}
