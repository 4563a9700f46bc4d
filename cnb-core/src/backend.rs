//! The traits that run builds: implement [`Backend`] to put builds on a machine of your own.
//!
//! A backend knows nothing of buildpacks. It resolves images, keeps immutable [trees](Tree), runs
//! [steps](Step) on them and writes images. `cnb_lifecycle::platform` drives any of them. The public suite
//! in `cnb_core::conformance` (feature `conformance`) says precisely what is expected.
//!
//! # Rules for all methods
//! - A [`Tree`] never changes: what a step does to an in-out tree is a new tree.
//! - Dropping a future cancels the work. When the drop returns or shortly after, no process of the step
//!   runs any more, its locks are free, and nothing half-written is visible.
//! - Paths are absolute inside their tree, `/`-separated UTF-8, without `.` and `..`; others are
//!   `InvalidInput`. Links are resolved inside the tree; no path reaches out of it.
//! - Secrets appear in no error, event, output tree, image or log of the backend.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

mod chain;
mod check;
mod error;
mod handle;
mod image;
mod layer;
mod step;
mod tree;

pub use chain::ChainOutput;
pub use chain::Skipped;
pub use check::check_path;
pub use error::Error;
pub use error::ErrorKind;
pub use image::Exported;
pub use image::Image;
pub use image::ImagePlan;
pub use image::ImageRequest;
pub use layer::Layer;
pub use layer::LayerContent;
pub use layer::LayerPart;
pub use layer::LayerSource;
pub use layer::Ownership;
pub use layer::Parent;
pub use layer::Select;
pub use step::CacheId;
pub use step::Mount;
pub use step::MountKind;
pub use step::Network;
pub use step::Secret;
pub use step::SecretBytes;
pub use step::SecretFile;
pub use step::Step;
pub use step::StepOutput;
pub use step::User;
pub use tree::Digested;
pub use tree::Entry;
pub use tree::EntryKind;
pub use tree::File;
pub use tree::FileKind;
pub use tree::Filter;
pub use tree::Part;
pub use tree::Source;
pub use tree::Tree;

use crate::event::EventSink;
use crate::image_name::ImageName;

/// What a [`Backend`] method returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Runs the parts of a build. See the [module](self) for the rules that all methods share.
#[async_trait]
pub trait Backend: Debug + Send + Sync + 'static {
    /// What this backend can do; callers and the conformance suite leave out what it cannot.
    fn capabilities(&self) -> Capabilities;

    /// Finds an image. Layers that nobody asks for are not pulled or unpacked.
    ///
    /// # Errors
    /// `NotFound` when there is no such image, `Corrupt` when its manifest or config is not what its digest
    /// says, `Unsupported` for a transport the backend does not know.
    async fn resolve(&self, request: ImageRequest) -> Result<Image>;

    /// Takes files from outside into a tree. A filter sees each path before anything reads it.
    ///
    /// Directories get mode 0755, files 0644 or, when their owner may execute them, 0755: git's view. All
    /// belong to the owner the source names. Symbolic links are kept as they are.
    ///
    /// # Errors
    /// `NotFound` when a directory or layer to load does not exist, `Unsupported` for a source that the backend
    /// does not have.
    async fn load(&self, source: Source) -> Result<Tree>;

    /// Runs one process to its end. Output is sent to `events` while it runs.
    ///
    /// An exit code other than zero is not an error: see [`StepOutput::exit_code`].
    ///
    /// # Errors
    /// `InvalidInput` when the program does not exist or is not absolute, a mount target is not absolute or is
    /// `/`, two mounts have the same target or cache, or a secret's path leaves its mount; `Unavailable` when
    /// the backend cannot run processes at all.
    async fn run(&self, step: Step, events: &dyn EventSink) -> Result<StepOutput>;

    /// Runs steps one after another, as one piece of work. The first that ends with an exit code other than zero
    /// is the last, unless it is [optional](Step::optional). Each is told as a phase that has its name.
    ///
    /// A [`MountKind::Carried`] is the tree that the steps before left at its target; a [`MountKind::InOut`] is the tree that
    /// it has, also where a step before had and changed the same one. Steps of a chain trust each
    /// other: a backend may run all of them in one container with one root, where each can see the mounts and
    /// reach the network of any of them, but for the caches of others.
    ///
    /// Unless a backend has something better, the steps are [run](Self::run) one by one.
    ///
    /// # Errors
    /// Those of [`Self::run`], and `InvalidInput` when a mount is carried that no step before had.
    async fn run_chain(&self, steps: Vec<Step>, events: &dyn EventSink) -> Result<ChainOutput> {
        let mut chain = chain::Chain::new(events);
        for step in steps {
            let (step, running) = chain.start(step)?;
            if chain.finish(running, self.run(step, events).await)?.is_break() {
                break;
            }
        }
        Ok(chain.output())
    }

    /// The content of a file; links are followed inside the tree.
    ///
    /// # Errors
    /// `NotFound` when there is no file, `InvalidInput` when it is a directory.
    async fn read(&self, tree: &Tree, path: &str) -> Result<Bytes>;

    /// What is directly in a directory, in byte order of the names.
    ///
    /// # Errors
    /// `NotFound` when there is no such directory, `InvalidInput` when it is not one.
    async fn list(&self, tree: &Tree, path: &str) -> Result<Vec<Entry>>;

    /// Everything in a tree, itself included, in byte order of the paths: two trees for which this is the same are one and
    /// the same for every step.
    ///
    /// # Errors
    /// `Unsupported` without the capability `digests`; `InvalidInput` when a name is not UTF-8.
    async fn digests(&self, _tree: &Tree) -> Result<Vec<Digested>> {
        Err(Error::new(ErrorKind::Unsupported, "this backend does not tell digests of what is in trees"))
    }

    /// Makes a tree out of parts, applied in order: a later part replaces what an earlier one wrote.
    ///
    /// # Errors
    /// `NotFound` when a part names a path that its tree does not have.
    async fn compose(&self, parts: Vec<Part>) -> Result<Tree>;

    /// Turns trees into image layers, in order, and says their diffIDs.
    ///
    /// The diffID is a function of the entries, their content and the [`Ownership`] alone.
    ///
    /// # Errors
    /// `Unsupported` for an existing layer, without the capability `existing_layers`;
    /// `NotFound` when an existing layer is asked for and there is no blob with that diffID, `Corrupt` when
    /// there is one whose bytes are not what its digest says.
    async fn finalize(&self, layers: Vec<LayerSource>) -> Result<Vec<Layer>>;

    /// Writes an image to each output. Nothing half-written is visible under a final name; an output that
    /// held an image holds the old or the new one, never a mix.
    ///
    /// # Errors
    /// `InvalidInput` when the config's `rootfs.diff_ids` are not those of the base and the layers,
    /// `Unsupported` for a transport the backend cannot write.
    async fn export(&self, plan: ImagePlan, outputs: &[ImageName]) -> Result<Vec<Exported>>;
}

/// What a backend can do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact")]
#[non_exhaustive]
pub struct Capabilities {
    /// [`Source::Directory`] can be loaded.
    pub load_directory: bool,
    /// Layers of images that exist can be had by their diffIDs: [`Source::Layer`], [`LayerContent::Existing`].
    pub existing_layers: bool,
    /// What becomes of the directory of a [`LayerContent::Tree`] can be a file instead: an archive.
    pub archived_layers: bool,
    /// [`Backend::digests`] tells what is in trees. A backend that takes what [repeatable](Step::repeatable) steps left
    /// before need not.
    pub digests: bool,
    /// A step that fails leaves trees, too.
    pub failed_outputs: bool,
    /// Everything a step writes is told, however much and fast.
    pub unlimited_output: bool,
    /// A layer has its entries in the order that is asked for and no others. Elsewhere it is a tree: its entries have
    /// an order of their own, and every directory above is there.
    pub ordered_layers: bool,
    /// A chain costs no more than one step, as all its steps run in one container: what can be a chain should be one.
    pub joined_chains: bool,
    /// An image has the config that was given, byte for byte.
    pub exact_config: bool,
    /// [`MountKind::Cache`] keeps its content between steps.
    pub cache_mounts: bool,
    /// [`MountKind::SharedCache`] does, too, and several steps have it at the same time.
    pub shared_cache_mounts: bool,
    /// Steps run as the user they name, and the user owns what they write.
    pub users: bool,
    /// [`Network::Host`] is available to steps.
    pub host_network: bool,
    /// Images can be exported.
    pub export: bool,
    /// Dropping the future of a step ends its processes.
    pub cancellation: bool,
}

impl Capabilities {
    /// Everything.
    pub const ALL: Self = Self {
        load_directory: true,
        existing_layers: true,
        archived_layers: true,
        digests: true,
        failed_outputs: true,
        unlimited_output: true,
        ordered_layers: true,
        joined_chains: true,
        exact_config: true,
        cache_mounts: true,
        shared_cache_mounts: true,
        users: true,
        host_network: true,
        export: true,
        cancellation: true,
    };
}
