//! Programs of `exec.d`: they write environment variables, as TOML, to file descriptor 3.
//!
//! Source: buildpack specification, "exec.d", and the Go lifecycle's `launch/exec_d.go`.

use std::collections::BTreeMap;
use std::io;
use std::io::PipeReader;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;

use cnb_core::environment::LaunchEnvironment;
use command_fds::CommandFdExt;
use command_fds::FdMapping;

const OUTPUT_FD: i32 = 3;

/// Runs the program at `path` and sets what it writes.
pub(super) fn run(path: &Path, environment: &mut LaunchEnvironment) -> Result<(), ExecDError> {
    let failed = |source| ExecDError::Run { path: path.to_owned(), source };
    let (mut child, mut pipe) = spawn(path, environment).map_err(failed)?;
    let mut output = String::new();
    let read = pipe.read_to_string(&mut output);
    drop(pipe);

    let status = child.wait().map_err(failed)?;
    if !status.success() {
        return Err(ExecDError::Status { path: path.to_owned(), status });
    }
    read.map_err(|source| ExecDError::Read { path: path.to_owned(), source })?;
    let variables: BTreeMap<String, String> =
        toml::from_str(&output).map_err(|source| ExecDError::Decode { path: path.to_owned(), source })?;
    for (name, value) in variables {
        environment.set(name, value);
    }
    Ok(())
}

fn spawn(path: &Path, environment: &LaunchEnvironment) -> io::Result<(Child, PipeReader)> {
    let (reader, writer) = io::pipe()?;
    let mut command = Command::new(path);
    command.env_clear().envs(environment.variables().iter()).stdin(Stdio::null());
    command
        .fd_mappings(vec![FdMapping { parent_fd: writer.into(), child_fd: OUTPUT_FD }])
        .expect("one mapping cannot collide");
    Ok((command.spawn()?, reader))
}

/// A program of `exec.d` did not do its part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecDError {
    /// What it wrote is not a TOML table of strings.
    #[error("failed to decode output from exec.d file at path '{}'", path.display())]
    Decode {
        /// The program.
        path: PathBuf,
        /// Why.
        source: toml::de::Error,
    },
    /// Its output could not be read.
    #[error("failed to read output from exec.d file at path '{}'", path.display())]
    Read {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be run.
    #[error("failed to execute exec.d file at path '{0}': fork/exec {0}", path.display())]
    Run {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It failed.
    #[error("failed to execute exec.d file at path '{}': {status}", path.display())]
    Status {
        /// The program.
        path: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use cnb_core::environment::Environment;

    use super::*;

    fn run_script(script: &str) -> Result<Environment, ExecDError> {
        let root = tempfile::tempdir().expect("a temporary directory");
        let path = root.path().join("program");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("in a new directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("of our own file");
        let mut environment =
            LaunchEnvironment::inherit(Environment::from_iter([("PATH", "/bin:/usr/bin"), ("A", "old")]));
        run(&path, &mut environment).map(|()| environment.variables().clone())
    }

    #[test]
    fn output_becomes_environment() {
        let environment = run_script(r#"printf 'A = "%s new"\nB = "b"\n' "$A" >&3"#).expect("it works");
        assert_eq!(environment.text("A"), Some("old new"));
        assert_eq!(environment.text("B"), Some("b"));
    }

    #[test]
    fn a_failure_wins_over_bad_output() {
        let cases = [
            ("echo 'A = 1' >&3", "failed to decode output"),
            ("echo nonsense >&3", "failed to decode output"),
            (r"printf '\377' >&3", "failed to read output"),
            ("echo nonsense >&3; exit 3", "failed to execute"),
            ("kill -9 $$", "failed to execute"),
        ];
        for (script, expected) in cases {
            let error = run_script(script).expect_err(script).to_string();
            assert!(error.starts_with(expected), "{script}: {error}");
        }
    }
}
