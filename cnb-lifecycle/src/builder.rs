//! Making a builder image: a base, buildpacks, their order, run images and a lifecycle.
//!
//! What a builder consists of follows the Platform Interface Specification ("Build Environment") and, where it
//! is silent, `internal/builder/builder.go` of pack. The same inputs give the same image.

use cnb_core::api::BuildpackApi;
use cnb_core::backend::Backend;
use cnb_core::backend::Exported;
use cnb_core::backend::Image;
use cnb_core::backend::ImagePlan;
use cnb_core::backend::Source;
use cnb_core::buildpack::order::OrderGroup;
use cnb_core::image_name::ImageName;
use cnb_core::labels::lifecycle::RunImageNames;

mod buildpack;
mod config;
mod error;
mod layers;
mod lifecycle;
mod order;

pub use error::Error;
pub use lifecycle::lifecycle_directory;

use buildpack::Buildpack;
use config::BaseConfig;
use error::During as _;
pub(crate) use lifecycle::Lifecycle;

/// What a builder is made of.
#[derive(Debug)]
#[non_exhaustive]
pub struct BuilderRequest {
    /// The image in which buildpacks will run. Its config names the user of the builds with `CNB_USER_ID` and
    /// `CNB_GROUP_ID`.
    pub base: Image,
    /// The programs: `lifecycle`, `launcher` and what the lifecycle brings besides. Missing links from the
    /// names of the phases to `lifecycle` are added, and so is a lifecycle.toml.
    pub lifecycle: Source,
    /// For people.
    pub description: String,
    /// The buildpacks, each with a buildpack.toml, and what to call them in errors.
    pub buildpacks: Vec<(String, Source)>,
    /// The groups to try. A version that is not given is that of the only buildpack with the ID.
    pub order: Vec<OrderGroup>,
    /// The run images, the preferred one first.
    pub run_images: Vec<RunImageNames>,
    /// Files of `/cnb/build-config/env`: variables of all builds, with the suffixes of environment files.
    pub build_env: Vec<(String, String)>,
}

impl BuilderRequest {
    /// A builder without buildpacks.
    pub fn new(base: Image, lifecycle: Source) -> Self {
        Self {
            base,
            lifecycle,
            description: String::new(),
            buildpacks: Vec::new(),
            order: Vec::new(),
            run_images: Vec::new(),
            build_env: Vec::new(),
        }
    }
}

/// Makes a builder and writes it to each output.
///
/// # Errors
/// When a part is not what it should be, parts do not fit together, or the backend cannot do something.
pub async fn create(
    backend: &dyn Backend,
    request: BuilderRequest,
    outputs: &[ImageName],
) -> Result<Vec<Exported>, Error> {
    let mut config = BaseConfig::read(&request.base.config)?;
    let lifecycle = Lifecycle::load(backend, request.lifecycle).await?;
    let buildpacks = buildpack::load_all(backend, request.buildpacks).await?;
    check_apis(&buildpacks, &lifecycle)?;
    let order = order::resolve(&request.order, &buildpacks)?;
    order::check_composites(&buildpacks)?;

    let mut sources = vec![layers::directories(config.user()), layers::lifecycle(&lifecycle)];
    sources.extend(buildpacks.iter().map(layers::buildpack));
    sources.push(layers::configuration(&order, &request.run_images, &request.build_env));
    let layers = backend.finalize(sources).await.during("make the layers of the builder")?;

    let diff_ids = layers.iter().map(|layer| layer.diff_id.clone());
    let with_layers: Vec<_> = buildpacks.iter().zip(diff_ids.skip(2)).collect();
    config.set_labels(&lifecycle, &with_layers, &order, &request.description, &request.run_images);
    let plan = ImagePlan::new(request.base, layers.clone(), config.finish(&layers));
    backend.export(plan, outputs).await.during("write the builder")
}

/// Source: `validateLifecycleCompat` of pack.
fn check_apis(buildpacks: &[Buildpack], lifecycle: &Lifecycle) -> Result<(), Error> {
    let same = |one: &str, other: &str| {
        let (one, other) = (one.parse::<BuildpackApi>(), other.parse::<BuildpackApi>());
        one.ok().zip(other.ok()).is_some_and(|(one, other)| one == other)
    };
    let known = &lifecycle.descriptor.apis.buildpack;
    for buildpack in buildpacks {
        let api = &buildpack.descriptor.api;
        if !known.all().any(|version| same(version, api)) {
            let versions: Vec<&str> = known.all().collect();
            let reason =
                format!("it needs Buildpack API `{api}`, the lifecycle knows {}", versions.join(", "));
            return Err(buildpack.unusable(reason));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
