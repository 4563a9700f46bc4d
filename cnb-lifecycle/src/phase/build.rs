//! Build: runs `bin/build` of each buildpack of the group, and gathers what they say about the image.
//!
//! Source: platform and buildpack specifications, "Build", and the Go lifecycle's `phase/builder.go`.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::analyzed::Target;
use cnb_core::api::InvalidApiVersion;
use cnb_core::api::PlatformApi;
use cnb_core::build_metadata::BuildMetadata;
use cnb_core::buildpack::group::Group;
use cnb_core::buildpack::plan::ElementKind;
use cnb_core::buildpack::plan::Plan;
use cnb_core::document::InvalidDocument;
use cnb_core::environment::BuildEnvironment;
use cnb_core::environment::Environment;
use cnb_core::environment::EnvironmentError;

mod buildpack;
mod layers;
mod output;
mod processes;
mod sbom;

pub use output::InvalidOutput;
pub use sbom::SbomError;

use super::process::ProcessRunner;
use buildpack::Buildpack;
use output::Output;

/// What a build works on.
#[derive(Clone, Debug)]
pub struct BuildInputs {
    /// The version of the Platform API.
    pub platform_api: PlatformApi,
    /// The directory of the application.
    pub app: PathBuf,
    /// The directory of the layers.
    pub layers: PathBuf,
    /// The directory of the platform: what the user configured.
    pub platform: PathBuf,
    /// The directory of what the operator configured.
    pub build_config: PathBuf,
    /// The directory of the buildpacks.
    pub buildpacks: PathBuf,
    /// Where to put files for the time of the build.
    pub temporary: PathBuf,
    /// The execution environment, for example `production`.
    pub exec_env: String,
    /// The buildpacks to run.
    pub group: Group,
    /// What they have to provide.
    pub plan: Plan,
    /// What the image will run on.
    pub target: Target,
    /// The environment of the phase.
    pub environment: Environment,
}

/// Runs all buildpacks in the order of the group.
///
/// What is returned is to be written to `<layers>/config/metadata.toml`.
pub fn build(inputs: &BuildInputs, runner: &dyn ProcessRunner) -> Result<BuildMetadata, BuildError> {
    remove_sbom_directory(&inputs.layers)?;
    let mut environment = BuildEnvironment::inherit(&inputs.environment);
    let mut plan = inputs.plan.clone();
    let mut result = Output::default();
    let mut processes = processes::Processes::default();

    for element in &inputs.group.buildpacks {
        tracing::debug!("Running build for buildpack {element}");
        let buildpack = Buildpack::find(inputs, element)?;
        let asked = plan.find(ElementKind::Buildpack, &element.id);
        let mut output = buildpack.build(&asked, &mut environment, runner)?;
        plan = plan.without(&output.met);
        let redefined = processes.add(&buildpack.id, std::mem::take(&mut output.processes));
        if let Some(redefined) = redefined {
            tracing::warn!(
                "Warning: redefining the following default process type with a process not marked as \
                 default: {redefined}"
            );
        }
        result.extend(output);
        tracing::debug!("Finished running build for buildpack {element}");
    }

    if inputs.platform_api.has_sboms() {
        sbom::copy_all(&inputs.layers, &result.sboms)?;
    }
    if inputs.platform_api.has_sboms_only() {
        sbom::write_legacy(&inputs.layers, "launch", &result.launch_bom)?;
        sbom::write_legacy(&inputs.layers, "build", &result.build_bom)?;
        result.launch_bom.clear();
    }
    let (processes, default) = processes.finish(inputs.platform_api);
    Ok(BuildMetadata {
        bom: result.launch_bom,
        buildpacks: inputs.group.buildpacks.clone(),
        extensions: inputs.group.extensions.clone(),
        labels: result.labels,
        processes,
        slices: result.slices,
        buildpack_default_process_type: default,
    })
}

fn remove_sbom_directory(layers: &Path) -> Result<(), BuildError> {
    let path = layers.join("sbom");
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(BuildError::io("clean layers SBOM directory", &path)(error))
        }
        _ => Ok(()),
    }
}

/// The build did not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The Buildpack API of a descriptor is no version.
    #[error("buildpack {buildpack}")]
    Api {
        /// The buildpack.
        buildpack: String,
        /// Why.
        source: InvalidApiVersion,
    },
    /// A document cannot be read.
    #[error(transparent)]
    Document(#[from] InvalidDocument),
    /// A directory of environment variables cannot be read.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// `bin/build` failed.
    #[error("{program}: {status}", program = program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// A file or directory cannot be read or written.
    #[error("{action}: {path}", path = path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A buildpack wrote what it may not write.
    #[error("buildpack {buildpack}")]
    Output {
        /// The buildpack.
        buildpack: String,
        /// What it wrote.
        source: InvalidOutput,
    },
    /// `bin/build` could not be started.
    #[error("run {program}", program = program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An SBOM file is not acceptable.
    #[error("buildpack {buildpack}")]
    Sbom {
        /// The buildpack.
        buildpack: String,
        /// Which, and why.
        source: SbomError,
    },
}

impl BuildError {
    /// Whether `bin/build` failed, and not the lifecycle.
    pub fn is_failed_buildpack(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Run { .. })
    }

    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// The text of a file, or nothing when there is no such file.
fn read_optional(path: &Path) -> Result<Option<String>, BuildError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BuildError::io("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::super::process::Process;
    use super::*;

    /// Writes build.toml of a buildpack instead of running it, and keeps the plan it was given.
    #[derive(Debug)]
    struct Fake {
        build_toml: &'static str,
        exit_code: i32,
        plans: RefCell<Vec<String>>,
    }

    impl ProcessRunner for Fake {
        fn run(&self, process: &Process) -> io::Result<ExitStatus> {
            let [layers, _, plan] = process.arguments.as_slice() else { panic!("bin/build has 3 arguments") };
            self.plans.borrow_mut().push(fs::read_to_string(plan)?);
            fs::write(Path::new(layers).join("build.toml"), self.build_toml)?;
            Ok(ExitStatus::from_raw(self.exit_code << 8))
        }
    }

    /// Builds with two buildpacks that both provide `x`. Returns what was asked of each.
    fn build_twice(build_toml: &'static str, exit_code: i32) -> Result<Vec<String>, BuildError> {
        let root = tempfile::tempdir().expect("a temporary directory");
        let directory = |name: &str| root.path().join(name);
        for id in ["a", "b"] {
            let buildpack = directory("buildpacks").join(id).join("1");
            fs::create_dir_all(&buildpack).expect("in a new directory");
            let text = format!("api = '0.12'\n[buildpack]\nid = '{id}'\nversion = '1'\n");
            fs::write(buildpack.join("buildpack.toml"), text).expect("in a new directory");
        }
        let group = "[[group]]\nid = 'a'\nversion = '1'\n[[group]]\nid = 'b'\nversion = '1'\n";
        let plan = "[[entries]]\n[[entries.providers]]\nid = 'a'\n[[entries.providers]]\nid = 'b'\n\
                    [[entries.requires]]\nname = 'x'\n";
        let inputs = BuildInputs {
            platform_api: PlatformApi::NEWEST,
            app: directory("app"),
            layers: directory("layers"),
            platform: directory("platform"),
            build_config: directory("build-config"),
            buildpacks: directory("buildpacks"),
            temporary: root.path().to_owned(),
            exec_env: "production".to_owned(),
            group: Group::read("group.toml".as_ref(), group).expect("a group"),
            plan: Plan::read("plan.toml".as_ref(), plan).expect("a plan"),
            target: Target::default(),
            environment: Environment::new(),
        };
        let fake = Fake { build_toml, exit_code, plans: RefCell::default() };
        build(&inputs, &fake)?;
        Ok(fake.plans.into_inner())
    }

    #[test]
    fn a_dependency_is_asked_for_until_it_is_met() {
        let asked = "[[entries]]\n  name = \"x\"\n";
        assert_eq!(build_twice("", 0).expect("a build"), [asked, ""]);
        assert_eq!(build_twice("[[unmet]]\nname = 'x'", 0).expect("a build"), [asked, asked]);
    }

    #[test]
    fn failures_of_buildpacks_are_told_from_others() {
        let cases =
            [("", 1, true), ("[[unmet]]", 0, false), ("[[unmet]]\nname = 'y'", 0, false), ("=", 0, false)];
        for (build_toml, exit_code, expected) in cases {
            let error = build_twice(build_toml, exit_code).expect_err(build_toml);
            assert_eq!(error.is_failed_buildpack(), expected, "{error}");
        }
    }
}
