//! Directories that a client serves.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::pb::fsutil::Stat;

/// Changes what is said of a file.
type Map = dyn Fn(&mut Stat) + Send + Sync;

/// Says whether to send a path, which may be a directory.
type Takes = dyn Fn(&str, bool) -> bool + Send + Sync;

/// Directories that come and go while a session lasts.
pub trait Directories: Send + Sync {
    /// The directory of a name, if there is one now.
    fn directory(&self, name: &str) -> Option<Directory>;
}

/// A directory that a client serves.
///
/// What BuildKit sees of it belongs to root, as with Go's client: owners of one machine mean nothing on another.
#[derive(Clone)]
pub struct Directory {
    pub(crate) path: PathBuf,
    pub(crate) map: Arc<Map>,
    pub(crate) takes: Arc<Takes>,
}

impl Directory {
    /// The directory at a path. A solve begins only when it is there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), map: Arc::new(|_| ()), takes: Arc::new(|_, _| true) }
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

    /// Sends only what this takes: it is asked for each path in the directory, `/`-separated, and whether that is a
    /// directory. One that is refused is not entered.
    #[must_use]
    pub fn with_filter(mut self, takes: impl Fn(&str, bool) -> bool + Send + Sync + 'static) -> Self {
        self.takes = Arc::new(takes);
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
