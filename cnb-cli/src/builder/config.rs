//! builder.toml.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::buildpack::order::OrderGroup;
use cnb_core::document;
use cnb_core::image_name::ImageName;
use cnb_core::labels::lifecycle::RunImageNames;
use serde::Deserialize;

use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// What a builder.toml says, its paths made usable from here.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) description: String,
    pub(super) buildpacks: Vec<PathBuf>,
    pub(super) order: Vec<OrderGroup>,
    pub(super) build_image: BuildImage,
    pub(super) build_env: Vec<(String, String)>,
    pub(super) run_images: Vec<RunImageNames>,
}

/// What a builder is based on.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum BuildImage {
    /// An image.
    Name(ImageName),
    /// A root file system.
    RootFs(PathBuf),
}

impl Config {
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).map_err(|error| {
            Failure::new(Exit::InvalidInput, format!("failed to read `{}`: {error}", file.display()))
        })?;
        let document: Document = document::read(file, &text)
            .map_err(|error| Failure::new(Exit::InvalidInput, error.to_string()))?;
        let directory = file.parent().unwrap_or(Path::new(""));
        Ok(Self {
            description: document.description,
            buildpacks: document.buildpacks.iter().map(|buildpack| directory.join(&buildpack.uri)).collect(),
            order: document.order,
            build_image: BuildImage::new(&document.build.image, directory),
            build_env: document.build.env.into_iter().map(Variable::file).collect(),
            run_images: document.run.images,
        })
    }
}

impl BuildImage {
    fn new(text: &str, directory: &Path) -> Self {
        match text.parse() {
            Ok(ImageName::Oci { directory: layout, tag }) => {
                Self::Name(ImageName::Oci { directory: directory.join(layout), tag })
            }
            Ok(ImageName::OciArchive { file, tag }) => {
                Self::Name(ImageName::OciArchive { file: directory.join(file), tag })
            }
            Ok(other) => Self::Name(other),
            Err(_) => Self::RootFs(directory.join(text)),
        }
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    description: String,
    #[serde(default)]
    buildpacks: Vec<Buildpack>,
    #[serde(default)]
    order: Vec<OrderGroup>,
    build: Build,
    run: Run,
}

#[derive(Deserialize)]
struct Buildpack {
    uri: PathBuf,
}

#[derive(Deserialize)]
struct Build {
    image: String,
    #[serde(default)]
    env: Vec<Variable>,
}

#[derive(Deserialize)]
struct Variable {
    name: String,
    value: String,
    #[serde(default)]
    suffix: String,
}

impl Variable {
    /// The name and the content of the file that says it.
    fn file(self) -> (String, String) {
        let name = if self.suffix.is_empty() { self.name } else { format!("{}.{}", self.name, self.suffix) };
        (name, self.value)
    }
}

#[derive(Deserialize)]
struct Run {
    images: Vec<RunImageNames>,
}
