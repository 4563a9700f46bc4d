//! Buildpacks and extensions on disk: `<directory>/<id>/<version>`.
//!
//! Source: `platform/dir_store.go` of the Go lifecycle.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::buildpack::descriptor::BuildpackDescriptor;
use cnb_core::buildpack::extension::ExtensionDescriptor;
use cnb_core::buildpack::plan::ElementKind;
use cnb_core::detection::Descriptor;
use cnb_core::document::InvalidDocument;
use cnb_core::id::BuildpackId;

/// Where buildpacks and extensions are.
#[derive(Clone, Debug)]
pub struct Store {
    /// The directory of the buildpacks.
    pub buildpacks: PathBuf,
    /// The directory of the extensions.
    pub extensions: PathBuf,
}

/// A buildpack or an extension, as far as detection and generation have to know it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What its descriptor says, inferred targets included.
    pub descriptor: Descriptor,
    /// Whether the variables of the user are kept from it.
    pub clear_env: bool,
    /// Its directory.
    pub root: PathBuf,
}

impl Store {
    /// Reads the descriptor of a buildpack or an extension.
    ///
    /// # Errors
    /// When there is none, or it makes no sense.
    pub fn look_up(&self, kind: ElementKind, id: &BuildpackId, version: &str) -> Result<Stored, StoreError> {
        let root = self.root(kind, id, version);
        match kind {
            ElementKind::Buildpack => {
                let file = root.join("buildpack.toml");
                let descriptor = BuildpackDescriptor::read(&file, &read(&file)?)?;
                let targets = descriptor.inferred_targets(exists(&root.join("bin/build"))?);
                Ok(Stored {
                    clear_env: descriptor.buildpack.clear_env,
                    descriptor: Descriptor {
                        targets,
                        api: descriptor.api,
                        homepage: descriptor.buildpack.homepage,
                        exec_env: descriptor.buildpack.exec_env,
                        order: descriptor.order,
                    },
                    root,
                })
            }
            ElementKind::Extension => {
                let file = root.join("extension.toml");
                let descriptor = ExtensionDescriptor::read(&file, &read(&file)?)?;
                let has_executable = exists(&root.join("bin/detect"))? || exists(&root.join("bin/generate"))?;
                let targets = descriptor.inferred_targets(has_executable);
                Ok(Stored {
                    clear_env: descriptor.extension.clear_env,
                    descriptor: Descriptor {
                        targets,
                        api: descriptor.api,
                        homepage: descriptor.extension.homepage,
                        exec_env: descriptor.extension.exec_env,
                        order: Vec::new(),
                    },
                    root,
                })
            }
        }
    }

    fn root(&self, kind: ElementKind, id: &BuildpackId, version: &str) -> PathBuf {
        let directory = match kind {
            ElementKind::Buildpack => &self.buildpacks,
            ElementKind::Extension => &self.extensions,
        };
        directory.join(id.escape()).join(version)
    }
}

/// A buildpack or an extension cannot be looked up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A descriptor makes no sense.
    #[error(transparent)]
    Descriptor(#[from] InvalidDocument),
}

fn read(path: &Path) -> Result<String, StoreError> {
    fs::read_to_string(path).map_err(|source| StoreError::Read { path: path.to_owned(), source })
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    fs::exists(path).map_err(|source| StoreError::Read { path: path.to_owned(), source })
}
