//! Directories whose files are changes of environment variables: `NAME.<action>`.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use super::Environment;
use super::PATH_LIST_SEPARATOR;

/// What the rules of the environment ask of a file system.
pub trait EnvironmentFiles {
    /// The files directly in a directory, links followed and directories left out, in byte order of their
    /// names. No files when there is no such directory.
    fn files(&self, directory: &Path) -> io::Result<Vec<EnvironmentFile>>;

    /// Whether there is anything at `path`; links are followed.
    fn exists(&self, path: &Path) -> io::Result<bool>;
}

/// A file of an environment directory.
///
/// The value may be a secret, so [`Debug`](fmt::Debug) shows the name alone.
#[derive(Clone, Eq, PartialEq)]
pub struct EnvironmentFile {
    /// The name of the file in its directory.
    pub name: OsString,
    /// Its whole content.
    pub value: OsString,
}

impl fmt::Debug for EnvironmentFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvironmentFile").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a file of an environment directory does to the variable it names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Put the value after the old one.
    Append,
    /// Set the value unless there is one that is not empty.
    Default,
    /// Set the value.
    Override,
    /// Put the value before the old one.
    Prepend,
    /// Put the value before the old one, by default with `:` between them.
    PrependPath,
}

impl Action {
    fn from_suffix(suffix: &[u8]) -> Option<Self> {
        match suffix {
            b"append" => Some(Self::Append),
            b"default" => Some(Self::Default),
            b"override" => Some(Self::Override),
            b"prepend" => Some(Self::Prepend),
            b"" => Some(Self::PrependPath),
            _ => None,
        }
    }
}

/// The directories that change an environment could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// The files of a directory.
    #[error("apply env files from dir '{0}': open {0}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Whether there is a directory that variables point to.
    #[error("stat {}", path.display())]
    Root {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Environment {
    /// Applies the files of a directory, in order.
    ///
    /// The name of a variable ends at the first `.` of the file's name, what follows is the [`Action`];
    /// files with another suffix do nothing, files without one do `unsuffixed`. The file `NAME.delim` holds
    /// what stands between joined values.
    pub(super) fn apply_directory(
        &mut self,
        directory: &Path,
        unsuffixed: Action,
        files: &dyn EnvironmentFiles,
    ) -> Result<(), EnvironmentError> {
        let files = read(directory, files)?;
        for file in &files {
            let (name, suffix) = split_name(&file.name);
            let action = suffix.map_or(Some(unsuffixed), Action::from_suffix);
            if let Some(action) = action {
                self.apply(name, &file.value, action, delimiter(&files, name));
            }
        }
        Ok(())
    }

    fn apply(&mut self, name: &OsStr, value: &OsStr, action: Action, delimiter: Option<&OsStr>) {
        match action {
            Action::Append => self.append(name, value, delimiter.unwrap_or_default()),
            Action::Prepend => self.prepend(name, value, delimiter.unwrap_or_default()),
            Action::PrependPath => {
                self.prepend(name, value, delimiter.unwrap_or(PATH_LIST_SEPARATOR.as_ref()));
            }
            Action::Override => self.set(name, value),
            Action::Default => {
                if self.get(name).unwrap_or_default().is_empty() {
                    self.set(name, value);
                }
            }
        }
    }
}

pub(super) fn read(
    directory: &Path,
    files: &dyn EnvironmentFiles,
) -> Result<Vec<EnvironmentFile>, EnvironmentError> {
    files
        .files(directory)
        .map_err(|source| EnvironmentError::Directory { path: directory.to_owned(), source })
}

fn split_name(name: &OsStr) -> (&OsStr, Option<&[u8]>) {
    let bytes = name.as_bytes();
    match bytes.iter().position(|byte| *byte == b'.') {
        Some(dot) => (OsStr::from_bytes(&bytes[..dot]), Some(&bytes[dot + 1..])),
        None => (name, None),
    }
}

fn delimiter<'a>(files: &'a [EnvironmentFile], name: &OsStr) -> Option<&'a OsStr> {
    let mut file_name = name.to_owned();
    file_name.push(".delim");
    files.iter().find(|file| file.name == file_name).map(|file| file.value.as_os_str())
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Paths of files with their content.
    #[derive(Debug)]
    pub(in crate::environment) struct Tree(BTreeMap<PathBuf, &'static str>);

    impl Tree {
        pub(in crate::environment) fn new<const N: usize>(files: [(&str, &'static str); N]) -> Self {
            Self(files.into_iter().map(|(path, content)| (PathBuf::from(path), content)).collect())
        }
    }

    impl EnvironmentFiles for Tree {
        fn files(&self, directory: &Path) -> io::Result<Vec<EnvironmentFile>> {
            let children = self.0.iter().filter(|(path, _)| path.parent() == Some(directory));
            let file = |(path, content): (&PathBuf, &&str)| EnvironmentFile {
                name: path.file_name().expect("test paths have names").to_owned(),
                value: OsString::from(content),
            };
            Ok(children.map(file).collect())
        }

        fn exists(&self, path: &Path) -> io::Result<bool> {
            Ok(self.0.keys().any(|file| file.starts_with(path)))
        }
    }

    #[test]
    fn suffixes_say_what_a_file_does() {
        // (old value, file names and contents, new value), as the Go lifecycle has them.
        type Files = &'static [(&'static str, &'static str)];
        let cases: [(&str, Files, &str); 12] = [
            ("old", &[("A", "new")], "new"),
            ("old", &[("A.override", "new")], "new"),
            ("old", &[("A.default", "new")], "old"),
            ("", &[("A.default", "new")], "new"),
            ("old", &[("A.append", "new")], "oldnew"),
            ("old", &[("A.append", "new"), ("A.delim", "-")], "old-new"),
            ("old", &[("A.prepend", "new"), ("A.delim", "-")], "new-old"),
            ("", &[("A.prepend", "new"), ("A.delim", "-")], "new"),
            ("old", &[("A.", "new")], "new:old"),
            ("old", &[("A.", "new"), ("A.delim", ";")], "new;old"),
            ("old", &[("A.unknown", "new"), ("A.append.x", "new")], "old"),
            ("old", &[("A", "x"), ("A.append", "y"), ("A.override", "z"), ("A.prepend", "w")], "wz"),
        ];
        for (old, files, expected) in cases {
            let tree = Tree(files.iter().map(|(name, text)| (Path::new("/env").join(name), *text)).collect());
            let mut environment = Environment::from_iter([("A", old)]);
            environment
                .apply_directory(Path::new("/env"), Action::Override, &tree)
                .expect("test trees are readable");
            assert_eq!(environment.get("A"), Some(OsStr::new(expected)), "{old:?} {files:?}");
        }
    }
}
