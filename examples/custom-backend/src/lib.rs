#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use async_trait::async_trait;
use bytes::Bytes;
use cnb_core::backend::Backend;
use cnb_core::backend::CacheId;
use cnb_core::backend::Capabilities;
use cnb_core::backend::Entry;
use cnb_core::backend::Exported;
use cnb_core::backend::File;
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
use cnb_core::backend::User;
use cnb_core::event::EventSink;
use cnb_core::image_name::ImageName;

mod directory;
mod files;
mod job;
mod layers;
mod machine;
mod pool;
mod store;

use files::Files;
use pool::Pool;
use store::Store;

/// What a file holds that the machines can execute.
const PROGRAM: &str = "the probe of the conformance suite\n";

/// Builds on a pool of worker threads.
pub struct Workshop {
    pool: Pool,
    store: Mutex<Store>,
    caches: Mutex<BTreeMap<CacheId, Arc<async_lock::Mutex<Files>>>>,
}

impl Workshop {
    /// A workshop with so many workers: that many steps run at once.
    pub fn new(workers: usize) -> Self {
        Self { pool: Pool::new(workers), store: Mutex::default(), caches: Mutex::default() }
    }

    /// Puts in an image, under a name of the transport `workshop`.
    pub fn add_image(&self, name: &ImageName, files: Vec<File>) -> Result<()> {
        self.store().add_image(name, files)
    }

    /// The one program that the machines know.
    pub fn program(path: &str) -> File {
        File::regular(path, PROGRAM).with_mode(0o755)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().expect("no holder of this lock panics")
    }

    fn cache(&self, id: &CacheId, owner: User) -> Arc<async_lock::Mutex<Files>> {
        let mut caches = self.caches.lock().expect("no holder of this lock panics");
        let new = || Arc::new(async_lock::Mutex::new(Files::empty(owner)));
        Arc::clone(caches.entry(id.clone()).or_insert_with(new))
    }
}

#[async_trait]
impl Backend for Workshop {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::ALL;
        capabilities.archived_layers = false;
        capabilities.joined_chains = false;
        capabilities.digests = false;
        // Machines give caches back when they end.
        capabilities.shared_cache_mounts = false;
        capabilities
    }

    async fn resolve(&self, request: ImageRequest) -> Result<Image> {
        self.store().resolve(&request.name)
    }

    async fn load(&self, source: Source) -> Result<Tree> {
        match source {
            Source::Files(files) => Files::of(files).map(Tree::new),
            Source::Directory { path, filter, owner } => {
                Files::of(directory::files(&path, filter.as_deref(), owner)?).map(Tree::new)
            }
            Source::Layer { diff_id, .. } => Files::of(self.store().layer(&diff_id)?.to_vec()).map(Tree::new),
            other => Err(store::unsupported(&format!("{other:?}"))),
        }
    }

    async fn run(&self, step: Step, events: &dyn EventSink) -> Result<StepOutput> {
        job::run(self, step, events).await
    }

    async fn read(&self, tree: &Tree, path: &str) -> Result<Bytes> {
        Files::behind(tree)?.read(path)
    }

    async fn list(&self, tree: &Tree, path: &str) -> Result<Vec<Entry>> {
        Files::behind(tree)?.list(path)
    }

    async fn compose(&self, parts: Vec<Part>) -> Result<Tree> {
        let mut all = Files::empty(User::ROOT);
        for part in parts {
            match part {
                Part::Files(files) => files.into_iter().try_for_each(|file| all.add(file))?,
                Part::Copy { tree, from, to } => all.copy(Files::behind(&tree)?, &from, &to)?,
                other => return Err(store::unsupported(&format!("{other:?}"))),
            }
        }
        Ok(Tree::new(all))
    }

    async fn finalize(&self, sources: Vec<LayerSource>) -> Result<Vec<Layer>> {
        sources.into_iter().map(|source| layers::finalize(&mut self.store(), source)).collect()
    }

    async fn export(&self, plan: ImagePlan, outputs: &[ImageName]) -> Result<Vec<Exported>> {
        self.store().export(&plan, outputs)
    }
}

impl fmt::Debug for Workshop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workshop").finish_non_exhaustive()
    }
}
