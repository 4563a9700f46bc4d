//! The second half of the phase `detect`: image extensions write Dockerfiles.

use std::path::Path;
use std::path::PathBuf;

use cnb_core::analyzed::Analyzed;
use cnb_core::buildpack::plan::ElementKind;
use cnb_core::detection::Detected;
use cnb_core::document;
use cnb_core::encode::go_toml;
use cnb_core::run::Run;

use super::Invocation;
use super::detect::detect_inputs;
use super::documents;
use super::failure::Failure;
use super::failure::code;
use crate::phase::buildpack_api;
use crate::phase::generate;
use crate::phase::generate::GenerateError;
use crate::phase::generate::GenerateInputs;
use crate::phase::process::Local;

/// Runs the extensions, and writes analyzed.toml and plan.toml again.
pub(super) fn run(invocation: &Invocation, analyzed: Analyzed, detected: Detected) -> Result<(), Failure> {
    let paths = &invocation.inputs;
    for extension in &detected.group.extensions {
        buildpack_api::supported(ElementKind::Extension, &extension.to_string(), &extension.api)?;
    }
    let inputs = GenerateInputs {
        detect: detect_inputs(invocation, &analyzed),
        generated: PathBuf::from(&paths.generated_dir),
        extensions: detected.group.extensions,
        plan: detected.plan,
        run: run_images(Path::new(&paths.run_path))?,
        analyzed,
    };
    let generated = generate::generate(&inputs, &Local).map_err(failure)?;
    let analyzed =
        go_toml::to_string(&generated.analyzed).expect("what was read as TOML can be written as TOML");
    documents::write("analyzed", Path::new(&paths.analyzed_path), &analyzed)?;
    documents::write("plan", Path::new(&paths.plan_path), &generated.plan.to_toml())
}

fn run_images(path: &Path) -> Result<Run, Failure> {
    if !path.exists() {
        tracing::info!("No run metadata found at path {path:?}");
        return Ok(Run::default());
    }
    documents::read("read run file", path, document::read)
        .map_err(|failure| failure.while_doing("initialize generator"))
}

fn failure(error: GenerateError) -> Failure {
    let code = if error.is_failed_extension() { code::GENERATE_EXTENSION } else { code::GENERATE };
    Failure::new("build", error).with_code(code)
}
