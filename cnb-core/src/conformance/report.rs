//! What came out of a run of the suite.

use std::fmt;

use super::Failure;
use super::Need;

/// Which cases passed, failed or were not applicable, by name. Displayed, it is one line per case and a sum.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Cases that hold.
    pub passed: Vec<&'static str>,
    /// Cases that do not, and why.
    pub failed: Vec<(&'static str, Failure)>,
    /// Cases that were not run, and the first thing they lacked.
    pub not_applicable: Vec<(&'static str, Need)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.passed {
            writeln!(f, "passed          {name}")?;
        }
        for (name, need) in &self.not_applicable {
            writeln!(f, "not applicable  {name} (needs {need:?})")?;
        }
        for (name, failure) in &self.failed {
            writeln!(f, "FAILED          {name}: {failure}")?;
        }
        let (passed, failed) = (self.passed.len(), self.failed.len());
        write!(f, "{passed} passed, {failed} failed, {} not applicable", self.not_applicable.len())
    }
}
