//! A backend that remembers which layers it finished: each of them was hashed.

use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use cnb_core::backend::Backend;
use cnb_core::backend::Capabilities;
use cnb_core::backend::Digested;
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
use cnb_core::memory::Memory;

#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) memory: Memory,
    /// Whether it says that its chains have one container.
    pub(crate) joined: bool,
    finished: Mutex<Vec<String>>,
}

impl Counted {
    pub(crate) fn new(memory: Memory) -> Self {
        Self { memory, joined: false, finished: Mutex::default() }
    }

    /// The layers that were finished since this was asked last.
    pub(crate) fn finished(&self) -> Vec<String> {
        std::mem::take(&mut self.finished.lock().expect("no holder panics"))
    }
}

#[async_trait]
impl Backend for Counted {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.memory.capabilities();
        capabilities.joined_chains = self.joined;
        capabilities
    }

    async fn resolve(&self, request: ImageRequest) -> Result<Image> {
        self.memory.resolve(request).await
    }

    async fn load(&self, source: Source) -> Result<Tree> {
        self.memory.load(source).await
    }

    async fn run(&self, step: Step, events: &dyn EventSink) -> Result<StepOutput> {
        self.memory.run(step, events).await
    }

    async fn read(&self, tree: &Tree, path: &str) -> Result<Bytes> {
        self.memory.read(tree, path).await
    }

    async fn list(&self, tree: &Tree, path: &str) -> Result<Vec<Entry>> {
        self.memory.list(tree, path).await
    }

    async fn digests(&self, tree: &Tree) -> Result<Vec<Digested>> {
        self.memory.digests(tree).await
    }

    async fn compose(&self, parts: Vec<Part>) -> Result<Tree> {
        self.memory.compose(parts).await
    }

    async fn finalize(&self, layers: Vec<LayerSource>) -> Result<Vec<Layer>> {
        let ids = layers.iter().map(|layer| layer.id.clone());
        self.finished.lock().expect("no holder panics").extend(ids);
        self.memory.finalize(layers).await
    }

    async fn export(&self, plan: ImagePlan, outputs: &[ImageName]) -> Result<Vec<Exported>> {
        self.memory.export(plan, outputs).await
    }
}
