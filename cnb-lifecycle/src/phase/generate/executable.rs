//! One `bin/generate`.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::api::BuildpackApi;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::buildpack::plan::BuildpackPlan;
use cnb_core::environment::Environment;
use cnb_core::environment::target_variables;

use super::GenerateError;
use crate::disk::Disk;
use crate::phase::asked_plan;
use crate::phase::detect::DetectInputs;
use crate::phase::process::Process;
use crate::phase::process::ProcessRunner;
use crate::phase::store::Stored;

/// Runs the extension, which writes into `output`, and says where its files are: there, or in the directory
/// `generate` of an extension without `bin/generate`.
///
/// As in Go, the latter are not copied, so that from Platform API 0.13 on an extender does not find them.
pub(super) fn run(
    inputs: &DetectInputs,
    extension: &GroupElement,
    stored: &Stored,
    asked: &BuildpackPlan,
    output: &Path,
    runner: &dyn ProcessRunner,
) -> Result<PathBuf, GenerateError> {
    fs::create_dir_all(output).map_err(GenerateError::io("create", output))?;
    let program = stored.root.join("bin/generate");
    if !fs::exists(&program).map_err(GenerateError::io("look for", &program))? {
        return Ok(stored.root.join("generate"));
    }
    let temporary = &inputs.temporary;
    let (_directory, plan) = asked_plan::write(temporary, &extension.id, asked)
        .map_err(GenerateError::io("write a plan in", temporary))?;
    let process = Process {
        program: program.clone(),
        arguments: vec![output.into(), inputs.platform.clone().into(), plan.clone().into()],
        directory: inputs.app.clone(),
        environment: environment(inputs, stored, output, &plan)?,
    };
    match runner.run(&process) {
        Ok(status) if status.success() => Ok(output.to_owned()),
        Ok(status) => Err(GenerateError::Failed { program, status }),
        Err(source) => Err(GenerateError::Run { program, source }),
    }
}

fn environment(
    inputs: &DetectInputs,
    stored: &Stored,
    output: &Path,
    plan: &Path,
) -> Result<Environment, GenerateError> {
    let platform = Some(inputs.platform.as_path()).filter(|_| !stored.clear_env);
    let mut environment = inputs.environment.resolve(platform, Some(&inputs.build_config), &Disk)?;
    environment.set("CNB_BP_PLAN_PATH", plan);
    environment.set("CNB_EXTENSION_DIR", &stored.root);
    environment.set("CNB_OUTPUT_DIR", output);
    environment.set("CNB_PLATFORM_DIR", &inputs.platform);
    if stored.descriptor.api.parse().is_ok_and(|api: BuildpackApi| api.has_targets()) {
        for (name, value) in target_variables(&inputs.target) {
            environment.set(name, value);
        }
    }
    Ok(environment)
}
