//! Generate: runs `bin/generate` of image extensions, which write Dockerfiles for the builder and the run image.
//!
//! Source: platform specification, "Image Extension", and the Go lifecycle's `phase/generator.go` and
//! `buildpack/generate.go`.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::analyzed::Analyzed;
use cnb_core::analyzed::RunImage;
use cnb_core::api::PlatformApi;
use cnb_core::buildpack::dockerfile::UnusableDockerfile;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::buildpack::plan::ElementKind;
use cnb_core::buildpack::plan::Plan;
use cnb_core::document::InvalidDocument;
use cnb_core::environment::EnvironmentError;
use cnb_core::run::Run;

use super::detect::DetectInputs;
use super::process::ProcessRunner;
use super::store::StoreError;

mod executable;
mod files;
mod output;
#[cfg(test)]
mod tests;

use output::GeneratedDockerfile;
use output::Kind;

/// What generation works on.
#[derive(Clone, Debug)]
pub struct GenerateInputs {
    /// What detection worked on.
    pub detect: DetectInputs,
    /// Where the Dockerfiles go.
    pub generated: PathBuf,
    /// The extensions of the group.
    pub extensions: Vec<GroupElement>,
    /// What they have to provide, among other things.
    pub plan: Plan,
    /// What is known about the run image.
    pub analyzed: Analyzed,
    /// The run images of the platform.
    pub run: Run,
}

/// What the extensions changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// With the run image that they chose.
    pub analyzed: Analyzed,
    /// Without the entries that they met.
    pub plan: Plan,
}

/// Runs all extensions in the order of the group.
pub fn generate(inputs: &GenerateInputs, runner: &dyn ProcessRunner) -> Result<Generated, GenerateError> {
    let layout = Layout::new(inputs)?;
    let mut plan = inputs.plan.clone();
    let mut dockerfiles = Vec::new();
    for extension in &inputs.extensions {
        tracing::debug!("Running generate for extension {extension}");
        let stored =
            inputs.detect.store.look_up(ElementKind::Extension, &extension.id, &extension.version)?;
        let asked = plan.find(ElementKind::Extension, &extension.id);
        let output = layout.output().join(extension.id.escape());
        let written = executable::run(&inputs.detect, extension, &stored, &asked, &output, runner)?;
        dockerfiles.extend(output::read(extension, &written)?);
        plan = plan.without(&asked.met(&[]));
        tracing::debug!("Finished running generate for extension {extension}");
    }
    let (new_base, extends) = choose_run_image(&mut dockerfiles);
    layout.place(&dockerfiles)?;
    let analyzed = with_run_image(inputs, new_base, extends);
    Ok(Generated { analyzed, plan })
}

/// Where extensions write to, and where their files have to be in the end.
enum Layout {
    /// Since Platform API 0.13 they are the same.
    Direct(PathBuf),
    /// Before, the Dockerfiles are sorted by the image that they are for.
    Sorted { temporary: tempfile::TempDir, generated: PathBuf },
}

impl Layout {
    fn new(inputs: &GenerateInputs) -> Result<Self, GenerateError> {
        if is_direct(inputs.detect.platform_api) {
            return Ok(Self::Direct(inputs.generated.clone()));
        }
        let parent = &inputs.detect.temporary;
        let temporary = tempfile::Builder::new()
            .prefix("cnb-extensions-generated.")
            .tempdir_in(parent)
            .map_err(GenerateError::io("create a directory in", parent))?;
        Ok(Self::Sorted { temporary, generated: inputs.generated.clone() })
    }

    fn output(&self) -> &Path {
        match self {
            Self::Direct(generated) => generated,
            Self::Sorted { temporary, .. } => temporary.path(),
        }
    }

    fn place(&self, dockerfiles: &[GeneratedDockerfile]) -> Result<(), GenerateError> {
        match self {
            Self::Direct(generated) => {
                let is_in_the_way = |d: &&GeneratedDockerfile| d.is_ignored && d.is_below(generated);
                dockerfiles.iter().filter(is_in_the_way).try_for_each(GeneratedDockerfile::rename)
            }
            Self::Sorted { generated, .. } => {
                dockerfiles.iter().try_for_each(|dockerfile| dockerfile.copy_below(generated))
            }
        }
    }
}

fn is_direct(api: PlatformApi) -> bool {
    api.has_stable_extensions()
}

/// The image that the last run.Dockerfile with an image of its own names, and whether something is done on top of
/// it. What stands before that Dockerfile has no effect and is marked.
fn choose_run_image(dockerfiles: &mut [GeneratedDockerfile]) -> (Option<String>, bool) {
    let mut new_base = None;
    let mut extends = false;
    for dockerfile in dockerfiles.iter_mut().rev() {
        let Kind::Run(change) = &dockerfile.kind else { continue };
        if new_base.is_some() {
            dockerfile.is_ignored = true;
            continue;
        }
        extends |= change.extends;
        new_base.clone_from(&change.new_base);
    }
    (new_base, extends)
}

fn with_run_image(inputs: &GenerateInputs, new_base: Option<String>, extends: bool) -> Analyzed {
    let mut analyzed = inputs.analyzed.clone();
    let current = analyzed.run_image.as_ref().map(|run_image| run_image.image.clone()).unwrap_or_default();
    if let Some(image) = new_base.filter(|new| !inputs.detect.platform_api.has_targets() || *new != current) {
        if !inputs.run.images.iter().any(|known| known.contains(&image)) {
            tracing::warn!("new runtime base image '{image}' not found in run metadata");
        }
        analyzed.run_image =
            Some(RunImage { reference: image.clone(), image, extend: extends, ..RunImage::default() });
    }
    if let Some(run_image) = analyzed.run_image.as_mut().filter(|_| extends) {
        run_image.extend = true;
    }
    analyzed
}

/// The extensions did not do what they should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// A document cannot be read.
    #[error(transparent)]
    Document(#[from] InvalidDocument),
    /// A Dockerfile does what it may not do.
    #[error("failed to parse Dockerfile for extension {extension}")]
    Dockerfile {
        /// The extension.
        extension: String,
        /// What it does.
        source: UnusableDockerfile,
    },
    /// A directory of environment variables cannot be read.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// `bin/generate` failed.
    #[error("{}: {status}", program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// A file or directory cannot be read or written.
    #[error("{action} {}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `bin/generate` could not be started.
    #[error("run {}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The extension wrote a context for both images and one for a single image.
    #[error("image-specific context dir is provided together with a shared context")]
    SeveralContexts,
    /// An extension cannot be looked up.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl GenerateError {
    /// Whether `bin/generate` failed, and not the lifecycle.
    pub fn is_failed_extension(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Run { .. })
    }

    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
