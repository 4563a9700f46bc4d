//! A backend in memory, for tests of what drives backends.
//!
//! Trees are maps of paths, images have names of the transport `memory`, programs are Rust values: a
//! [`Program`] that a file made by [`Memory::executable`] names. Nothing touches the machine, and time that a
//! program sleeps passes at once. Layers are not tars: a diffID is the SHA-256 of an encoding of its entries
//! that only this backend has, equal for equal entries and no others.
//!
//! ```
//! use async_trait::async_trait;
//! use cnb_core::backend::{Backend, ImageRequest, Step};
//! use cnb_core::event::NoEvents;
//! use cnb_core::memory::{Memory, Process, Program};
//! use futures_lite::future::block_on;
//!
//! #[derive(Debug)]
//! struct Count;
//!
//! #[async_trait]
//! impl Program for Count {
//!     async fn run(&self, process: &mut Process<'_>) -> i32 {
//!         i32::try_from(process.argv().len()).unwrap_or(i32::MAX)
//!     }
//! }
//!
//! let name = "memory:builder".parse()?;
//! let files = vec![Memory::executable("/bin/count", "count")];
//! let backend = Memory::new().with_program("count", Count).with_image(&name, files);
//! let image = block_on(backend.resolve(ImageRequest::new(name)))?;
//! let step = Step::new("count", image.root, ["/bin/count", "one", "two"]);
//! assert_eq!(block_on(backend.run(step, &NoEvents))?.exit_code, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use async_trait::async_trait;
use bytes::Bytes;

mod compose;
mod files;
mod image;
mod layer;
mod process;
mod run;
mod view;

pub use process::Process;
pub use process::Program;

use crate::backend::Backend;
use crate::backend::CacheId;
use crate::backend::Capabilities;
use crate::backend::Digested;
use crate::backend::Entry;
use crate::backend::Error;
use crate::backend::ErrorKind;
use crate::backend::Exported;
use crate::backend::File;
use crate::backend::Image;
use crate::backend::ImagePlan;
use crate::backend::ImageRequest;
use crate::backend::Layer;
use crate::backend::LayerSource;
use crate::backend::Part;
use crate::backend::Result;
use crate::backend::Source;
use crate::backend::Step;
use crate::backend::StepOutput;
use crate::backend::Tree;
use crate::backend::check_path;
use crate::event::EventSink;
use crate::image_name::ImageName;

use files::FileTree;
use image::Images;

/// What the content of an executable file starts with; the name of the program follows.
const MAGIC: &str = "memory program: ";

/// The backend. Clones share images and caches.
#[derive(Clone, Default)]
pub struct Memory {
    programs: BTreeMap<String, Arc<dyn Program>>,
    images: Arc<Mutex<Images>>,
    caches: Arc<Mutex<BTreeMap<CacheId, Cache>>>,
    shared_caches: Arc<Mutex<BTreeMap<CacheId, SharedCache>>>,
}

/// A step has it from its beginning to its end.
type Cache = Arc<async_lock::Mutex<FileTree>>;

/// A step has it while it reads or changes a file.
type SharedCache = Arc<Mutex<FileTree>>;

impl Memory {
    /// A backend without images and programs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a program, which files made by [`Self::executable`] run.
    #[must_use]
    pub fn with_program(mut self, name: impl Into<String>, program: impl Program + 'static) -> Self {
        self.programs.insert(name.into(), Arc::new(program));
        self
    }

    /// Adds an image for linux/amd64 with one layer of these files.
    #[must_use]
    pub fn with_image(self, name: &ImageName, files: Vec<File>) -> Self {
        self.images().insert_base(name, files);
        self
    }

    /// A file that runs the program of this name.
    pub fn executable(path: impl Into<String>, program: &str) -> File {
        File::regular(path, format!("{MAGIC}{program}\n")).with_mode(0o755)
    }

    fn images(&self) -> MutexGuard<'_, Images> {
        self.images.lock().expect("no holder of this lock panics")
    }

    fn cache(&self, id: &CacheId, empty: FileTree) -> Cache {
        let mut caches = self.caches.lock().expect("no holder of this lock panics");
        let cache = caches.entry(id.clone()).or_insert_with(|| Arc::new(async_lock::Mutex::new(empty)));
        Arc::clone(cache)
    }

    fn shared_cache(&self, id: &CacheId, empty: FileTree) -> SharedCache {
        let mut caches = self.shared_caches.lock().expect("no holder of this lock panics");
        let cache = caches.entry(id.clone()).or_insert_with(|| Arc::new(Mutex::new(empty)));
        Arc::clone(cache)
    }
}

#[async_trait]
impl Backend for Memory {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            archived_layers: false,
            joined_chains: false,
            load_directory: false,
            ..Capabilities::ALL
        }
    }

    async fn resolve(&self, request: ImageRequest) -> Result<Image> {
        self.images().resolve(&request)
    }

    async fn load(&self, source: Source) -> Result<Tree> {
        match source {
            Source::Directory { path, .. } => {
                Err(Error::new(ErrorKind::Unsupported, "the memory backend reads no directories")
                    .with("directory", path.display()))
            }
            Source::Context { name, .. } => {
                Err(Error::new(ErrorKind::Unsupported, "the memory backend has no contexts")
                    .with("name", name))
            }
            Source::Files(files) => compose::compose(vec![Part::Files(files)]).map(FileTree::into_tree),
            Source::Layer { diff_id, image } => {
                let layer = self.images().layer(&diff_id, image.as_ref())?;
                Ok(layer.onto(FileTree::default()).into_tree())
            }
        }
    }

    async fn run(&self, step: Step, events: &dyn EventSink) -> Result<StepOutput> {
        run::run(self, step, events).await
    }

    async fn read(&self, tree: &Tree, path: &str) -> Result<Bytes> {
        check_path(path)?;
        FileTree::of(tree)?.read(path).map_err(|error| files::because(error, path))
    }

    async fn list(&self, tree: &Tree, path: &str) -> Result<Vec<Entry>> {
        check_path(path)?;
        FileTree::of(tree)?.entries(path).map_err(|error| files::because(error, path))
    }

    async fn digests(&self, tree: &Tree) -> Result<Vec<Digested>> {
        Ok(FileTree::of(tree)?.digests())
    }

    async fn compose(&self, parts: Vec<Part>) -> Result<Tree> {
        compose::compose(parts).map(FileTree::into_tree)
    }

    async fn finalize(&self, layers: Vec<LayerSource>) -> Result<Vec<Layer>> {
        layers.into_iter().map(|source| layer::finalize(&mut self.images(), source)).collect()
    }

    async fn export(&self, plan: ImagePlan, outputs: &[ImageName]) -> Result<Vec<Exported>> {
        self.images().export(&plan, outputs)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("programs", &self.programs.keys()).finish_non_exhaustive()
    }
}
