//! What to build, with what, and where the image goes.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use cnb_cache::namespace::Namespace;
use cnb_core::api::PlatformApi;
use cnb_core::backend::CacheId;
use cnb_core::backend::Filter;
use cnb_core::backend::Network;
use cnb_core::backend::SecretFile;
use cnb_core::backend::Source;
use cnb_core::backend::User;
use cnb_core::buildpack::order::Order;
use cnb_core::epoch::Epoch;
use cnb_core::image_name::ImageName;
use cnb_core::labels::project::ProjectLabel;
use cnb_core::project::CacheScope;

use super::recall::Records;

/// A build.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuildRequest {
    /// The application. Whoever owns it there, in the build it belongs to the build user.
    pub app: Source,
    /// The builder image.
    pub builder: ImageName,
    /// The run image; the one the builder names when there is none.
    pub run_image: Option<ImageName>,
    /// The image of the last build, whose layers may be used again. When there is none: the first output that exists,
    /// or the caches of a backend without layers by their diffIDs.
    pub previous: Option<ImageName>,
    /// The label `io.buildpacks.lifecycle.metadata` of the last build, for when its image has no name any
    /// more. The backend's store must still have the layers.
    pub last_label: Option<String>,
    /// Starts without the layers and metadata of the last build, whatever is left of it.
    pub skip_layers: bool,
    /// Where the image goes.
    pub outputs: Vec<ImageName>,
    /// Variables for the buildpacks.
    pub env: Vec<(String, String)>,
    /// Variables for the containers that the phases run in, for example [`PROXY_VARIABLES`].
    pub container_env: Vec<(String, String)>,
    /// Service bindings for the buildpacks.
    pub bindings: Vec<Binding>,
    /// Files that the buildpacks find below `/run/secrets`.
    pub secrets: Vec<SecretFile>,
    /// SSH agents of the client, by the names that it has for them. `SSH_AUTH_SOCK` leads to the first.
    pub agents: Vec<String>,
    /// Buildpacks that the builder does not have.
    pub buildpacks: Vec<ExtraBuildpack>,
    /// What to detect instead of the builder's own order.
    pub order: Option<Order>,
    /// The Platform API to use; the newest that both sides know when there is none.
    pub platform_api: Option<PlatformApi>,
    /// A lifecycle to use instead of the builder's: see [`lifecycle_directory`](crate::builder::lifecycle_directory).
    pub lifecycle: Option<Source>,
    /// The static `lifecycle` of this crate as the file `/lifecycle`: it saves the layers to cache after a build.
    pub tool: Source,
    /// Where the layers with `cache = true` are kept. No cache when there is none.
    pub cache: Option<CacheId>,
    /// Where projects share layers with `cache = true`; needs `cache`. They stay with the project when there is none.
    pub shared_cache: Option<SharedCache>,
    /// Whether layers come out of the caches, but nothing is kept in them: for builds of code that nobody has looked at,
    /// for example of pull requests.
    pub cache_read_only: bool,
    /// What phases left before, so that they need not run again where nothing that they read has changed. For backends that do
    /// not know that themselves.
    pub records: Option<Records>,
    /// Runs every phase, whatever is recorded.
    pub run_all: bool,
    /// What the containers can reach.
    pub network: Network,
    /// More labels for the image. They win over those of the buildpacks.
    pub labels: Vec<(String, String)>,
    /// Source metadata for the label `io.buildpacks.project.metadata`.
    pub project: ProjectLabel,
    /// The execution environment, `CNB_EXEC_ENV`; used from Platform API 0.15 on.
    pub exec_env: String,
    /// When the image was made; 1980-01-01T00:00:01Z when nobody says it. Used from Platform API 0.9 on.
    pub epoch: Option<Epoch>,
    /// The process that the image starts; the buildpacks' default when there is none.
    pub process_type: Option<String>,
}

impl BuildRequest {
    /// A build of `app` with `builder` and nothing else. `tool` has the static `lifecycle` of this crate.
    pub fn new(app: Source, builder: ImageName, tool: Source) -> Self {
        Self {
            app,
            builder,
            run_image: None,
            previous: None,
            last_label: None,
            skip_layers: false,
            outputs: Vec::new(),
            env: Vec::new(),
            container_env: Vec::new(),
            bindings: Vec::new(),
            secrets: Vec::new(),
            agents: Vec::new(),
            buildpacks: Vec::new(),
            order: None,
            platform_api: None,
            lifecycle: None,
            tool,
            cache: None,
            shared_cache: None,
            cache_read_only: false,
            records: None,
            run_all: false,
            network: Network::Host,
            labels: Vec::new(),
            project: ProjectLabel::default(),
            exec_env: "production".to_owned(),
            epoch: None,
            process_type: None,
        }
    }

    /// Adds an output.
    #[must_use]
    pub fn with_output(mut self, output: ImageName) -> Self {
        self.outputs.push(output);
        self
    }
}

/// A cache that several projects share, for layers with `cache = true` that are not in images.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SharedCache {
    /// Its name, another one than that of the project's own cache.
    pub id: CacheId,
    /// Who writes: the namespace of the build, printed.
    pub writer: String,
}

impl SharedCache {
    /// That of builds with this scope; none when nothing is shared. `namespace` is that of the project.
    pub fn new(namespace: &Namespace, scope: CacheScope) -> Option<Self> {
        let shared = namespace.shared(scope)?;
        Some(Self { id: shared.id(), writer: namespace.to_string() })
    }
}

/// A service binding: a directory `/platform/bindings/<name>` that the build user may read.
///
/// Its content is secret: it reaches no image, label or history.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Its name.
    pub name: String,
    /// Its files, relative to the directory of the binding.
    pub files: Vec<SecretFile>,
}

/// A buildpack that is put beside those of the builder.
#[derive(Clone, Debug)]
pub struct ExtraBuildpack {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its files.
    pub source: Source,
}

/// Variables of containers without which nothing behind a proxy can be reached. They are no variables for buildpacks.
///
/// Source: the predefined build arguments of Docker.
pub const PROXY_VARIABLES: [&str; 10] = [
    "ALL_PROXY",
    "FTP_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "ftp_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// All files of a directory of this machine.
pub fn directory(path: impl Into<PathBuf>) -> Source {
    Source::Directory { path: path.into(), filter: None, owner: User::ROOT }
}

/// A program of this machine as a tree that has it alone, in its root.
pub fn program(path: &Path) -> Source {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let directory = path.parent().unwrap_or(Path::new("")).to_owned();
    Source::Directory { path: directory, filter: Some(Arc::new(Only(name))), owner: User::ROOT }
}

#[derive(Debug)]
struct Only(String);

impl Filter for Only {
    fn takes(&self, path: &str, _: bool) -> bool {
        path == self.0
    }
}
