//! The program `launcher`: its inputs, its messages and its exit codes.
//!
//! Source: the Go lifecycle's `cmd/launcher/cli/launcher.go` and `platform/launch/`.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::api::BuildpackApi;
use cnb_core::api::PlatformApi;
use cnb_core::build_metadata::BuildMetadata;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::document::InvalidDocument;
use cnb_core::environment::Environment;

use super::LaunchError;
use super::Launcher;

/// Does what the program does, given its whole command line and its environment.
///
/// Messages for the user, each without its line end, go to `warn`. Returns only when something fails.
pub fn run(
    argv: impl IntoIterator<Item = OsString>,
    environment: Environment,
    warn: impl FnMut(&str),
) -> Result<Infallible, ProgramError> {
    let mut argv = argv.into_iter();
    let argv0 = argv.next().unwrap_or_default();
    let platform_api = platform_api(environment.get("CNB_PLATFORM_API").unwrap_or_default())?;
    let setting = |name, default: &str| environment.text(name).unwrap_or(default).to_owned();
    let layers = PathBuf::from(setting("CNB_LAYERS_DIR", "/layers"));
    let launcher = Launcher {
        metadata: read_metadata(&layers)?,
        platform_api,
        layers,
        app: PathBuf::from(setting("CNB_APP_DIR", "/workspace")),
        exec_env: setting("CNB_EXEC_ENV", "production"),
    };
    launcher.metadata.buildpacks.iter().try_for_each(verify_buildpack_api)?;
    if let Some(process_type) = environment.text("CNB_PROCESS_TYPE") {
        warn_of_process_type(process_type, platform_api, warn);
    }
    Ok(launcher.launch(&argv0, argv.collect(), environment)?)
}

fn platform_api(version: &OsStr) -> Result<PlatformApi, ProgramError> {
    let version = version.to_string_lossy();
    if version.trim().is_empty() {
        return Err(ProgramError::NoPlatformApi);
    }
    match version.parse::<PlatformApi>() {
        Ok(api) if api.is_supported() => Ok(api),
        Ok(_) => Err(ProgramError::UnsupportedPlatformApi(version.into_owned())),
        Err(_) => Err(ProgramError::InvalidPlatformApi(version.into_owned())),
    }
}

fn verify_buildpack_api(buildpack: &GroupElement) -> Result<(), ProgramError> {
    match buildpack.api.parse::<BuildpackApi>() {
        Ok(api) if api.is_supported() => Ok(()),
        Ok(_) => Err(ProgramError::UnsupportedBuildpackApi(buildpack.clone())),
        Err(_) => Err(ProgramError::InvalidBuildpackApi(buildpack.clone())),
    }
}

fn read_metadata(layers: &Path) -> Result<BuildMetadata, ProgramError> {
    let path = layers.join("config/metadata.toml");
    let text = std::fs::read_to_string(&path)
        .map_err(|source| ProgramError::ReadMetadata { path: path.clone(), source })?;
    BuildMetadata::read(&path, &text).map_err(ProgramError::InvalidMetadata)
}

fn warn_of_process_type(process_type: &str, api: PlatformApi, mut warn: impl FnMut(&str)) {
    warn(&format!("CNB_PROCESS_TYPE is not supported in Platform API {api}"));
    warn(&format!("Run with ENTRYPOINT '{process_type}' to invoke the '{process_type}' process type"));
}

/// Why the program ends without having become another one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// A buildpack's version of the Buildpack API is no version.
    #[error("failed to parse buildpack API '{}' for buildpack '{}'", .0.api, .0.id)]
    InvalidBuildpackApi(GroupElement),
    /// metadata.toml is not what it should be.
    #[error("failed to read metadata")]
    InvalidMetadata(#[source] InvalidDocument),
    /// `CNB_PLATFORM_API` is no version.
    #[error("failed to parse platform API '{0}'")]
    InvalidPlatformApi(String),
    /// No process was started.
    #[error("failed to launch")]
    Launch(#[from] LaunchError),
    /// `CNB_PLATFORM_API` is not set.
    #[error(
        "failed to get platform API version; please set 'CNB_PLATFORM_API' to specify the desired platform \
         API version"
    )]
    NoPlatformApi,
    /// metadata.toml cannot be read.
    #[error("failed to read metadata: {}", path.display())]
    ReadMetadata {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// This launcher does not know a buildpack's version of the Buildpack API.
    #[error(
        "failed to set API for buildpack '{}': buildpack API version '{}' is incompatible with the lifecycle",
        .0.id, .0.api
    )]
    UnsupportedBuildpackApi(GroupElement),
    /// This launcher does not know the version of the Platform API.
    #[error("failed to set platform API: platform API version '{0}' is incompatible with the lifecycle")]
    UnsupportedPlatformApi(String),
}

impl ProgramError {
    /// What the program exits with (platform specification, "launcher").
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::InvalidMetadata(_) | Self::ReadMetadata { .. } => 1,
            Self::InvalidPlatformApi(_) | Self::NoPlatformApi | Self::UnsupportedPlatformApi(_) => 11,
            Self::InvalidBuildpackApi(_) | Self::UnsupportedBuildpackApi(_) => 12,
            Self::Launch(_) => 82,
        }
    }
}
