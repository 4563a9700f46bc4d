//! The program `lifecycle`: flags, environment variables, defaults, log lines and exit codes of the Go lifecycle
//! around the library functions of [`phase`](crate::phase).
//!
//! Each phase has a file that turns its inputs into a call of the library.
//!
//! # Commands of our own
//!
//! Five commands that the Go lifecycle does not have, for platforms that export images themselves:
//!
//! ```text
//! lifecycle detect-finish [-plan FILE]
//! lifecycle cache-fill -cache-dir DIR -shared-cache DIR
//! lifecycle cache-save -cache-dir DIR [-launch-cache DIR] [-shared-cache DIR -cache-writer TEXT -builder-digest DIGEST]
//! lifecycle cache-recall -launch-cache DIR [-cache-dir DIR] [-analyzed FILE]
//! lifecycle cache-complete -launch-cache DIR | -previous-dir DIR
//!     each with [-layers DIR] [-group FILE] [-uid N] [-gid N] [-log-level L] [-no-color]
//! ```
//!
//! `cache-save` replaces the content of the volume cache by the layers with `cache = true` and by the cache SBOM, exactly as
//! the exporter does after it wrote an image, and with the same variables and defaults for its flags. It runs after
//! the builder and needs group.toml, but neither analyzed.toml nor `<layers>/config/metadata.toml`. As root it
//! becomes the user `-uid:-gid`. Exit codes: 0, 3 without `-cache-dir`, 1 when the cache or `<layers>` cannot be
//! used; a layer that cannot be kept is a warning. With `-launch-cache` it also keeps the layers that only the image has,
//! for platforms that cannot take layers from a previous image: see [`launch_layers`](crate::phase::launch_layers).
//!
//! `cache-recall` runs before the restorer and puts what the last build left into analyzed.toml, unless that knows a
//! previous image. `cache-complete` runs after the builder and gives contents to launch layers that buildpacks kept
//! without, out of the root of the previous image if one is given, else out of the launch cache.
//!
//! `detect-finish` runs between the detector and the phases after it, when all of them have one container and one
//! `<layers>`: see [`finish_detection`](crate::phase::finish_detection). Exit codes: 0, 102 when the group has an
//! extension, 1 when a document or `<layers>` cannot be used.
//!
//! `cache-fill` runs before the restorer and takes layers of other projects out of `-shared-cache` into the volume cache,
//! for buildpacks of the group that have none in there. `cache-save -shared-cache` puts the layers of the volume there,
//! and says who wrote them. An entry that is damaged, or wants out of its layer, is skipped with a warning: see
//! [`shared_layers`](crate::phase::shared_layers). Exit codes of `cache-fill`: 0, 3 without one of its flags, 1 when the
//! volume cache cannot be used.

use std::ffi::OsString;
use std::io;
use std::io::Write as _;

use cnb_core::api::PlatformApi;
use cnb_core::environment::Environment;

pub use self::launch::launcher;

use self::failure::Failure;
use self::failure::code;
use self::inputs::Inputs;
use self::logger::Logger;
use self::name::Phase;

mod access;
mod analyze;
mod arguments;
mod build;
mod buildpack_api;
mod cache;
mod cache_fill;
mod cache_save;
mod create;
mod detect;
mod detect_finish;
mod documents;
mod experimental;
mod export;
mod extend;
mod failure;
mod flags;
mod generate;
mod inputs;
mod launch;
mod launch_layers;
mod logger;
mod name;
mod privileges;
mod rebase;
mod report;
mod resolve;
mod restore;
mod target;
mod usage;

/// What a phase is started with.
struct Invocation {
    api: PlatformApi,
    inputs: Inputs,
    environment: Environment,
    logger: Logger,
}

/// Runs the phase that the name of the program or its first argument says, and returns the exit code.
///
/// `arguments` begins with the name of the program. Installs a `tracing` subscriber for the process that writes
/// to standard output.
pub fn main(arguments: Vec<OsString>, environment: Environment) -> u8 {
    let logger = Logger::new();
    logger.install();
    match run(arguments, environment, &logger) {
        Ok(()) => 0,
        Err(Stop::Failed(failure)) => {
            logger.error(&failure.to_string());
            failure.code
        }
        Err(Stop::Usage { text, code }) => {
            // Nobody is left to tell when standard error is closed.
            let _ = io::stderr().write_all(text.as_bytes());
            code
        }
        Err(Stop::Version) => {
            logger.info(env!("CARGO_PKG_VERSION"));
            0
        }
    }
}

/// Why no phase ran to its end.
enum Stop {
    Failed(Failure),
    Usage { text: String, code: u8 },
    Version,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn run(arguments: Vec<OsString>, environment: Environment, logger: &Logger) -> Result<(), Stop> {
    let arguments: Vec<String> =
        arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let (phase, name, rest) = name::select(&arguments)?;
    let api = platform_api(&environment)?;
    let Some(phase) = phase else {
        return Err(unknown_phase(name).into());
    };
    let mut inputs = Inputs::from_environment(&environment);
    let positional = flags::parse(phase, api, &mut inputs, rest)?;
    logger.set_color(!inputs.no_color);
    logger.set_level(&inputs.log_level)?;
    arguments::warn_about_flags(&positional);
    tracing::debug!("Starting {name}...");
    tracing::debug!("Parsing inputs...");
    arguments::accept(phase, positional, &mut inputs)?;
    inputs
        .resolve_paths()
        .map_err(|error| Failure::new("resolve inputs", error).with_code(code::INVALID_ARGUMENTS))?;
    dispatch(phase, &Invocation { api, inputs, environment, logger: logger.clone() }).map_err(Stop::from)
}

fn dispatch(phase: Phase, invocation: &Invocation) -> Result<(), Failure> {
    match phase {
        Phase::Analyze => analyze::run(invocation),
        Phase::Detect => detect::run(invocation),
        Phase::Restore => restore::run(invocation),
        Phase::Extend => extend::run(invocation),
        Phase::Build => build::run(invocation),
        Phase::Export => export::run(invocation),
        Phase::Create => create::run(invocation),
        Phase::Rebase => rebase::run(invocation),
        Phase::DetectFinish => detect_finish::run(invocation),
        Phase::CacheFill => cache_fill::run(invocation),
        Phase::CacheRecall => launch_layers::recall(invocation),
        Phase::CacheComplete => launch_layers::complete(invocation),
        Phase::CacheSave => cache_save::run(invocation),
    }
}

fn unknown_phase(name: &str) -> Failure {
    let phases = "detect, analyze, restore, build, export, rebase, create, extend";
    Failure::message(format!("recognize phase: {name} \nValid phases: {phases}"))
        .with_code(code::INVALID_ARGUMENTS)
}

fn platform_api(environment: &Environment) -> Result<PlatformApi, Failure> {
    const VARIABLE: &str = "CNB_PLATFORM_API";
    let text = environment.text(VARIABLE).unwrap_or_default();
    let failure = if text.trim().is_empty() {
        Failure::message(format!(
            "get platform API version; please set '{VARIABLE}' to specify the desired platform API version"
        ))
    } else {
        match text.parse::<PlatformApi>() {
            Ok(api) if api.is_supported() => return Ok(api),
            Ok(_) => Failure::new(
                "set platform API",
                format!("platform API version '{text}' is incompatible with the lifecycle"),
            ),
            Err(_) => Failure::message(format!("parse platform API '{text}'")),
        }
    };
    Err(failure.with_code(code::PLATFORM_API))
}
