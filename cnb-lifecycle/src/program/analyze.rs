//! The phase `analyze`.

use std::path::Path;

use cnb_core::analyzed::Analyzed;
use cnb_core::encode::go_toml;

use super::Invocation;
use super::access::Access;
use super::documents;
use super::failure::Failure;
use super::failure::code;
use super::privileges;
use super::resolve;
use super::resolve::Images;
use crate::phase::analyze;
use crate::phase::analyze::AnalyzeError;
use crate::phase::analyze::Inputs;

/// Writes what is known about the previous image and the run image to analyzed.toml.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let images = resolve::analyze(invocation)?;
    let inputs = &invocation.inputs;
    let access = Access::new(invocation, &[&images.previous, &images.run_image])?;
    let directories = [inputs.layers_dir.as_str(), &inputs.cache_dir, &inputs.launch_cache_dir];
    privileges::become_user(inputs.uid, inputs.gid, &directories)?;
    analyze(invocation, &images, &access).map(|_| ())
}

/// Analyzes images and writes analyzed.toml.
pub(super) fn analyze(
    invocation: &Invocation,
    images: &Images,
    access: &Access,
) -> Result<Analyzed, Failure> {
    let inputs = &invocation.inputs;
    access.check(invocation, images)?;
    let store = access.store(invocation);
    let analyzing = Inputs {
        api: invocation.api,
        layers: Path::new(&inputs.layers_dir),
        previous: &images.previous,
        run_image: &images.run_image,
        skip_layers: inputs.skip_layers,
    };
    let analyzed = analyze::analyze(&analyzing, &*store).map_err(not_analyzed)?;
    let text = go_toml::to_string(&analyzed).map_err(failed)?;
    documents::write("analyzed", Path::new(&inputs.analyzed_path), &text)?;
    Ok(analyzed)
}

fn failed(error: impl std::error::Error + 'static) -> Failure {
    Failure::new("analyze", error).with_code(code::ANALYZE)
}

/// Images are opened before the analysis begins.
fn not_analyzed(error: AnalyzeError) -> Failure {
    let action = match error {
        AnalyzeError::Config { .. } | AnalyzeError::Store { .. } => "initialize analyzer",
        _ => "analyze",
    };
    Failure::new(action, error).with_code(code::ANALYZE)
}
