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
use cnb_core::environment::Environment;
use cnb_core::environment::EnvironmentError;
use cnb_core::environment::LaunchEnvironment;
use cnb_core::id::ProcessType;

mod direct;
mod exec_d;
mod layers;
mod metadata;
mod process;
mod shell;

pub use direct::DirectError;
pub use direct::LookUpError;
pub use exec_d::ExecDError;
pub use layers::ListError;
pub use metadata::Buildpack;
pub use metadata::Metadata;
pub use process::SelectError;

use crate::disk::Disk;
use process::Choice;
use process::Process;
use shell::ShellCommand;

/// What to launch from.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// What the image says about itself: `<layers>/config/metadata.toml`.
    pub metadata: Metadata,
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

        std::env::set_current_dir(&self.app)
            .map_err(|source| LaunchError::ChangeDirectory { path: self.app.clone(), source })?;
        let layers = self.layers()?;
        let mut environment = LaunchEnvironment::inherit(container);
        let process_type = process.r#type.as_ref();
        modify(&mut environment, &layers, process_type)?;
        run_exec_d(&mut environment, &layers, process_type)?;

        let environment = environment.variables();
        if process.direct {
            let working_directory = process.working_directory.as_deref().unwrap_or(&self.app);
            let process_type = process.r#type.as_ref();
            Err(direct::exec(
                process_type,
                &process.command,
                &process.arguments,
                working_directory,
                environment,
            )
            .into())
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

    fn layers(&self) -> Result<Vec<Vec<PathBuf>>, LaunchError> {
        let layers = std::path::absolute(&self.layers).map_err(LaunchError::FindLayers)?;
        let ids = self.metadata.buildpacks.iter().filter_map(|buildpack| buildpack.id.as_ref());
        layers::by_buildpack(&path_clean::clean(layers), ids).map_err(LaunchError::ListLayers)
    }

    fn shell_command(
        &self,
        caller: &OsStr,
        process: Process,
        layers: &[Vec<PathBuf>],
    ) -> Result<ShellCommand, LaunchError> {
        let profiles = profiles(layers, process.r#type.as_ref())?;
        self.know_buildpack(&process)?;
        Ok(ShellCommand {
            caller: caller.to_owned(),
            profiles,
            working_directory: process.working_directory.unwrap_or_else(|| self.app.clone()),
            command: process.command.join(OsStr::new(" ")),
            arguments: process.arguments,
        })
    }

    /// Who has arguments for a shell is a buildpack of the image, or the user.
    ///
    /// Source: `isScript` in `launch/shell.go`.
    fn know_buildpack(&self, process: &Process) -> Result<(), LaunchError> {
        let id = process.buildpack.as_deref().filter(|id| !id.is_empty() && !process.arguments.is_empty());
        match id {
            Some(id) if self.metadata.buildpack(id).is_none() => Err(LaunchError::UnknownBuildpack {
                process_type: process.r#type.clone().unwrap_or_default(),
                buildpack: id.to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

fn modify(
    environment: &mut LaunchEnvironment,
    layers: &[Vec<PathBuf>],
    process_type: Option<&ProcessType>,
) -> Result<(), LaunchError> {
    for layers in layers {
        for layer in layers {
            environment.add_layer_root(layer, &Disk).map_err(LaunchError::AddLayerRoot)?;
        }
        for layer in layers {
            environment
                .add_layer_variables(layer, process_type.map(ProcessType::as_str), &Disk)
                .map_err(LaunchError::AddLayerVariables)?;
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
        let programs = layers::files(&layer.join("exec.d"), process_type).map_err(LaunchError::ListExecD)?;
        for program in programs {
            exec_d::run(&program, environment).map_err(LaunchError::ExecD)?;
        }
    }
    Ok(())
}

/// The profiles of all layers, and then that of the application, which is the current directory.
fn profiles(
    layers: &[Vec<PathBuf>],
    process_type: Option<&ProcessType>,
) -> Result<Vec<PathBuf>, LaunchError> {
    let mut profiles = Vec::new();
    for layer in layers.iter().flatten() {
        let files = layers::files(&layer.join("profile.d"), process_type);
        profiles.extend(files.map_err(LaunchError::ListProfiles)?);
    }
    let app_profile = Path::new(".profile");
    match app_profile.metadata() {
        Ok(metadata) if !metadata.is_dir() => profiles.push(app_profile.to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(LaunchError::FindProfiles(error)),
    }
    Ok(profiles)
}

/// No process was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// It cannot be told which directories of a layer variables point to.
    #[error("modify env: add layer root")]
    AddLayerRoot(#[source] EnvironmentError),
    /// The variables of a layer cannot be read.
    #[error("modify env: add layer env")]
    AddLayerVariables(#[source] EnvironmentError),
    /// Bash does not run.
    #[error("bash exec")]
    Bash(#[source] io::Error),
    /// The application directory cannot be entered.
    #[error("change to app directory: chdir {}", path.display())]
    ChangeDirectory {
        /// The application directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be decided what to start.
    #[error("determine start command")]
    DetermineCommand(#[source] SelectError),
    /// A process without a shell could not be started.
    #[error(transparent)]
    Direct(#[from] DirectError),
    /// A program of `exec.d` failed.
    #[error("exec.d")]
    ExecD(#[source] ExecDError),
    /// The current directory, which relative paths of layers are in, is not known.
    #[error("modify env: find layers")]
    FindLayers(#[source] io::Error),
    /// It cannot be told whether the application has a profile.
    #[error("find profiles: failed to determine if app profile script exists")]
    FindProfiles(#[source] io::Error),
    /// The programs of `exec.d` of a layer cannot be listed.
    #[error("exec.d")]
    ListExecD(#[source] ListError),
    /// The layers of a buildpack cannot be listed.
    #[error("modify env: add layer root")]
    ListLayers(#[source] ListError),
    /// The profiles of a layer cannot be listed.
    #[error("find profiles")]
    ListProfiles(#[source] ListError),
    /// A process for a shell comes from a buildpack that the image does not list.
    #[error("process type '{process_type}' provided by unknown buildpack '{buildpack}'")]
    UnknownBuildpack {
        /// The type of the process.
        process_type: ProcessType,
        /// The buildpack, as the image names it.
        buildpack: String,
    },
}
