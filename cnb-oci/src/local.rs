//! The backend that runs steps on this machine: overlayfs for trees, an OCI runtime for containers.
//!
//! A program that uses it enters the namespaces it needs first thing, while it has a single thread; see
//! [`userns::enter`].
//!
//! # Limits
//! - In [single-user mode](userns::Mode::Single) there is one user outside of containers, and one inside: the
//!   step's, who owns every file it sees.

use std::io::PipeWriter;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::thread::JoinHandle;

use async_trait::async_trait;
use bytes::Bytes;
use cnb_core::backend::Backend;
use cnb_core::backend::CacheId;
use cnb_core::backend::Capabilities;
use cnb_core::backend::Digested;
use cnb_core::backend::Entry;
use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
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
use cnb_core::event::Event;
use cnb_core::event::EventSink;
use cnb_core::event::Stream;
use cnb_core::image_name::ImageName;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

mod blobs;
mod cache;
pub mod caches;
mod container;
mod digests;
mod error;
mod export;
mod finalize;
mod found;
pub mod init;
mod inside;
mod machine;
mod overlay;
#[cfg(feature = "registry")]
mod remote;

pub mod roots;
pub mod runtime;
mod secrets;
mod spec;
mod step;
mod stop;
mod store;
mod tree;
mod unpack;
mod unshare;
pub mod userns;

use error::from_io;
use machine::Machine;
use runtime::Cli;
use runtime::Runtime;
use store::Scratch;
use tree::LocalTree;
use userns::Mapping;
use userns::Mode;

use crate::apply;
#[cfg(feature = "registry")]
use crate::registry::Registry;
use crate::tree::Draft;

/// Pieces of output that wait to be taken before a step has to wait.
const PENDING_OUTPUT: usize = 64;

/// What a [`LocalBackend`] works with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Who is who in the namespaces of this process.
    pub mapping: Mapping,
    /// Where it keeps files: trees, and the root file systems of images. Needs a file system that can be the
    /// upper layer of an overlay, such as ext4, XFS, Btrfs or tmpfs.
    pub state: PathBuf,
    /// Where caches are; `caches` below `state` if not said.
    pub caches: PathBuf,
    /// The program `cnb-init`, linked statically.
    pub init: PathBuf,
    /// The OCI runtimes to choose from: the first that can run a container.
    pub runtimes: Vec<Arc<dyn Runtime>>,
    /// What reaches images `docker://…`, if anything.
    #[cfg(feature = "registry")]
    pub registry: Option<Registry>,
}

impl Options {
    /// Files below `state`, containers by any known runtime.
    pub fn new(mapping: Mapping, state: impl Into<PathBuf>, init: impl Into<PathBuf>) -> Self {
        let state = state.into();
        let runtimes = Cli::candidates().map(|cli| -> Arc<dyn Runtime> { Arc::new(cli) });
        let caches = state.join("caches");
        Self {
            mapping,
            caches,
            state,
            init: init.into(),
            runtimes: runtimes.into(),
            #[cfg(feature = "registry")]
            registry: None,
        }
    }

    /// Finds and writes images in registries, too.
    #[cfg(feature = "registry")]
    #[must_use]
    pub fn with_registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Puts caches elsewhere.
    #[must_use]
    pub fn with_caches(mut self, directory: impl Into<PathBuf>) -> Self {
        self.caches = directory.into();
        self
    }

    /// Uses this runtime and no other.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtimes = vec![Arc::new(runtime)];
        self
    }
}

/// Runs steps on this machine.
///
/// Dropping it ends all of its work, and waits until that has ended.
#[derive(Debug)]
pub struct LocalBackend {
    machine: Arc<Machine>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl LocalBackend {
    /// A backend with files of its own; removes those of processes that were killed.
    ///
    /// # Errors
    /// When the directories cannot be made.
    pub fn new(options: Options) -> Result<Self> {
        Ok(Self { machine: Arc::new(Machine::new(options)?), threads: Mutex::default() })
    }

    /// Forgets what steps left in a cache, when none of them has it any more.
    ///
    /// # Errors
    /// When the cache cannot be locked.
    pub async fn forget_cache(&self, id: &CacheId) -> Result<()> {
        let id = id.clone();
        self.work(move |machine| cache::forget(&machine.caches, &id, &machine.stop)).await
    }

    /// Does blocking work on a thread of its own.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Machine) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let machine = Arc::clone(&self.machine);
        let started = thread::Builder::new().spawn(move || {
            // Nobody takes the result of what was cancelled.
            let _ = sender.send(work(&machine));
        });
        self.keep(started.map_err(|error| from_io("could not start a thread", error))?);
        receiver.await.map_err(|_| Error::new(ErrorKind::Other, "the thread that did the work panicked"))?
    }

    /// Remembers a thread as long as it runs.
    fn keep(&self, thread: JoinHandle<()>) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
    }
}

impl Drop for LocalBackend {
    /// A thread that is still at work has files of this backend, which would outlive the process with it.
    fn drop(&mut self) {
        self.machine.stop.now();
        for thread in self.threads.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // Who waited for its result is gone.
            let _ = thread.join();
        }
    }
}

#[async_trait]
impl Backend for LocalBackend {
    fn capabilities(&self) -> Capabilities {
        // There is one user only, and what is another's cannot be told apart.
        let mut capabilities = Capabilities::ALL;
        capabilities.archived_layers = false;
        capabilities.joined_chains = false;
        capabilities.users = self.machine.mapping.mode() != Mode::Single;
        capabilities
    }

    async fn resolve(&self, request: ImageRequest) -> Result<Image> {
        self.work(move |machine| found::resolve(machine, &request)).await
    }

    async fn load(&self, source: Source) -> Result<Tree> {
        self.work(move |machine| {
            let (scratch, draft) = draft(machine)?;
            match source {
                Source::Directory { path, filter, owner } => {
                    crate::tree::load(&draft, &path, filter.as_deref(), owner)?;
                }
                Source::Files(files) => draft.add(&files)?,
                Source::Layer { diff_id, image } => {
                    let layer = blobs::existing(&machine.layers, &diff_id, image.as_ref())?;
                    let options = apply::Options::alone(unpack::owners(machine.mapping));
                    let stop = &machine.stop;
                    unpack::layer(&layer.blobs, &layer.descriptor, &diff_id, draft.path(), &options, stop)?;
                }
                _ => return Err(Error::new(ErrorKind::Unsupported, "cannot load from there")),
            }
            Ok(Tree::new(LocalTree::new(scratch)))
        })
        .await
    }

    async fn run(&self, step: Step, events: &dyn EventSink) -> Result<StepOutput> {
        let name = step.name.clone();
        let mut running = Running::start(Arc::clone(&self.machine), step)?;
        while let Some((stream, bytes)) = running.output.recv().await {
            events.event(Event::Output { step: name.clone(), stream, bytes });
        }
        running.finish()
    }

    async fn read(&self, tree: &Tree, path: &str) -> Result<Bytes> {
        let (tree, path) = (LocalTree::of(tree)?.clone(), path.to_owned());
        self.work(move |machine| tree.view(&machine.session, machine.mapping)?.read(&path)).await
    }

    async fn list(&self, tree: &Tree, path: &str) -> Result<Vec<Entry>> {
        let (tree, path) = (LocalTree::of(tree)?.clone(), path.to_owned());
        self.work(move |machine| tree.view(&machine.session, machine.mapping)?.list(&path)).await
    }

    async fn digests(&self, tree: &Tree) -> Result<Vec<Digested>> {
        let tree = LocalTree::of(tree)?.clone();
        self.work(move |machine| digests::of(&tree.view(&machine.session, machine.mapping)?, &machine.stop))
            .await
    }

    async fn compose(&self, parts: Vec<Part>) -> Result<Tree> {
        self.work(move |machine| {
            let (scratch, draft) = draft(machine)?;
            for part in parts {
                match part {
                    Part::Copy { tree, from, to } => {
                        let view = LocalTree::of(&tree)?.view(&machine.session, machine.mapping)?;
                        crate::tree::copy(&draft, view.inside(), &view.originals()?, &from, &to)?;
                    }
                    Part::Files(files) => draft.add(&files)?,
                    _ => return Err(Error::new(ErrorKind::Unsupported, "cannot compose that part")),
                }
            }
            Ok(Tree::new(LocalTree::new(scratch)))
        })
        .await
    }

    async fn finalize(&self, layers: Vec<LayerSource>) -> Result<Vec<Layer>> {
        self.work(move |machine| finalize::layers(machine, layers)).await
    }

    async fn export(&self, plan: ImagePlan, outputs: &[ImageName]) -> Result<Vec<Exported>> {
        let outputs = outputs.to_vec();
        self.work(move |machine| export::images(machine, &plan, &outputs)).await
    }
}

/// A new directory that becomes a tree, and what makes it.
fn draft(machine: &Machine) -> Result<(Scratch, Draft)> {
    let scratch = machine.session.tree()?;
    let draft = Draft::new(scratch.create(tree::FILES)?, machine.owners())?;
    Ok((scratch, draft))
}

/// A step on a thread of its own. Dropping this ends the step, and waits until it is gone.
#[derive(Debug)]
struct Running {
    output: mpsc::Receiver<(Stream, Vec<u8>)>,
    cancel: Option<PipeWriter>,
    thread: Option<JoinHandle<Result<Option<StepOutput>>>>,
}

impl Running {
    fn start(machine: Arc<Machine>, step: Step) -> Result<Self> {
        let (cancelled, cancel) = std::io::pipe().map_err(|error| from_io("could not make a pipe", error))?;
        let (sender, output) = mpsc::channel(PENDING_OUTPUT);
        let thread = thread::Builder::new().spawn(move || {
            step::run(&machine, &step, &cancelled, &|stream, bytes| {
                // Nobody takes the output of a step that was cancelled.
                let _ = sender.blocking_send((stream, bytes.to_vec()));
            })
        });
        let thread = thread.map_err(|error| from_io("could not start a thread", error))?;
        Ok(Self { output, cancel: Some(cancel), thread: Some(thread) })
    }

    /// The outcome, once there is no more output.
    fn finish(mut self) -> Result<StepOutput> {
        let thread = self.thread.take().expect("it is taken here alone, or by drop after that");
        match thread.join() {
            Ok(Ok(Some(output))) => Ok(output),
            Ok(Ok(None)) => Err(Error::new(ErrorKind::Other, "the step was cancelled")),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::new(ErrorKind::Other, "the thread that ran the step panicked")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Output that waits to be taken would hold up the thread.
        self.output.close();
        self.cancel = None;
        if let Some(thread) = self.thread.take() {
            // It has ended because of us; there is nobody to tell how.
            let _ = thread.join();
        }
    }
}
