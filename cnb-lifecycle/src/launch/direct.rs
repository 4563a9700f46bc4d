//! Processes without a shell.

use std::convert::Infallible;
use std::ffi::CString;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::environment::Environment;
use cnb_core::id::ProcessType;
use nix::errno::Errno;
use nix::unistd::execve;
use rustix::fs::Access;
use rustix::fs::AtFlags;
use rustix::fs::CWD;

/// Replaces this process by `command`, which is looked up from the current directory and then runs in
/// `working_directory`. Returns when that fails.
pub(super) fn exec(
    process_type: Option<&ProcessType>,
    command: &[OsString],
    arguments: &[OsString],
    working_directory: &Path,
    environment: &Environment,
) -> DirectError {
    let Some(name) = command.first() else {
        return DirectError::NoCommand(process_type.cloned().unwrap_or_default());
    };
    let program = match look_up(name, environment.get("PATH").unwrap_or_default()) {
        Ok(program) => program,
        Err(error) => return error.into(),
    };
    if let Err(source) = std::env::set_current_dir(working_directory) {
        return DirectError::ChangeDirectory { path: working_directory.to_owned(), source };
    }
    let Err(source) = replace(&program, [command, arguments].concat(), environment);
    DirectError::Exec(source)
}

/// Replaces this process. What is neither a binary nor has an interpreter is refused, as by Go: `Command::exec` would give
/// it to a shell.
fn replace(program: &Path, arguments: Vec<OsString>, environment: &Environment) -> io::Result<Infallible> {
    let arguments = arguments.into_iter().map(c_string).collect::<io::Result<Vec<_>>>()?;
    let variables = environment.iter().map(|(name, value)| {
        let mut variable = name.to_owned();
        variable.push("=");
        variable.push(value);
        c_string(variable)
    });
    let variables = variables.collect::<io::Result<Vec<_>>>()?;
    Ok(execve(&c_string(program.into())?, &arguments, &variables)?)
}

fn c_string(text: OsString) -> io::Result<CString> {
    CString::new(text.into_vec()).map_err(|_| Errno::EINVAL.into())
}

/// Finds a program as Go's `exec.LookPath` does: a name with `/` is a path; a program found through a
/// relative entry of `PATH` is refused.
fn look_up(name: &OsStr, path: &OsStr) -> Result<PathBuf, LookUpError> {
    let failed = |kind: io::Error| LookUpError { name: name.to_owned(), source: kind };
    if matches!(name.as_bytes(), b"" | b"." | b"..") {
        return Err(failed(not_found()));
    }
    if name.as_bytes().contains(&b'/') {
        return executable(Path::new(name)).map(|()| name.into()).map_err(failed);
    }
    let directories = path.as_bytes().split(|byte| *byte == b':').filter(|_| !path.is_empty());
    let found = directories
        .map(|directory| Path::new(OsStr::from_bytes(directory)).join(name))
        .find(|candidate| executable(candidate).is_ok())
        .ok_or_else(|| failed(not_found()))?;
    if found.is_relative() {
        let message = "cannot run executable found relative to current directory";
        return Err(failed(io::Error::new(io::ErrorKind::PermissionDenied, message)));
    }
    Ok(found)
}

fn executable(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(rustix::fs::accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)?)
}

fn not_found() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "executable file not found in $PATH")
}

/// A process without a shell could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectError {
    /// The working directory of the process does not exist.
    #[error("change directory: chdir {}", path.display())]
    ChangeDirectory {
        /// The working directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel refuses to run the program.
    #[error("direct exec")]
    Exec(#[source] io::Error),
    /// There is no such program.
    #[error("path lookup")]
    LookUp(#[from] LookUpError),
    /// The process has an empty command.
    #[error("no command provided for process type {:?}", .0.as_str())]
    NoCommand(ProcessType),
}

/// A program was not found.
#[derive(Debug, thiserror::Error)]
#[error("exec: {name:?}")]
pub struct LookUpError {
    name: OsString,
    source: io::Error,
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn programs_are_looked_up_as_by_go() {
        let root = tempfile::tempdir().expect("a temporary directory");
        for (name, mode) in [("a/tool", 0o644), ("b/tool", 0o755), ("c/tool", 0o755)] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("below the root")).expect("in a new directory");
            fs::write(&path, "").expect("in a new directory");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("of our own file");
        }
        fs::create_dir(root.path().join("a/directory")).expect("in a new directory");
        let root = root.path().to_str().expect("UTF-8");
        let path = format!("{root}/none:{root}/a:{root}/b:{root}/c");

        // (name, PATH, where it is found)
        let cases = [
            ("tool", path.as_str(), Some(format!("{root}/b/tool"))),
            (&format!("{root}/c/tool"), "", Some(format!("{root}/c/tool"))),
            (&format!("{root}/a/tool"), &path, None),
            ("directory", &path, None),
            ("tool", "", None),
            ("", &path, None),
            ("..", &path, None),
            ("nope", &path, None),
        ];
        for (name, path, expected) in cases {
            let found = look_up(name.as_ref(), path.as_ref()).ok();
            assert_eq!(found, expected.map(PathBuf::from), "{name} in {path}");
        }
    }
}
