//! Run builds on a BuildKit: [`Backend`] over a [`Gateway`].
//!
//! [`BuildKit`] makes graphs out of what builds ask for, and solves them. It works in a frontend, which BuildKit
//! started, and in a client, which is the frontend of its own solve.
//!
//! ```no_run
//! use cnb_core::backend::{Backend, ImageRequest};
//! use cnb_llb::Image;
//! use cnb_llb::backend::BuildKit;
//! use cnb_llb::errdefs::{BuildError, Code};
//! use cnb_llb::gateway::{self, Environment, Output};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! gateway::run(Environment::read(std::env::vars())?, async |gateway| {
//!     let failed = |error: cnb_core::backend::Error| BuildError::new(Code::Unknown, error.to_string());
//!     let helper = gateway.own_image()?;
//!     let backend = BuildKit::new(gateway, helper);
//!     let name = "docker://docker.io/library/debian:12".parse().expect("a name of an image");
//!     let image = backend.resolve(ImageRequest::new(name)).await.map_err(failed)?;
//!     Ok(Output::new(backend.reference(&image.root).await.map_err(failed)?))
//! })
//! .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//! A tree is a state of a graph. What changes trees is an operation on files where those suffice, and otherwise the
//! program `cnb-helper` (crate `cnb-oci`) in a container: it reads a [plan](cnb_core::helper), makes trees, runs
//! the processes of steps, makes layers and says their diffIDs. It is root in the container, becomes the user of
//! each process, and gives it exactly the environment it should have.
//!
//! | of a build | becomes |
//! |---|---|
//! | image | source, by digest |
//! | files given as values | operations on files, or a helper when they have links |
//! | directory of the client | source; whoever changes the tree has the helper give it git's modes, a time and an owner first |
//! | step, chain of steps | one command, with a locked mount for each cache |
//! | layer | an output of the step that foretold it; else a helper for each tree, or archive in one; all layers of files share one |
//! | image plan | a merge, or copies where BuildKit cannot merge; never a difference |
//!
//! # Limits
//! - Steps that failed leave no trees, and BuildKit shortens long output.
//! - Layers of images cannot be had one by one.
//! - BuildKit writes the JSON of configs anew, so their digests are known when images are exported.
//! - Which step of a chain failed is not told: it is taken for the last that has to succeed.
//! - Exit codes from 240 to 244 of steps are taken for those of the helper.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use cnb_core::backend::Backend;
use cnb_core::backend::Capabilities;
use cnb_core::backend::ChainOutput;
use cnb_core::backend::Entry;
use cnb_core::backend::Exported;
use cnb_core::backend::Image;
use cnb_core::backend::ImagePlan;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Layer;
use cnb_core::backend::LayerSource;
use cnb_core::backend::Part;
use cnb_core::backend::Result;
use cnb_core::backend::Source;
use cnb_core::backend::Step;
use cnb_core::backend::StepOutput;
use cnb_core::backend::Tree;
use cnb_core::event::EventSink;
use cnb_core::image_name::ImageName;

use crate::Annotate as _;
use crate::CacheEntry;
use crate::Copy;
use crate::FileOp;
use crate::Location;
use crate::Network;
use crate::Platform;
use crate::ResolveMode;
use crate::State;
use crate::errdefs::BuildError;
use crate::gateway::Gateway;
use crate::gateway::NamedContext;
use crate::gateway::Output;
use crate::gateway::Reference;
use crate::gateway::Solve;
mod client;
mod compose;
mod error;
mod exec;
mod export;
mod files;
mod finalize;
mod inside;
mod load;
mod read;
mod resolve;
mod run;
mod secrets;
mod told;
mod tree;
mod write;
pub use client::ClientSide;

use error::from_build;
use files::Known;
use tree::Graph;

/// Runs builds on a BuildKit. Clones are the same backend.
#[derive(Clone)]
pub struct BuildKit {
    gateway: Gateway,
    helper: State,
    settings: Settings,
    shared: Arc<Shared>,
}

/// What every operation of a backend has in common.
#[derive(Clone, Debug, Default)]
struct Settings {
    platform: Option<Platform>,
    network: Network,
    hosts: Vec<(String, IpAddr)>,
    resolve_mode: ResolveMode,
    cache_imports: Vec<CacheEntry>,
    contexts: Vec<NamedContext>,
    directories: BTreeMap<String, State>,
    layouts: BTreeMap<PathBuf, Layout>,
    cache_prefix: String,
    runs_all: bool,
    clears_caches: bool,
    location: Option<Location>,
    client: Option<ClientSide>,
}

/// A layout that the client serves.
#[derive(Clone, Debug)]
struct Layout {
    store: String,
    /// Digests of manifests or indexes, by tags.
    images: BTreeMap<Option<String>, String>,
}

#[derive(Debug, Default)]
struct Shared {
    /// How many steps had to run whatever ran before.
    steps: AtomicU64,
    /// Large files that came out of trees.
    known: Mutex<Known>,
    output: Mutex<Option<Output>>,
}

impl BuildKit {
    /// A backend over a gateway. The helper is a tree that has the program `/cnb-helper`, static, for the platform
    /// that builds: the image of a frontend can have it, see [`Gateway::own_image`].
    pub fn new(gateway: Gateway, helper: State) -> Self {
        Self { gateway, helper, settings: Settings::default(), shared: Arc::default() }
    }

    /// Takes images for this platform, and runs steps on it; the platform of the BuildKit unless it is said.
    #[must_use]
    pub fn with_platform(mut self, platform: Platform) -> Self {
        self.settings.platform = Some(platform);
        self
    }

    /// What steps with a network reach: not always that of the machine, which BuildKit has to be allowed to give.
    #[must_use]
    pub fn with_network(mut self, network: Network) -> Self {
        self.settings.network = network;
        self
    }

    /// Names that every step knows.
    #[must_use]
    pub fn with_extra_hosts(mut self, hosts: Vec<(String, IpAddr)>) -> Self {
        self.settings.hosts = hosts;
        self
    }

    /// Where to look for images first.
    #[must_use]
    pub fn with_resolve_mode(mut self, mode: ResolveMode) -> Self {
        self.settings.resolve_mode = mode;
        self
    }

    /// Takes results from these caches.
    #[must_use]
    pub fn with_cache_imports(mut self, caches: Vec<CacheEntry>) -> Self {
        self.settings.cache_imports = caches;
        self
    }

    /// Takes these in place of images of the same names, and as the images `context:NAME`.
    #[must_use]
    pub fn with_contexts(mut self, contexts: Vec<NamedContext>) -> Self {
        self.settings.contexts = contexts;
        self
    }

    /// Has these files under a name, for [`Source::Context`]. Without, the name is that of a directory of the client.
    #[must_use]
    pub fn with_directory(mut self, name: impl Into<String>, files: State) -> Self {
        self.settings.directories.insert(name.into(), files);
        self
    }

    /// Has the images of an OCI layout, for [`ImageName::Oci`] of exactly this directory. The session of the solve
    /// serves it as this store: [`Session::with_layout`](crate::session::Session::with_layout).
    ///
    /// Images are digests of manifests or indexes by their tags; none is the tag of what is meant without one.
    #[must_use]
    pub fn with_layout(
        mut self,
        directory: impl Into<PathBuf>,
        store: impl Into<String>,
        images: BTreeMap<Option<String>, String>,
    ) -> Self {
        self.settings.layouts.insert(directory.into(), Layout { store: store.into(), images });
        self
    }

    /// Puts this before the names of caches: those with other prefixes are others.
    #[must_use]
    pub fn with_cache_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.cache_prefix = prefix.into();
        self
    }

    /// Runs every step, also when the result of the same is there. Caches of steps stay.
    #[must_use]
    pub fn with_no_cache(mut self, no_cache: bool) -> Self {
        self.settings.runs_all = no_cache;
        self
    }

    /// Empties the caches of steps before they run, but for those that several steps share.
    #[must_use]
    pub fn with_cleared_caches(mut self, clear: bool) -> Self {
        self.settings.clears_caches = clear;
        self
    }

    /// Where in a file of a person the steps come from: errors show it.
    #[must_use]
    pub fn with_location(mut self, location: Location) -> Self {
        self.settings.location = Some(location);
        self
    }

    /// Does what only a client can do, too: directories and secrets of this machine, output, images by name.
    #[must_use]
    pub fn with_client(mut self, side: ClientSide) -> Self {
        self.settings.client = Some(side);
        self
    }

    /// The image that [`Backend::export`] made for no output, once.
    pub fn take_output(&self) -> Option<Output> {
        self.output().take()
    }

    /// The files of a tree of this backend, for the result of a frontend; none if it has none.
    ///
    /// # Errors
    /// When the tree cannot be made.
    pub async fn reference(&self, tree: &Tree) -> Result<Option<Reference>> {
        let graph = Graph::of(tree)?;
        if graph.is_whole() {
            return self.solve(&graph.state).await;
        }
        let copy = Copy::new(&graph.state, &graph.root, "/").contents_only().created(files::time());
        self.solve(&State::scratch().file(FileOp::new(copy).named("[export] take the files"))).await
    }

    fn output(&self) -> MutexGuard<'_, Option<Output>> {
        self.shared.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn solve(&self, state: &State) -> Result<Option<Reference>> {
        self.try_solve(state).await.map_err(from_build)
    }

    /// Does what a graph says. None for one without files.
    async fn try_solve(&self, state: &State) -> std::result::Result<Option<Reference>, BuildError> {
        let solve = Solve::graph(&state.definition()).with_cache_imports(&self.settings.cache_imports);
        Ok(self.gateway.solve(solve.evaluated()).await?.reference)
    }

    /// The platform of images and steps.
    fn platform(&self) -> Platform {
        let of_worker = || self.gateway.workers().first()?.platforms.first().cloned();
        self.settings.platform.clone().or_else(of_worker).unwrap_or_else(Platform::native)
    }

    /// A name that nothing else has.
    fn nonce(&self) -> String {
        let number = self.shared.steps.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.gateway.environment().session_id)
    }
}

#[async_trait]
impl Backend for BuildKit {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::ALL;
        capabilities.load_directory = self.settings.client.is_some();
        capabilities.existing_layers = false;
        capabilities.digests = false;
        capabilities.failed_outputs = false;
        capabilities.unlimited_output = false;
        capabilities.ordered_layers = false;
        capabilities.exact_config = false;
        capabilities.host_network = self.settings.network == Network::Host;
        capabilities.export = self.settings.client.is_some();
        capabilities
    }

    async fn resolve(&self, request: ImageRequest) -> Result<Image> {
        self.resolve_image(&request).await
    }

    async fn load(&self, source: Source) -> Result<Tree> {
        self.load_source(source).await
    }

    async fn run(&self, step: Step, events: &dyn EventSink) -> Result<StepOutput> {
        self.run_step(step, events).await
    }

    async fn run_chain(&self, steps: Vec<Step>, events: &dyn EventSink) -> Result<ChainOutput> {
        self.run_steps(steps, events).await
    }

    async fn read(&self, tree: &Tree, path: &str) -> Result<Bytes> {
        self.read_file(Graph::of(tree)?, path).await
    }

    async fn list(&self, tree: &Tree, path: &str) -> Result<Vec<Entry>> {
        self.list_directory(Graph::of(tree)?, path).await
    }

    async fn compose(&self, parts: Vec<Part>) -> Result<Tree> {
        self.compose_parts(parts).await
    }

    async fn finalize(&self, layers: Vec<LayerSource>) -> Result<Vec<Layer>> {
        self.make_layers(layers).await
    }

    async fn export(&self, plan: ImagePlan, outputs: &[ImageName]) -> Result<Vec<Exported>> {
        self.export_image(&plan, outputs).await
    }
}

impl fmt::Debug for BuildKit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BuildKit").field("settings", &self.settings).finish_non_exhaustive()
    }
}
