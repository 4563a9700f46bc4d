//! The launcher: prepares the environment that buildpacks asked for, and becomes the process.
//!
//! Source: platform specification, "Launch", and the Go lifecycle's `launch/` and `cmd/launcher`.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::api::PlatformApi;
use cnb_core::build_metadata::BuildMetadata;
use cnb_core::environment::Environment;
use cnb_core::environment::EnvironmentError;
use cnb_core::environment::LaunchEnvironment;
use cnb_core::id::ProcessType;

mod direct;
mod exec_d;
mod layers;
mod process;
mod shell;

pub use direct::DirectError;
pub use direct::LookUpError;
pub use exec_d::ExecDError;
pub use process::SelectError;

use crate::disk::Disk;
use process::Choice;
use process::Process;
use shell::ShellCommand;

/// What to launch from.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// What the image says about itself: `<layers>/config/metadata.toml`.
    pub metadata: BuildMetadata,
    /// The version of the Platform API.
    pub platform_api: PlatformApi,
    /// The directory of the layers.
    pub layers: PathBuf,
    /// The directory of the application.
    pub app: PathBuf,
    /// The execution environment, for example `production`.
    pub exec_env: String,
}

impl Launcher {
    /// Replaces this process by the one that `argv0` names, or by the one that `arguments` describe.
    ///
    /// Changes the current directory. Returns only when something fails.
    pub fn launch(
        &self,
        argv0: &OsStr,
        arguments: Vec<OsString>,
        container: Environment,
    ) -> Result<Infallible, LaunchError> {
        let choice =
            Choice { metadata: &self.metadata, platform_api: self.platform_api, exec_env: &self.exec_env };
        let process =
            choice.select(self.process_type(argv0), arguments).map_err(LaunchError::DetermineCommand)?;

        std::env::set_current_dir(&self.app).map_err(LaunchError::ChangeDirectory)?;
        let layers = self.layers().map_err(LaunchError::ListLayers)?;
        let mut environment = LaunchEnvironment::inherit(container);
        let process_type = process.r#type.as_ref();
        modify(&mut environment, &layers, process_type).map_err(LaunchError::ModifyEnvironment)?;
        run_exec_d(&mut environment, &layers, process_type)?;

        let environment = environment.variables();
        if process.direct {
            let working_directory = process.working_directory.as_deref().unwrap_or(&self.app);
            Err(direct::exec(&process.command, &process.arguments, working_directory, environment).into())
        } else {
            let command = self.shell_command(argv0, process, &layers)?;
            Err(LaunchError::Bash(command.exec(environment)))
        }
    }

    /// The type of process whose name the launcher was called by, if there is one.
    fn process_type(&self, argv0: &OsStr) -> Option<&ProcessType> {
        let name = Path::new(argv0).file_name()?;
        let types = self.metadata.processes.iter().map(|process| &process.r#type);
        types.into_iter().find(|process_type| name == process_type.as_str())
    }

    fn layers(&self) -> io::Result<Vec<Vec<PathBuf>>> {
        let layers = std::path::absolute(&self.layers)?;
        layers::by_buildpack(&layers, self.metadata.buildpacks.iter().map(|buildpack| &buildpack.id))
    }

    fn shell_command(
        &self,
        caller: &OsStr,
        process: Process,
        layers: &[Vec<PathBuf>],
    ) -> Result<ShellCommand, LaunchError> {
        Ok(ShellCommand {
            caller: caller.to_owned(),
            profiles: profiles(layers, process.r#type.as_ref()).map_err(LaunchError::FindProfiles)?,
            working_directory: process.working_directory.unwrap_or_else(|| self.app.clone()),
            command: process.command.join(OsStr::new(" ")),
            arguments: process.arguments,
        })
    }
}

fn modify(
    environment: &mut LaunchEnvironment,
    layers: &[Vec<PathBuf>],
    process_type: Option<&ProcessType>,
) -> Result<(), EnvironmentError> {
    for layers in layers {
        for layer in layers {
            environment.add_layer_root(layer, &Disk)?;
        }
        for layer in layers {
            environment.add_layer_variables(layer, process_type.map(ProcessType::as_str), &Disk)?;
        }
    }
    Ok(())
}

fn run_exec_d(
    environment: &mut LaunchEnvironment,
    layers: &[Vec<PathBuf>],
    process_type: Option<&ProcessType>,
) -> Result<(), LaunchError> {
    for layer in layers.iter().flatten() {
        let programs = layers::files(&layer.join("exec.d"), process_type).map_err(LaunchError::ListLayers)?;
        for program in programs {
            exec_d::run(&program, environment).map_err(LaunchError::ExecD)?;
        }
    }
    Ok(())
}

/// The profiles of all layers, and then that of the application, which is the current directory.
fn profiles(layers: &[Vec<PathBuf>], process_type: Option<&ProcessType>) -> io::Result<Vec<PathBuf>> {
    let mut profiles = Vec::new();
    for layer in layers.iter().flatten() {
        profiles.extend(layers::files(&layer.join("profile.d"), process_type)?);
    }
    let app_profile = Path::new(".profile");
    match app_profile.metadata() {
        Ok(metadata) if !metadata.is_dir() => profiles.push(app_profile.to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(profiles)
}

/// No process was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// Bash does not run.
    #[error("bash exec")]
    Bash(#[source] io::Error),
    /// The application directory cannot be entered.
    #[error("change to app directory")]
    ChangeDirectory(#[source] io::Error),
    /// It cannot be decided what to start.
    #[error("determine start command")]
    DetermineCommand(#[source] SelectError),
    /// A process without a shell could not be started.
    #[error(transparent)]
    Direct(#[from] DirectError),
    /// A program of `exec.d` failed.
    #[error("exec.d")]
    ExecD(#[source] ExecDError),
    /// A directory of profiles cannot be read.
    #[error("find profiles")]
    FindProfiles(#[source] io::Error),
    /// A directory of layers cannot be read.
    #[error("list layers")]
    ListLayers(#[source] io::Error),
    /// The environment of the layers cannot be read.
    #[error("modify env")]
    ModifyEnvironment(#[source] EnvironmentError),
}
