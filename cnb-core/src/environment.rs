//! Environment variables of detect, build and launch, as values.
//!
//! Nothing here reads the environment of the process or the file system: an [`Environment`] is passed in, and
//! directories are read through [`EnvironmentFiles`].
//!
//! Source: buildpack specification, "Environment", and the Go lifecycle's `env/`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

mod build;
mod directory;
mod launch;
mod target;

pub use build::BuildEnvironment;
pub use directory::Action;
pub use directory::EnvironmentError;
pub use directory::EnvironmentFile;
pub use directory::EnvironmentFiles;
pub use launch::LaunchEnvironment;
pub use target::target_variables;

/// Environment variables by name. Names and values are bytes: a child gets what the parent had.
///
/// Values may be secrets, so [`Debug`](fmt::Debug) shows the names alone.
///
/// ```
/// use cnb_core::environment::Environment;
///
/// let environment = Environment::from_iter([("CNB_APP_DIR", "/workspace"), ("CNB_LAYERS_DIR", "")]);
/// assert_eq!(environment.text("CNB_APP_DIR"), Some("/workspace"));
/// assert_eq!(environment.text("CNB_LAYERS_DIR"), None);
/// ```
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a variable, whether it was set before or not.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.0.insert(name.into(), value.into());
    }

    /// Unsets a variable.
    pub fn remove(&mut self, name: impl AsRef<OsStr>) {
        self.0.remove(name.as_ref());
    }

    /// The value of a variable; an empty value is a value.
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.0.get(name.as_ref()).map(OsString::as_os_str)
    }

    /// The value of a setting: nothing when the variable is unset, empty or not UTF-8.
    pub fn text(&self, name: impl AsRef<OsStr>) -> Option<&str> {
        self.get(name)?.to_str().filter(|text| !text.is_empty())
    }

    /// All variables in byte order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Puts `value` before the old value, with `delimiter` between them unless the old value is empty.
    fn prepend(&mut self, name: &OsStr, value: &OsStr, delimiter: &OsStr) {
        let joined = join(value, delimiter, self.get(name).unwrap_or_default());
        self.set(name, joined);
    }

    /// Puts `value` after the old value, with `delimiter` between them unless the old value is empty.
    fn append(&mut self, name: &OsStr, value: &OsStr, delimiter: &OsStr) {
        let mut joined = self.get(name).unwrap_or_default().to_owned();
        if !joined.is_empty() {
            joined.push(delimiter);
        }
        joined.push(value);
        self.set(name, joined);
    }

    /// Puts the directories that exist below a layer in front of the lists they belong to.
    fn add_layer_root(
        &mut self,
        layer: &Path,
        lists: &[(&str, &[&str])],
        files: &dyn EnvironmentFiles,
    ) -> Result<(), EnvironmentError> {
        for (directory, names) in lists {
            let path = layer.join(directory);
            if files.exists(&path).map_err(|source| EnvironmentError::Root { path: path.clone(), source })? {
                for name in *names {
                    self.prepend(name.as_ref(), path.as_os_str(), PATH_LIST_SEPARATOR.as_ref());
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl IntoIterator for Environment {
    type Item = (OsString, OsString);
    type IntoIter = std::collections::btree_map::IntoIter<OsString, OsString>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

const PATH_LIST_SEPARATOR: &str = ":";

fn join(first: &OsStr, delimiter: &OsStr, second: &OsStr) -> OsString {
    let mut joined = first.to_owned();
    if !second.is_empty() {
        joined.push(delimiter);
        joined.push(second);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_has_no_values() {
        let environment = Environment::from_iter([("TOKEN", "hunter2")]);
        assert_eq!(format!("{environment:?}"), r#"{"TOKEN"}"#);
    }

    #[test]
    fn a_delimiter_stands_only_between_values() {
        let mut environment = Environment::new();
        environment.append("A".as_ref(), "1".as_ref(), ":".as_ref());
        environment.append("A".as_ref(), "2".as_ref(), ":".as_ref());
        environment.prepend("A".as_ref(), "0".as_ref(), "-".as_ref());
        environment.prepend("B".as_ref(), "1".as_ref(), ":".as_ref());
        assert_eq!(environment.text("A"), Some("0-1:2"));
        assert_eq!(environment.text("B"), Some("1"));
    }
}
