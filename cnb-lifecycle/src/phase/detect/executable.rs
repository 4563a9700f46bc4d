//! One `bin/detect`.
//!
//! Source: `buildpack/detect.go` of the Go lifecycle.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::api::BuildpackApi;
use cnb_core::buildpack::plan::BuildPlan;
use cnb_core::buildpack::plan::ElementKind;
use cnb_core::detection::Candidate;
use cnb_core::detection::Outcome;
use cnb_core::detection::Verdict;
use cnb_core::detection::check_plan;
use cnb_core::environment::Environment;
use cnb_core::environment::EnvironmentError;
use cnb_core::environment::target_variables;

use super::DetectInputs;
use crate::causes::with_causes;
use crate::disk::Disk;
use crate::phase::process::CapturingRunner;
use crate::phase::process::Process;
use crate::phase::store::Stored;

/// The exit code of an element that cannot build the application.
const FAIL: i32 = 100;

/// Runs the element; an extension without `bin/detect` passes with the plan that lies in its directory.
pub(super) fn run(
    inputs: &DetectInputs,
    candidate: &Candidate,
    stored: &Stored,
    runner: &dyn CapturingRunner,
) -> Outcome {
    let program = stored.root.join("bin/detect");
    let is_static = candidate.kind == ElementKind::Extension
        && fs::metadata(&program).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    if is_static {
        match static_plan(candidate, &stored.root.join("detect/plan.toml")) {
            Ok(plan) => Outcome::pass(plan),
            Err(message) => Outcome::error(message),
        }
    } else {
        run_program(inputs, candidate, stored, &program, runner)
    }
}

fn run_program(
    inputs: &DetectInputs,
    candidate: &Candidate,
    stored: &Stored,
    program: &Path,
    runner: &dyn CapturingRunner,
) -> Outcome {
    let (directory, plan) = match plan_file(&inputs.temporary) {
        Ok(created) => created,
        Err(error) => {
            return Outcome::error(format!("create a plan in {}: {error}", inputs.temporary.display()));
        }
    };
    let environment = match environment(inputs, candidate.kind, stored, &plan) {
        Ok(environment) => environment,
        Err(error) => return Outcome::error(with_causes(&error)),
    };
    let process = Process {
        program: program.to_owned(),
        arguments: vec![inputs.platform.clone().into(), plan.clone().into()],
        directory: inputs.app.clone(),
        environment,
    };
    let outcome = match runner.capture(&process) {
        Err(error) => Outcome::error(format!("run {}: {error}", program.display())),
        Ok((status, output)) => Outcome { verdict: verdict(candidate, status.code(), &plan), output },
    };
    drop(directory);
    outcome
}

fn verdict(candidate: &Candidate, code: Option<i32>, plan: &Path) -> Verdict {
    match code {
        Some(0) => match read_plan(candidate, plan) {
            Ok(plan) => Verdict::Pass(plan),
            Err(message) => Verdict::Error { code: None, message: Some(message) },
        },
        Some(FAIL) => Verdict::Fail,
        code => Verdict::Error { code, message: None },
    }
}

fn plan_file(temporary: &Path) -> io::Result<(tempfile::TempDir, PathBuf)> {
    let directory = tempfile::Builder::new().prefix("plan.").tempdir_in(temporary)?;
    let plan = directory.path().join("plan.toml");
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&plan)?;
    Ok((directory, plan))
}

/// A plan that does not exist is empty.
fn static_plan(candidate: &Candidate, path: &Path) -> Result<BuildPlan, String> {
    if fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(BuildPlan::default());
    }
    read_plan(candidate, path)
}

/// A program gets an empty plan to write to: it is an error to take it away.
fn read_plan(candidate: &Candidate, path: &Path) -> Result<BuildPlan, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("read {}: {error}", path.display()))?;
    let plan = BuildPlan::read(path, &text).map_err(|error| error.to_string())?;
    check_plan(candidate, &plan)?;
    Ok(plan)
}

fn environment(
    inputs: &DetectInputs,
    kind: ElementKind,
    stored: &Stored,
    plan: &Path,
) -> Result<Environment, EnvironmentError> {
    let platform = Some(inputs.platform.as_path()).filter(|_| !stored.clear_env);
    let mut environment = inputs.environment.resolve(platform, Some(&inputs.build_config), &Disk)?;
    let root = match kind {
        ElementKind::Buildpack => "CNB_BUILDPACK_DIR",
        ElementKind::Extension => "CNB_EXTENSION_DIR",
    };
    environment.set(root, &stored.root);
    let since = |gate: fn(BuildpackApi) -> bool| stored.descriptor.api.parse().is_ok_and(gate);
    if since(BuildpackApi::has_directory_variables) {
        environment.set("CNB_PLATFORM_DIR", &inputs.platform);
        environment.set("CNB_BUILD_PLAN_PATH", plan);
    }
    if since(BuildpackApi::has_targets) {
        for (name, value) in target_variables(&inputs.target) {
            environment.set(name, value);
        }
    }
    if since(BuildpackApi::has_exec_env) && !inputs.exec_env.is_empty() {
        environment.set("CNB_EXEC_ENV", &inputs.exec_env);
    }
    Ok(environment)
}
