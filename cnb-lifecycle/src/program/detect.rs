//! The phase `detect`, and behind it `generate` for image extensions.

use std::path::Path;
use std::path::PathBuf;

use cnb_core::analyzed::Analyzed;
use cnb_core::buildpack::order::Order;
use cnb_core::buildpack::system::System;
use cnb_core::detection::Detected;
use cnb_core::detection::DetectionError;
use cnb_core::detection::DetectionOrder;
use cnb_core::detection::Level;
use cnb_core::detection::Transcript;
use cnb_core::environment::BuildEnvironment;

use super::Invocation;
use super::documents;
use super::experimental;
use super::failure::Failure;
use super::failure::code;
use super::generate;
use super::logger::Logger;
use super::privileges;
use super::target::target;
use crate::phase::detect;
use crate::phase::detect::DetectInputs;
use crate::phase::detect::PrepareError;
use crate::phase::process::Local;
use crate::phase::store::Store;
use crate::phase::store::StoreError;

/// Finds who builds, and writes group.toml and plan.toml.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    privileges::refuse_root("detect")?;
    let analyzed = documents::analyzed(&invocation.inputs.analyzed_path)
        .map_err(|failure| failure.while_doing("initialize detector"))?;
    let detected = detect(invocation, &analyzed, |order| {
        let is_experimental = order.has_extensions() && !invocation.api.has_stable_extensions();
        if is_experimental { experimental::allow("Dockerfiles", &invocation.environment) } else { Ok(()) }
    })?;
    if detected.group.extensions.is_empty() {
        return Ok(());
    }
    generate::run(invocation, analyzed, detected)
}

/// Finds who builds, and writes group.toml and plan.toml. `check` may refuse the order.
pub(super) fn detect(
    invocation: &Invocation,
    analyzed: &Analyzed,
    check: impl FnOnce(&DetectionOrder) -> Result<(), Failure>,
) -> Result<Detected, Failure> {
    let inputs = detect_inputs(invocation, analyzed);
    let order = prepare(invocation, &inputs.store)?;
    check(&order)?;
    let mut transcript = Transcript::default();
    let detected = detect::detect(&inputs, &order, &Local, &mut transcript);
    write(&invocation.logger, &transcript, detected.is_err());
    let detected = detected.map_err(failure)?;
    let inputs = &invocation.inputs;
    documents::write("group", Path::new(&inputs.group_path), &detected.group.to_toml())?;
    documents::write("plan", Path::new(&inputs.plan_path), &detected.plan.to_toml())?;
    Ok(detected)
}

/// What detection and generation work on.
pub(super) fn detect_inputs(invocation: &Invocation, analyzed: &Analyzed) -> DetectInputs {
    let inputs = &invocation.inputs;
    DetectInputs {
        platform_api: invocation.api,
        app: PathBuf::from(&inputs.app_dir),
        platform: PathBuf::from(&inputs.platform_dir),
        build_config: PathBuf::from(&inputs.build_config_dir),
        store: Store {
            buildpacks: PathBuf::from(&inputs.buildpacks_dir),
            extensions: PathBuf::from(&inputs.extensions_dir),
        },
        temporary: PathBuf::from(invocation.environment.text("TMPDIR").unwrap_or("/tmp")),
        exec_env: inputs.exec_env.clone(),
        target: target(analyzed),
        environment: BuildEnvironment::inherit(&invocation.environment),
    }
}

fn prepare(invocation: &Invocation, store: &Store) -> Result<DetectionOrder, Failure> {
    const ACTION: &str = "initialize detector";
    let inputs = &invocation.inputs;
    let order = documents::read("read order file", Path::new(&inputs.order_path), Order::read)
        .map_err(|failure| failure.while_doing(ACTION))?;
    let system = if invocation.api.has_system_buildpacks() && Path::new(&inputs.system_path).exists() {
        documents::read("read system file", Path::new(&inputs.system_path), System::read)
            .map_err(|failure| failure.while_doing(ACTION))?
    } else {
        System::default()
    };
    detect::prepare(&order, &system, store).map_err(|error| match error {
        PrepareError::Api(error) => error.into(),
        PrepareError::Store(error) => Failure::new(ACTION, error),
    })
}

/// When nothing passes, all of the story is told.
fn write(logger: &Logger, transcript: &Transcript, all: bool) {
    for line in &transcript.lines {
        let level = match line.level {
            Level::Debug => tracing::Level::DEBUG,
            Level::Info => tracing::Level::INFO,
        };
        if all {
            logger.write(level, &line.text);
        } else {
            logger.log(level, &line.text);
        }
    }
}

fn failure(error: DetectionError<StoreError>) -> Failure {
    let code = match error {
        DetectionError::NonePassed => code::DETECT_NONE,
        DetectionError::BuildpackErrors => code::DETECT_BUILDPACK,
        _ => code::DETECT,
    };
    if matches!(code, code::DETECT_NONE | code::DETECT_BUILDPACK) {
        tracing::error!("No buildpack groups passed detection.");
    }
    if code == code::DETECT_NONE {
        tracing::error!("Please check that you are running against the correct path.");
    }
    Failure::new("detect", error).with_code(code)
}
