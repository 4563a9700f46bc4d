//! The program `launcher`.
//!
//! Source: the Go lifecycle's `cmd/launcher/cli/launcher.go` and `platform/launch/`.

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::api::BuildpackApi;
use cnb_core::api::PlatformApi;
use cnb_core::buildpack::plan::ElementKind;
use cnb_core::environment::Environment;
use cnb_core::id::BuildpackId;
use tracing::Level;

use super::documents;
use super::failure::Failure;
use super::failure::code;
use super::flags;
use super::logger::Logger;
use super::platform_api;
use crate::launch::Buildpack;
use crate::launch::Launcher;
use crate::launch::Metadata;
use crate::phase::buildpack_api;

/// Replaces this process by the one that the command line chooses. When that fails, says so on standard output
/// and returns the exit code.
///
/// `arguments` begins with the name of the program.
pub fn launcher(arguments: Vec<OsString>, environment: Environment) -> u8 {
    let logger = Logger::new();
    let no_color = environment.text("CNB_NO_COLOR").and_then(flags::truth);
    logger.set_color(!no_color.unwrap_or_default());
    let Err(failure) = run(arguments, environment, &logger);
    logger.error(&failure.to_string());
    failure.code
}

fn run(arguments: Vec<OsString>, environment: Environment, logger: &Logger) -> Result<Infallible, Failure> {
    let platform_api = platform_api(&environment)?;
    let layers = directory(&environment, "CNB_LAYERS_DIR", "/layers");
    let launcher = Launcher {
        metadata: read_metadata(&layers)?,
        platform_api,
        layers,
        app: directory(&environment, "CNB_APP_DIR", "/workspace"),
        exec_env: environment.text("CNB_EXEC_ENV").unwrap_or("production").to_owned(),
    };
    if let Some(process_type) = environment.text("CNB_PROCESS_TYPE") {
        warn_of_process_type(process_type, platform_api, logger);
    }
    let mut arguments = arguments.into_iter();
    let argv0 = arguments.next().unwrap_or_default();
    launcher
        .launch(&argv0, arguments.collect(), environment)
        .map_err(|error| Failure::new("launch", error).with_code(code::LAUNCH))
}

fn directory(environment: &Environment, name: &str, default: &str) -> PathBuf {
    environment.get(name).filter(|path| !path.is_empty()).unwrap_or(default.as_ref()).into()
}

fn read_metadata(layers: &Path) -> Result<Metadata, Failure> {
    let metadata = documents::read("read metadata", &layers.join("config/metadata.toml"), Metadata::read)?;
    for buildpack in &metadata.buildpacks {
        verify(buildpack).map_err(|failure| failure.with_code(code::BUILDPACK_API))?;
    }
    Ok(metadata)
}

/// Source: `VerifyBuildpackAPI` in `cmd/apis.go` of the Go lifecycle, which has no version to show when it cannot read one.
fn verify(buildpack: &Buildpack) -> Result<(), Failure> {
    let id = buildpack.id.as_ref().map(BuildpackId::as_str).unwrap_or_default();
    if buildpack.api.parse::<BuildpackApi>().is_err() {
        return Err(Failure::message(format!("parse buildpack API '<nil>' for buildpack '{id}'")));
    }
    buildpack_api::supported(ElementKind::Buildpack, id, &buildpack.api)
        .map_err(|error| Failure::new(format!("set API for buildpack '{id}'"), error))?;
    Ok(())
}

fn warn_of_process_type(process_type: &str, api: PlatformApi, logger: &Logger) {
    for line in [
        format!("CNB_PROCESS_TYPE is not supported in Platform API {api}"),
        format!("Run with ENTRYPOINT '{process_type}' to invoke the '{process_type}' process type"),
    ] {
        logger.log(Level::WARN, &line);
    }
}
