//! One buildpack of a build.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::api::BuildpackApi;
use cnb_core::buildpack::descriptor::BuildpackDescriptor;
use cnb_core::buildpack::descriptor::BuildpackInfo;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::buildpack::plan::BuildpackPlan;
use cnb_core::environment::BuildEnvironment;
use cnb_core::environment::Environment;
use cnb_core::environment::target_variables;
use cnb_core::id::BuildpackId;

use super::BuildError;
use super::BuildInputs;
use super::layers;
use super::output::Output;
use crate::disk::Disk;
use crate::phase::asked_plan;
use crate::phase::process::Process;
use crate::phase::process::ProcessRunner;

/// A buildpack on disk.
#[derive(Debug)]
pub(super) struct Buildpack<'a> {
    inputs: &'a BuildInputs,
    pub(super) element: &'a GroupElement,
    /// The ID that its descriptor gives: what it makes is called by that, as in the Go lifecycle.
    pub(super) id: BuildpackId,
    pub(super) info: BuildpackInfo,
    pub(super) api: BuildpackApi,
    root: PathBuf,
    /// Where it puts its layers.
    pub(super) layers: PathBuf,
}

impl<'a> Buildpack<'a> {
    /// Looks a buildpack of the group up.
    pub(super) fn find(inputs: &'a BuildInputs, element: &'a GroupElement) -> Result<Self, BuildError> {
        let root = inputs.buildpacks.join(element.id.escape()).join(&element.version);
        let root = std::path::absolute(&root).map_err(BuildError::io("find buildpack", &root))?;
        let file = root.join("buildpack.toml");
        let text = fs::read_to_string(&file).map_err(BuildError::io("read", &file))?;
        let descriptor = BuildpackDescriptor::read(&file, &text)?;
        let api = descriptor.api.parse();
        let api = api.map_err(|source| BuildError::Api { buildpack: element.to_string(), source })?;
        let id = descriptor.buildpack.id.clone().unwrap_or_else(|| element.id.clone());
        let layers = inputs.layers.join(id.escape());
        Ok(Self { inputs, element, id, info: descriptor.buildpack, api, root, layers })
    }

    /// Runs `bin/build` and reads what it wrote. Its build layers change `environment`.
    pub(super) fn build(
        &self,
        asked: &BuildpackPlan,
        environment: &mut BuildEnvironment,
        runner: &dyn ProcessRunner,
    ) -> Result<Output, BuildError> {
        fs::create_dir_all(&self.layers).map_err(BuildError::io("create", &self.layers))?;
        let temporary = &self.inputs.temporary;
        let (_directory, plan) = asked_plan::write(temporary, &self.id, asked)
            .map_err(BuildError::io("write a plan in", temporary))?;

        self.run(&plan, environment, runner)?;
        let layers = layers::process(&self.layers)?;
        for (name, types) in &layers {
            if types.build {
                let layer = self.layers.join(name);
                let layer = std::path::absolute(&layer).map_err(BuildError::io("find layer", &layer))?;
                environment.add_layer(&layer, &Disk)?;
            }
        }
        Output::read(self, asked, &layers)
    }

    fn run(
        &self,
        plan: &Path,
        environment: &BuildEnvironment,
        runner: &dyn ProcessRunner,
    ) -> Result<(), BuildError> {
        let program = self.root.join("bin/build");
        let process = Process {
            program: program.clone(),
            arguments: vec![
                self.layers.clone().into(),
                self.inputs.platform.clone().into(),
                plan.as_os_str().to_owned(),
            ],
            directory: self.inputs.app.clone(),
            environment: self.environment(plan, environment)?,
        };
        match runner.run(&process) {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(BuildError::Failed { program, status }),
            Err(source) => Err(BuildError::Run { program, source }),
        }
    }

    fn environment(&self, plan: &Path, environment: &BuildEnvironment) -> Result<Environment, BuildError> {
        let platform = Some(self.inputs.platform.as_path()).filter(|_| !self.info.clear_env);
        let mut environment = environment.resolve(platform, Some(&self.inputs.build_config), &Disk)?;
        environment.set("CNB_BUILDPACK_DIR", &self.root);
        if self.api.has_directory_variables() {
            environment.set("CNB_PLATFORM_DIR", &self.inputs.platform);
            environment.set("CNB_BP_PLAN_PATH", plan);
            environment.set("CNB_LAYERS_DIR", &self.layers);
        }
        if self.api.has_targets() {
            for (name, value) in target_variables(&self.inputs.target) {
                environment.set(name, value);
            }
        }
        if self.api.has_exec_env() {
            environment.set("CNB_EXEC_ENV", &self.inputs.exec_env);
        }
        Ok(environment)
    }
}
