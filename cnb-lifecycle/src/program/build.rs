//! The phase `build`.

use std::path::Path;
use std::path::PathBuf;

use cnb_core::buildpack::plan::ElementKind;

use super::Invocation;
use super::documents;
use super::failure::Failure;
use super::failure::code;
use super::privileges;
use super::target::target;
use crate::phase::build;
use crate::phase::build::BuildError;
use crate::phase::build::BuildInputs;
use crate::phase::buildpack_api;
use crate::phase::process::Local;

/// Builds what group.toml and plan.toml say, and writes `<layers>/config/metadata.toml`.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    privileges::refuse_root("build")?;
    build(invocation)
}

/// [`run`] as any user: the creator has chosen one.
pub(super) fn build(invocation: &Invocation) -> Result<(), Failure> {
    let inputs = build_inputs(invocation)?;
    let metadata = build::build(&inputs, &Local).map_err(failure)?;
    let path = inputs.layers.join("config/metadata.toml");
    documents::write("build metadata", &path, &metadata.to_toml(invocation.api))
}

fn build_inputs(invocation: &Invocation) -> Result<BuildInputs, Failure> {
    let inputs = &invocation.inputs;
    let group = documents::group(&inputs.group_path)?;
    let plan = documents::plan(&inputs.plan_path)?;
    for element in &group.buildpacks {
        buildpack_api::supported(ElementKind::Buildpack, &element.to_string(), &element.api)?;
    }
    Ok(BuildInputs {
        platform_api: invocation.api,
        app: PathBuf::from(&inputs.app_dir),
        layers: PathBuf::from(&inputs.layers_dir),
        platform: PathBuf::from(&inputs.platform_dir),
        build_config: PathBuf::from(&inputs.build_config_dir),
        buildpacks: PathBuf::from(&inputs.buildpacks_dir),
        temporary: temporary(invocation),
        exec_env: inputs.exec_env.clone(),
        group,
        plan,
        target: target(&documents::analyzed(&inputs.analyzed_path)?),
        environment: invocation.environment.clone(),
    })
}

fn temporary(invocation: &Invocation) -> PathBuf {
    Path::new(invocation.environment.text("TMPDIR").unwrap_or("/tmp")).to_owned()
}

fn failure(error: BuildError) -> Failure {
    let code = if error.is_failed_buildpack() { code::BUILD_BUILDPACK } else { code::BUILD };
    Failure::new("build", error).with_code(code)
}
