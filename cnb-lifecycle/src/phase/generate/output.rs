//! What an extension wrote.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::buildpack::dockerfile::Dockerfile;
use cnb_core::buildpack::dockerfile::RunChange;
use cnb_core::buildpack::dockerfile::UnusableDockerfile;
use cnb_core::buildpack::extend_config::ExtendConfig;
use cnb_core::buildpack::group::GroupElement;
use cnb_core::id::BuildpackId;

use super::GenerateError;
use super::files;

const EXTEND_CONFIG: &str = "extend-config.toml";

/// A Dockerfile that an extension wrote.
#[derive(Clone, Debug)]
pub(super) struct GeneratedDockerfile {
    extension: BuildpackId,
    pub(super) kind: Kind,
    path: PathBuf,
    /// Whether a later extension makes it useless.
    pub(super) is_ignored: bool,
}

/// What it is for.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The image that builds.
    Build,
    /// The run image.
    Run(RunChange),
}

/// Reads and checks everything that the extension wrote into `directory`.
pub(super) fn read(
    extension: &GroupElement,
    directory: &Path,
) -> Result<Vec<GeneratedDockerfile>, GenerateError> {
    if let Some((path, text)) = read_optional(directory, EXTEND_CONFIG)? {
        ExtendConfig::read(&path, &text)?;
    }
    let unusable = |source| GenerateError::Dockerfile { extension: extension.id.to_string(), source };
    let mut dockerfiles = Vec::new();
    let mut add = |name, kind: fn(&Dockerfile) -> Result<Kind, UnusableDockerfile>| {
        if let Some((path, text)) = read_optional(directory, name)? {
            let dockerfile = Dockerfile::read(&path, &text)?;
            for (instruction, line) in dockerfile.not_recommended() {
                tracing::warn!("{name} command {instruction} on line {line} is not recommended");
            }
            let kind = kind(&dockerfile).map_err(unusable)?;
            dockerfiles.push(GeneratedDockerfile::new(extension.id.clone(), kind, path));
        }
        Ok::<(), GenerateError>(())
    };
    add("run.Dockerfile", |dockerfile| dockerfile.as_run().map(Kind::Run))?;
    add("build.Dockerfile", |dockerfile| dockerfile.as_build().map(|()| Kind::Build))?;
    check_contexts(directory)?;
    Ok(dockerfiles)
}

impl GeneratedDockerfile {
    pub(super) fn new(extension: BuildpackId, kind: Kind, path: PathBuf) -> Self {
        Self { extension, kind, path, is_ignored: false }
    }

    /// Whether the extender finds it in a directory.
    pub(super) fn is_below(&self, directory: &Path) -> bool {
        self.path.starts_with(directory)
    }

    /// Takes it out of the way of the extender.
    pub(super) fn rename(&self) -> Result<(), GenerateError> {
        let to = self.path.with_extension("Dockerfile.ignore");
        fs::rename(&self.path, to).map_err(GenerateError::io("rename", &self.path))
    }

    /// Copies it to `<generated>/<image>/<extension>/Dockerfile`, with the arguments that belong to it.
    pub(super) fn copy_below(&self, generated: &Path) -> Result<(), GenerateError> {
        let image = match self.kind {
            Kind::Build => "build",
            Kind::Run(_) => "run",
        };
        let directory = generated.join(image).join(self.extension.escape());
        let name = if self.is_ignored { "Dockerfile.ignore" } else { "Dockerfile" };
        fs::create_dir_all(&directory).map_err(GenerateError::io("create", &directory))?;
        files::copy_file(&self.path, &directory.join(name))?;
        files::copy_file(&self.path.with_file_name(EXTEND_CONFIG), &directory.join(EXTEND_CONFIG))
    }
}

fn check_contexts(directory: &Path) -> Result<(), GenerateError> {
    let exists = |name: &str| directory.join(name).is_dir();
    if exists("context") && (exists("context.build") || exists("context.run")) {
        return Err(GenerateError::SeveralContexts);
    }
    Ok(())
}

fn read_optional(directory: &Path, name: &str) -> Result<Option<(PathBuf, String)>, GenerateError> {
    let path = directory.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(GenerateError::io("read", &path)(error)),
    }
}
