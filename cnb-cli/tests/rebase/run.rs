//! Rebasing in a directory of a test.

use std::path::Path;

pub(crate) use crate::directory::Place;
pub(crate) use crate::done::Done;
use crate::done::run;

impl Place {
    /// Rebases; paths are relative to the directory.
    pub(crate) fn rebase(&self, arguments: &[&str]) -> Done {
        self.rebase_in(&std::env::temp_dir(), arguments)
    }

    /// As [`Place::rebase`], with another directory for temporary files.
    pub(crate) fn rebase_in(&self, temporary: &Path, arguments: &[&str]) -> Done {
        run(self.cnb().env("TMPDIR", temporary).arg("rebase").args(arguments))
    }
}
