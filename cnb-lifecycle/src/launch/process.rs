//! Which process starts, and with which arguments.
//!
//! Source: platform specification, "Launch", and the Go lifecycle's `launch/process.go`.

use std::ffi::OsString;
use std::path::PathBuf;

use cnb_core::api::BuildpackApi;
use cnb_core::api::PlatformApi;
use cnb_core::build_metadata as metadata;
use cnb_core::id::ProcessType;

use super::Metadata;

/// A process to start.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Process {
    /// Its type, unless a user wrote the command.
    pub(super) r#type: Option<ProcessType>,
    /// The buildpack it comes from, unless a user wrote the command.
    pub(super) buildpack: Option<String>,
    pub(super) command: Vec<OsString>,
    pub(super) arguments: Vec<OsString>,
    /// Whether it starts without a shell.
    pub(super) direct: bool,
    /// Where it starts, unless in the application directory.
    pub(super) working_directory: Option<PathBuf>,
}

/// What decides about the process beside the arguments of the user.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    pub(super) metadata: &'a Metadata,
    pub(super) platform_api: PlatformApi,
    /// The execution environment, for example `production`.
    pub(super) exec_env: &'a str,
}

impl Choice<'_> {
    /// The process of a type or, when there is no type, the one that the arguments describe.
    pub(super) fn select(
        self,
        process_type: Option<&ProcessType>,
        arguments: Vec<OsString>,
    ) -> Result<Process, SelectError> {
        let Some(process_type) = process_type else { return user_provided(arguments) };
        let process = self
            .metadata
            .processes
            .iter()
            .find(|process| process.r#type == *process_type && self.is_eligible(process))
            .ok_or_else(|| SelectError::NotFound(process_type.clone()))?;
        self.with_arguments(process.into(), arguments)
    }

    fn is_eligible(self, process: &metadata::Process) -> bool {
        !self.platform_api.has_exec_env()
            || process.exec_env.is_empty()
            || process.exec_env.iter().any(|name| name == "*" || name == self.exec_env)
    }

    fn with_arguments(self, mut process: Process, user: Vec<OsString>) -> Result<Process, SelectError> {
        if !self.platform_api.has_command_lists() {
            process.arguments.extend(user);
        } else if process.command.len() > 1 {
            let overridable = std::mem::replace(&mut process.arguments, process.command.split_off(1));
            process.arguments.extend(if user.is_empty() { overridable } else { user });
        } else if !user.is_empty() {
            if self.buildpack_api(&process)?.has_command_lists() {
                process.arguments = user;
            } else {
                process.arguments.extend(user);
            }
        }
        Ok(process)
    }

    fn buildpack_api(self, process: &Process) -> Result<BuildpackApi, SelectError> {
        let id = process.buildpack.as_deref().unwrap_or_default();
        let buildpack = self.metadata.buildpack(id);
        buildpack.and_then(|buildpack| buildpack.api.parse().ok()).ok_or_else(|| {
            let process_type = process.r#type.clone().unwrap_or_default();
            SelectError::UnknownBuildpack { process_type, buildpack: id.to_owned() }
        })
    }
}

impl From<&metadata::Process> for Process {
    fn from(process: &metadata::Process) -> Self {
        Self {
            r#type: Some(process.r#type.clone()),
            buildpack: Some(process.buildpack_id.clone()),
            command: process.command.iter().map(OsString::from).collect(),
            arguments: process.args.iter().flatten().map(OsString::from).collect(),
            direct: process.direct,
            working_directory: Some(PathBuf::from(&process.working_dir))
                .filter(|path| !path.as_os_str().is_empty()),
        }
    }
}

fn user_provided(mut arguments: Vec<OsString>) -> Result<Process, SelectError> {
    let direct = arguments.len() > 1 && arguments[0] == "--";
    if direct {
        arguments.remove(0);
    }
    if arguments.is_empty() {
        return Err(SelectError::NoCommand);
    }
    let rest = arguments.split_off(1);
    Ok(Process { command: arguments, arguments: rest, direct, ..Process::default() })
}

/// It cannot be decided what to start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// There is neither a process nor a command.
    #[error("when there is no default process a command is required")]
    NoCommand,
    /// There is no such process for this execution environment.
    #[error("process type {0} was not found")]
    NotFound(ProcessType),
    /// The process comes from a buildpack that the image does not list.
    #[error("failed to find buildpack for process {process_type} with buildpack ID {buildpack}")]
    UnknownBuildpack {
        /// The type of the process.
        process_type: ProcessType,
        /// The buildpack, as the image names it.
        buildpack: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = "
        [[buildpacks]]
        id = 'old'
        api = '0.8'
        [[buildpacks]]
        id = 'new'
        api = '0.9'
        [[processes]]
        type = 'old'
        command = 'run'
        args = ['a']
        buildpack-id = 'old'
        [[processes]]
        type = 'new'
        command = ['run']
        args = ['a']
        direct = true
        buildpack-id = 'new'
        [[processes]]
        type = 'fixed'
        command = ['run', 'c']
        args = ['a']
        buildpack-id = 'new'
        [[processes]]
        type = 'test'
        command = ['run']
        exec-env = ['test']
        buildpack-id = 'new'
        [[processes]]
        type = 'orphan'
        command = ['run']
        buildpack-id = 'gone'
    ";

    fn select(platform_api: u32, process_type: &str, user: &[&str]) -> Result<Process, SelectError> {
        let metadata = Metadata::read("metadata.toml".as_ref(), METADATA).expect("it is valid");
        let choice = Choice {
            metadata: &metadata,
            platform_api: PlatformApi::v0(platform_api),
            exec_env: "production",
        };
        let process_type = Some(process_type).filter(|name| !name.is_empty());
        let process_type = process_type.map(|name| name.parse().expect("a process type"));
        choice.select(process_type.as_ref(), user.iter().map(OsString::from).collect())
    }

    #[test]
    fn arguments_of_the_user_are_added_or_replace() {
        // (Platform API, process type, arguments of the user, arguments of the process)
        let cases: [(u32, &str, &[&str], &[&str]); 9] = [
            (9, "old", &["u"], &["a", "u"]),
            (9, "new", &["u"], &["a", "u"]),
            (10, "old", &["u"], &["a", "u"]),
            (10, "old", &[], &["a"]),
            (10, "new", &["u"], &["u"]),
            (10, "new", &[], &["a"]),
            (10, "fixed", &["u"], &["c", "u"]),
            (10, "fixed", &[], &["c", "a"]),
            (10, "orphan", &[], &[]),
        ];
        for (api, process_type, user, expected) in cases {
            let process = select(api, process_type, user).expect("it exists");
            assert_eq!(process.command, ["run"], "{process_type}");
            assert_eq!(process.arguments, expected, "{api} {process_type} {user:?}");
        }
        assert!(select(10, "orphan", &["u"]).is_err(), "the rule depends on its buildpack");
    }

    #[test]
    fn processes_of_another_execution_environment_do_not_exist() {
        assert!(select(14, "test", &[]).is_ok());
        let error = select(15, "test", &[]).expect_err("it is for another environment");
        assert_eq!(error.to_string(), "process type test was not found");
    }

    #[test]
    fn a_user_may_say_what_to_start() {
        let cases: [(&[&str], &str, &[&str], bool); 4] = [
            (&["--", "run", "x"], "run", &["x"], true),
            (&["run", "--", "x"], "run", &["--", "x"], false),
            (&["run"], "run", &[], false),
            (&["--"], "--", &[], false),
        ];
        for (user, command, arguments, direct) in cases {
            let process = select(15, "", user).expect("a command");
            assert_eq!((process.command, process.direct), (vec![command.into()], direct), "{user:?}");
            assert_eq!(process.arguments, arguments, "{user:?}");
        }
        assert!(matches!(select(15, "", &[]), Err(SelectError::NoCommand)));
    }
}
