//! A builder image and what a build needs to know of it.

use cnb_core::api::PlatformApi;
use cnb_core::backend::Backend;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::File;
use cnb_core::backend::Filter;
use cnb_core::backend::Image;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Part;
use cnb_core::backend::Source;
use cnb_core::backend::Tree;
use cnb_core::backend::User;
use cnb_core::lifecycle::ApiVersions;
use cnb_core::lifecycle::LifecycleDescriptor;

use super::BuildRequest;
use super::error::During as _;
use super::error::Error;
use super::image_config::ImageConfig;

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
        let lifecycle = match &request.lifecycle {
            Some(directory) => Some(load_lifecycle(backend, directory).await?),
            None => None,
        };
        let descriptor =
            lifecycle_toml(backend, &request.builder.to_string(), &image, lifecycle.as_ref()).await?;
        let platform_api = agree(&platform_apis(&descriptor), request.platform_api)?;
        let lifecycle_version = descriptor.lifecycle.version;
        Ok(Self { image, env, user, platform_api, lifecycle, lifecycle_version })
    }

    /// The text of a file of the builder, if there is one.
    pub(super) async fn read(&self, backend: &dyn Backend, path: &str) -> Result<Option<String>, Error> {
        read_text(backend, &self.image.root, path).await
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

async fn read_text(backend: &dyn Backend, tree: &Tree, path: &str) -> Result<Option<String>, Error> {
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

async fn lifecycle_toml(
    backend: &dyn Backend,
    name: &str,
    image: &Image,
    lifecycle: Option<&Tree>,
) -> Result<LifecycleDescriptor, Error> {
    let (tree, path) = match lifecycle {
        Some(tree) => (tree, "/lifecycle.toml".to_owned()),
        None => (&image.root, format!("{LIFECYCLE_DIR}/lifecycle.toml")),
    };
    let Some(text) = read_text(backend, tree, &path).await? else {
        return Ok(LifecycleDescriptor::default());
    };
    LifecycleDescriptor::read(path.as_ref(), &text)
        .map_err(|error| Error::Builder { builder: name.to_owned(), reason: error.to_string() })
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

/// The files of a lifecycle directory; what else lies there (build output, say) stays out.
#[derive(Debug)]
struct LifecycleFiles;

impl Filter for LifecycleFiles {
    fn takes(&self, path: &str, is_directory: bool) -> bool {
        !is_directory && (PROGRAMS.contains(&path) || path == "lifecycle.toml" || path.contains(".sbom."))
    }
}

const PROGRAMS: [&str; 10] = [
    "analyzer",
    "builder",
    "creator",
    "detector",
    "exporter",
    "extender",
    "launcher",
    "lifecycle",
    "rebaser",
    "restorer",
];

async fn load_lifecycle(backend: &dyn Backend, directory: &std::path::Path) -> Result<Tree, Error> {
    let action = || format!("load the lifecycle in `{}`", directory.display());
    let filter: std::sync::Arc<dyn Filter> = std::sync::Arc::new(LifecycleFiles);
    let source = Source::Directory { path: directory.to_owned(), filter: Some(filter), owner: User::ROOT };
    let tree = backend.load(source).await.during(action())?;
    let entries = backend.list(&tree, "/").await.during(action())?;
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    for required in ["lifecycle", "launcher"] {
        if !has(required) {
            let reason = format!("it has no program `{required}`");
            return Err(Error::Builder { builder: directory.display().to_string(), reason });
        }
    }
    let links = PROGRAMS.iter().filter(|name| !has(name));
    let links = links.map(|name| File::symlink(format!("/{name}"), "lifecycle")).collect();
    let whole = Part::Copy { tree, from: "/".to_owned(), to: "/".to_owned() };
    backend.compose(vec![whole, Part::Files(links)]).await.during(action())
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
