//! A backend that passes everything on to another, but for one fault.

use std::fmt;
use std::future::Future;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use cnb_core::backend::Backend;
use cnb_core::backend::CacheId;
use cnb_core::backend::Capabilities;
use cnb_core::backend::Digested;
use cnb_core::backend::Entry;
use cnb_core::backend::EntryKind;
use cnb_core::backend::Error;
use cnb_core::backend::Exported;
use cnb_core::backend::File;
use cnb_core::backend::FileKind;
use cnb_core::backend::Image;
use cnb_core::backend::ImagePlan;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Layer;
use cnb_core::backend::LayerSource;
use cnb_core::backend::MountKind;
use cnb_core::backend::Part;
use cnb_core::backend::Result;
use cnb_core::backend::Source;
use cnb_core::backend::Step;
use cnb_core::backend::StepOutput;
use cnb_core::backend::Tree;
use cnb_core::backend::User;
use cnb_core::event::Event;
use cnb_core::event::EventSink;
use cnb_core::image_name::ImageName;
use cnb_core::memory::Memory;

use crate::handle::exchange;
use crate::handle::unwrap;
use crate::handle::unwrap_image;
use crate::handle::unwrap_layer;
use crate::handle::unwrap_mount;
use crate::handle::unwrap_part;
use crate::handle::unwrap_source;
use crate::handle::wrap;

/// What a backend may get wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    CachesAreShared,
    DropDoesNotCancel,
    EnvironmentIsInherited,
    ExitCodeIsSwallowed,
    HomeIsThatOfRoot,
    InputTreeIsWritten,
    ManifestDigestIsWrong,
    OldTagIsKept,
    OutputIsBuffered,
    OutputIsOwnedByRoot,
    ReadOnlyIsWritable,
    SecretIsInError,
    SecretIsInEvent,
    SharedCachesAreExclusive,
}

/// The wrapper.
pub(crate) struct Faulty {
    inner: Memory,
    fault: Option<Fault>,
    undead: Mutex<Vec<Running>>,
}

type Running = Pin<Box<dyn Future<Output = Result<StepOutput>> + Send>>;

impl Faulty {
    pub(crate) fn new(inner: Memory, fault: Option<Fault>) -> Self {
        Self { inner, fault, undead: Mutex::default() }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Does to a step what is wrong before it runs.
    fn spoil_step(&self, step: &mut Step) {
        if self.has(Fault::EnvironmentIsInherited) {
            step.env.insert(0, ("PATH".to_owned(), "/usr/bin:/bin".to_owned()));
        }
        if self.has(Fault::HomeIsThatOfRoot) {
            step.env.insert(0, ("HOME".to_owned(), "/root".to_owned()));
        }
        for mount in &mut step.mounts {
            match &mut mount.kind {
                MountKind::Cache(id) if self.has(Fault::CachesAreShared) => {
                    *id = CacheId::new("shared").expect("a plain word");
                }
                MountKind::SharedCache(id) if self.has(Fault::SharedCachesAreExclusive) => {
                    mount.kind = MountKind::Cache(id.clone());
                }
                MountKind::ReadOnly(tree) if self.has(Fault::ReadOnlyIsWritable) => {
                    mount.kind = MountKind::InOut(tree.clone());
                }
                _ => {}
            }
        }
    }

    /// Runs a step, and keeps it running when this future is dropped.
    async fn run_undead(&self, step: Step, events: &dyn EventSink) -> Result<StepOutput> {
        let relay = Relay::default();
        let (inner, sink) = (self.inner.clone(), relay.clone());
        let running: Running = Box::pin(async move { inner.run(step, &sink).await });
        let mut kept = Kept { running: Some(running), faulty: self };
        poll_fn(|context| {
            let running = kept.running.as_mut().expect("it is taken only when this is dropped");
            let polled = running.as_mut().poll(context);
            relay.pass_on(events);
            polled
        })
        .await
    }

    /// The tree with other owners.
    async fn owned_by_root(&self, tree: &Tree) -> Result<Tree> {
        let (mut files, mut directories) = (Vec::new(), vec![String::new()]);
        while let Some(directory) = directories.pop() {
            for Entry { name, kind, mode, .. } in self.inner.list(tree, &format!("{directory}/")).await? {
                let path = format!("{directory}/{name}");
                let kind = match kind {
                    EntryKind::Symlink(target) => FileKind::Symlink(target),
                    EntryKind::Directory => {
                        directories.push(path.clone());
                        FileKind::Directory
                    }
                    _ => FileKind::Regular(self.inner.read(tree, &path).await?),
                };
                files.push(File { path, kind, mode, owner: User::ROOT });
            }
        }
        self.inner.load(Source::Files(files)).await
    }
}

#[async_trait]
impl Backend for Faulty {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn resolve(&self, request: ImageRequest) -> Result<Image> {
        let image = self.inner.resolve(request).await?;
        Ok(Image::new(image.digest, image.config, wrap(image.root)))
    }

    async fn load(&self, source: Source) -> Result<Tree> {
        self.inner.load(unwrap_source(source)).await.map(wrap)
    }

    async fn run(&self, mut step: Step, events: &dyn EventSink) -> Result<StepOutput> {
        self.spoil_step(&mut step);
        let secret: String = step
            .secret_env
            .iter()
            .map(|(_, value)| String::from_utf8_lossy(value.expose().unwrap_or_default()))
            .collect();
        if self.has(Fault::SecretIsInEvent) {
            events.event(Event::Warning { message: format!("running with {secret}") });
        }
        let inputs = step.mounts.clone();
        step.root = unwrap(&step.root);
        step.mounts = step.mounts.into_iter().map(unwrap_mount).collect();
        let output = if self.has(Fault::DropDoesNotCancel) {
            self.run_undead(step, events).await
        } else if self.has(Fault::OutputIsBuffered) {
            let relay = Relay::default();
            let output = self.inner.run(step, &relay).await;
            relay.pass_on(events);
            output
        } else {
            self.inner.run(step, events).await
        };
        let mut output = output.map_err(|error| spoil_error(error, self.fault, &secret))?;
        for input in &inputs {
            if let (MountKind::InOut(tree), Some(new)) = (&input.kind, output.outputs.get(&input.target))
                && self.has(Fault::InputTreeIsWritten)
            {
                exchange(tree, new.clone());
            }
        }
        for tree in output.outputs.values_mut() {
            let left = if self.has(Fault::OutputIsOwnedByRoot) {
                self.owned_by_root(tree).await?
            } else {
                tree.clone()
            };
            *tree = wrap(left);
        }
        if self.has(Fault::ExitCodeIsSwallowed) {
            output.exit_code = 0;
        }
        Ok(output)
    }

    async fn read(&self, tree: &Tree, path: &str) -> Result<Bytes> {
        self.inner.read(&unwrap(tree), path).await
    }

    async fn list(&self, tree: &Tree, path: &str) -> Result<Vec<Entry>> {
        self.inner.list(&unwrap(tree), path).await
    }

    async fn digests(&self, tree: &Tree) -> Result<Vec<Digested>> {
        self.inner.digests(&unwrap(tree)).await
    }

    async fn compose(&self, parts: Vec<Part>) -> Result<Tree> {
        self.inner.compose(parts.into_iter().map(unwrap_part).collect()).await.map(wrap)
    }

    async fn finalize(&self, layers: Vec<LayerSource>) -> Result<Vec<Layer>> {
        self.inner.finalize(layers.into_iter().map(unwrap_layer).collect()).await
    }

    async fn export(&self, mut plan: ImagePlan, outputs: &[ImageName]) -> Result<Vec<Exported>> {
        plan.base = unwrap_image(plan.base);
        let mut all = Vec::new();
        for name in outputs {
            let exists = self.inner.resolve(ImageRequest::new(name.clone())).await.is_ok();
            let hidden = "memory:somewhere-else".parse().expect("a transport and a name");
            let place = if exists && self.has(Fault::OldTagIsKept) { &hidden } else { name };
            let exported = self.inner.export(plan.clone(), std::slice::from_ref(place)).await?;
            all.extend(exported.into_iter().map(|mut exported| {
                exported.output = name.clone();
                if self.has(Fault::ManifestDigestIsWrong) {
                    exported.digest = exported.image_id.clone();
                }
                exported
            }));
        }
        Ok(all)
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty")
            .field("inner", &self.inner)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

fn spoil_error(error: Error, fault: Option<Fault>, secret: &str) -> Error {
    if fault == Some(Fault::SecretIsInError) { error.with("environment", secret) } else { error }
}

/// A step that survives.
struct Kept<'a> {
    running: Option<Running>,
    faulty: &'a Faulty,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        let mut undead = self.faulty.undead.lock().expect("no holder panics");
        undead.extend(self.running.take());
    }
}

/// Keeps events until they are passed on.
#[derive(Clone, Debug, Default)]
struct Relay(Arc<Mutex<Vec<Event>>>);

impl Relay {
    fn pass_on(&self, events: &dyn EventSink) {
        let kept = mem::take(&mut *self.0.lock().expect("no holder panics"));
        for event in kept {
            events.event(event);
        }
    }
}

impl EventSink for Relay {
    fn event(&self, event: Event) {
        self.0.lock().expect("no holder panics").push(event);
    }
}
