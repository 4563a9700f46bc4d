//! The buildpacks of a builder.

use std::path::Path;

use cnb_core::backend::Backend;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Source;
use cnb_core::backend::Tree;
use cnb_core::buildpack::descriptor::BuildpackDescriptor;
use cnb_core::id::BuildpackId;

use super::error::During as _;
use super::error::Error;

const DESCRIPTOR: &str = "buildpack.toml";

/// A buildpack with its files.
#[derive(Debug)]
pub(super) struct Buildpack {
    pub(super) id: BuildpackId,
    pub(super) descriptor: BuildpackDescriptor,
    pub(super) tree: Tree,
}

impl Buildpack {
    /// `<id>@<version>`.
    pub(super) fn name(&self) -> String {
        format!("{}@{}", self.id, self.descriptor.buildpack.version)
    }

    pub(super) fn unusable(&self, reason: String) -> Error {
        Error::Buildpack { buildpack: self.name(), reason }
    }
}

/// Loads buildpacks; they come out in the order of their names, for the same image whatever order they are
/// written in.
pub(super) async fn load_all(
    backend: &dyn Backend,
    sources: Vec<(String, Source)>,
) -> Result<Vec<Buildpack>, Error> {
    let mut buildpacks = Vec::new();
    for (place, source) in sources {
        buildpacks.push(load(backend, &place, source).await?);
    }
    buildpacks.sort_by_key(Buildpack::name);
    match buildpacks.windows(2).find(|pair| pair[0].name() == pair[1].name()) {
        Some(pair) => Err(pair[0].unusable("the builder has it twice".to_owned())),
        None => Ok(buildpacks),
    }
}

async fn load(backend: &dyn Backend, place: &str, source: Source) -> Result<Buildpack, Error> {
    let unusable = |reason: String| Error::Buildpack { buildpack: place.to_owned(), reason };
    let tree = backend.load(source).await.during(format!("load the buildpack `{place}`"))?;
    let text = match backend.read(&tree, "/buildpack.toml").await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(unusable(format!("it has no {DESCRIPTOR}")));
        }
        read => read.during(format!("read {DESCRIPTOR} of `{place}`"))?,
    };
    let text = std::str::from_utf8(&text).map_err(|error| unusable(format!("{DESCRIPTOR}: {error}")))?;
    let descriptor = BuildpackDescriptor::read(Path::new(DESCRIPTOR), text)
        .map_err(|error| unusable(error.to_string()))?;
    let id = descriptor.buildpack.id.clone();
    let id = id.ok_or_else(|| unusable(format!("{DESCRIPTOR} gives no ID")))?;
    if descriptor.buildpack.version.is_empty() {
        return Err(unusable(format!("{DESCRIPTOR} gives no version")));
    }
    Ok(Buildpack { id, descriptor, tree })
}
