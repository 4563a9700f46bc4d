//! A builder image and what a build needs to know of it.

use cnb_core::api::PlatformApi;
use cnb_core::backend::Backend;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Image;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Tree;
use cnb_core::backend::User;
use cnb_core::image_name::ImageName;
use cnb_core::lifecycle::ApiVersions;
use cnb_core::lifecycle::LifecycleDescriptor;
use cnb_core::run::RunImageNames;
use futures_lite::future::try_zip;

use super::BuildRequest;
use super::error::During as _;
use super::error::Error;
use super::image_config::ImageConfig;
use super::run_image;
use crate::builder::Lifecycle;

/// Where lifecycle programs are in a builder.
pub(super) const LIFECYCLE_DIR: &str = "/cnb/lifecycle";

/// A builder that a build can use.
#[derive(Debug)]
pub(super) struct Builder {
    /// The image.
    pub(super) image: Image,
    /// The environment of its config.
    pub(super) env: Vec<(String, String)>,
    /// Who runs the buildpacks.
    pub(super) user: User,
    /// The Platform API of this build.
    pub(super) platform_api: PlatformApi,
    /// The lifecycle to mount over the builder's own.
    pub(super) lifecycle: Option<Tree>,
    /// The version of the lifecycle that is used.
    pub(super) lifecycle_version: String,
    /// The names of run images that it declares, best first.
    pub(super) run_images: Vec<RunImageNames>,
}

impl Builder {
    /// Finds the builder and agrees with its lifecycle on a Platform API.
    pub(super) async fn resolve(backend: &dyn Backend, request: &BuildRequest) -> Result<Self, Error> {
        let image = backend
            .resolve(ImageRequest::new(request.builder.clone()))
            .await
            .during(format!("find the builder `{}`", request.builder))?;
        let unusable = |reason: String| Error::Builder { builder: request.builder.to_string(), reason };
        let config = ImageConfig::read(&image.config)
            .map_err(|error| unusable(format!("its config is not that of an image: {error}")))?;
        let env = config.env();
        let user = User::new(
            number(&env, "CNB_USER_ID").map_err(unusable)?,
            number(&env, "CNB_GROUP_ID").map_err(unusable)?,
        );
        if user.uid == 0 || user.gid == 0 {
            return Err(unusable("CNB_USER_ID and CNB_GROUP_ID must not be 0".to_owned()));
        }
        let lifecycle = async {
            Ok::<_, Error>(match &request.lifecycle {
                Some(source) => {
                    let lifecycle = Lifecycle::load(backend, source.clone()).await;
                    let lifecycle = lifecycle.map_err(Error::Lifecycle)?;
                    (lifecycle.descriptor, Some(lifecycle.tree))
                }
                None => (own_descriptor(backend, &request.builder, &image).await?, None),
            })
        };
        let declared = run_image::declared(backend, &image.root);
        let ((descriptor, lifecycle), run_images) = try_zip(lifecycle, declared).await?;
        let platform_api = agree(&platform_apis(&descriptor), request.platform_api)?;
        let lifecycle_version = descriptor.lifecycle.version;
        Ok(Self { image, env, user, platform_api, lifecycle, lifecycle_version, run_images })
    }

    /// The directory that has the launcher, and the tree it is in.
    pub(super) fn lifecycle_files(&self) -> (&Tree, &'static str) {
        self.lifecycle.as_ref().map_or((&self.image.root, LIFECYCLE_DIR), |tree| (tree, ""))
    }
}

fn number(env: &[(String, String)], name: &str) -> Result<u32, String> {
    let (_, value) = env.iter().find(|(key, _)| key == name).ok_or(format!("its config sets no {name}"))?;
    value.parse().map_err(|_| format!("{name} is `{value}`, which is not the number of a user or group"))
}

/// The text of a file of a builder, if there is one.
pub(super) async fn read_text(
    backend: &dyn Backend,
    tree: &Tree,
    path: &str,
) -> Result<Option<String>, Error> {
    match backend.read(tree, path).await {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).during(format!("read `{path}` of the builder")),
    }
}

/// The Platform APIs of a lifecycle. One that does not say is taken to know all of them: a directory of freshly
/// built programs has no lifecycle.toml.
fn platform_apis(descriptor: &LifecycleDescriptor) -> Vec<PlatformApi> {
    let said = &descriptor.apis.platform;
    if *said == ApiVersions::default() {
        return PlatformApi::supported().collect();
    }
    said.all().filter_map(|text| text.parse().ok()).collect()
}

async fn own_descriptor(
    backend: &dyn Backend,
    builder: &ImageName,
    image: &Image,
) -> Result<LifecycleDescriptor, Error> {
    let path = format!("{LIFECYCLE_DIR}/lifecycle.toml");
    let Some(text) = read_text(backend, &image.root, &path).await? else {
        return Ok(LifecycleDescriptor::default());
    };
    LifecycleDescriptor::read(path.as_ref(), &text)
        .map_err(|error| Error::Builder { builder: builder.to_string(), reason: error.to_string() })
}

fn agree(theirs: &[PlatformApi], wanted: Option<PlatformApi>) -> Result<PlatformApi, Error> {
    let common = theirs.iter().copied().filter(|api| api.is_supported());
    let chosen = match wanted {
        Some(wanted) => common.into_iter().find(|api| *api == wanted),
        None => common.max(),
    };
    let list = |apis: &[PlatformApi]| apis.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    chosen.ok_or_else(|| Error::PlatformApi {
        theirs: list(theirs),
        ours: list(&wanted.map_or_else(|| PlatformApi::supported().collect(), |api| vec![api])),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_common_platform_api_wins() {
        let theirs: Vec<PlatformApi> = ["0.3", "0.12", "0.13", "0.99"].map(|v| v.parse().expect(v)).into();
        assert_eq!(agree(&theirs, None).expect("0.13 is common"), PlatformApi::v0(13));
        assert_eq!(agree(&theirs, Some(PlatformApi::v0(12))).expect("known"), PlatformApi::v0(12));
        assert!(agree(&theirs, Some(PlatformApi::v0(14))).is_err());
        assert!(agree(&theirs[..1], None).is_err());
    }
}
