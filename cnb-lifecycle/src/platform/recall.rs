//! Phases that read what they read before do not run: what they left then is used again.
//!
//! For backends that do not know by themselves what steps left: those that tell [digests](Backend::digests) and have layers
//! by their diffIDs. Files are not kept: of `<layers>` its documents, of layers their diffIDs. The blobs are the
//! backend's, and are there and whole or the phase runs.

use std::fmt;
use std::sync::Arc;

use cnb_cache::namespace::Namespace;
use cnb_cache::store::CacheStore;
use cnb_cache::store::NewEntry;
use cnb_cache::store::Writer;
use cnb_core::backend::Backend;
use cnb_core::backend::Layer;
use cnb_core::backend::LayerContent;
use cnb_core::backend::LayerSource;
use cnb_core::backend::Source;
use cnb_core::backend::Step;
use cnb_core::buildpack::group::Group;
use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use cnb_core::event::Event;
use cnb_core::event::EventSink;
use cnb_core::event::Reason;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::BuildRequest;
use super::analyze::Analysis;
use super::inputs::Inputs;
pub use super::inputs::Salt;
use super::phases::Detected;
use super::phases::SAVE_CACHE;
use super::phases::Trees;
use super::reader::Skeleton;
use crate::causes::with_causes;

/// Records of another form are none.
const VERSION: u32 = 1;
const DETECT: &str = "detect";
const BUILD: &str = "build";

/// Where a build finds what phases left before.
#[derive(Clone)]
#[non_exhaustive]
pub struct Records {
    /// Where they are kept.
    pub store: Arc<dyn CacheStore>,
    /// Of which builds.
    pub namespace: Namespace,
    /// Random bytes for a new record.
    pub salt: Salt,
}

impl Records {
    /// Records of a namespace. Whoever builds has the randomness for the salt.
    pub fn new(store: Arc<dyn CacheStore>, namespace: Namespace, salt: Salt) -> Self {
        Self { store, namespace, salt }
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("namespace", &self.namespace.to_string()).finish_non_exhaustive()
    }
}

/// What the phases of a build left before.
#[derive(Debug)]
pub(super) struct Recall<'a> {
    backend: &'a dyn Backend,
    events: &'a dyn EventSink,
    request: &'a BuildRequest,
    analysis: &'a Analysis,
    records: &'a Records,
}

/// What a phase reads, and what it left when it read that before.
#[derive(Debug)]
pub(super) struct Recalled<T> {
    pub(super) inputs: Option<Inputs>,
    pub(super) left: Option<T>,
}

/// What the buildpacks left, as a record has it.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct BuildLeft {
    /// Of `<layers>`, what an export reads.
    pub(super) layers: Skeleton,
    /// Of the application, what an export reads.
    pub(super) app: Skeleton,
    /// The layers of the image on top of its base, lowest first.
    pub(super) made: Vec<Made>,
    /// What the next build finds as its previous image: see [`Inputs::previous`].
    pub(super) previous: Digest,
}

/// A layer that was made.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Made {
    pub(super) id: String,
    pub(super) diff_id: DiffId,
}

/// What the buildpacks left before: as trees what an export reads, and the layers.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) trees: Trees,
    pub(super) layers: Vec<Layer>,
}

#[derive(Debug, Deserialize, Serialize)]
struct DetectLeft {
    group: String,
    plan: String,
}

#[derive(Deserialize, Serialize)]
struct Record<T> {
    version: u32,
    inputs: Inputs,
    left: T,
}

impl<'a> Recall<'a> {
    /// Nothing when there are no records, or the backend does it itself.
    pub(super) fn new(
        backend: &'a dyn Backend,
        request: &'a BuildRequest,
        events: &'a dyn EventSink,
        analysis: &'a Analysis,
    ) -> Option<Self> {
        let capabilities = backend.capabilities();
        let records = request.records.as_ref()?;
        (capabilities.digests && capabilities.existing_layers).then_some(Self {
            backend,
            events,
            request,
            analysis,
            records,
        })
    }

    /// What the detector found out when it read what it would read now.
    pub(super) async fn detect(&self, step: &Step) -> Recalled<Detected> {
        let record = self.read::<DetectLeft>(DETECT);
        let Some(inputs) = self.inputs(&[step], record.as_ref()).await else { return Recalled::nothing() };
        let (left, mut because) = self.compare(record, &inputs, |_| None);
        let detected = left.and_then(|left| {
            Some(Detected { group: Group::read("group.toml".as_ref(), &left.group).ok()?, plan: left.plan })
        });
        if detected.is_none() && because.is_empty() {
            because.push(Reason::NoRecord);
        }
        self.decided(DETECT, because);
        Recalled { inputs: Some(inputs), left: detected }
    }

    /// What the buildpacks left when restorer, builder and what comes after them read what they would read now.
    pub(super) async fn build(&self, steps: &[Step]) -> Recalled<Recorded> {
        let record = self.read::<BuildLeft>(BUILD);
        // Keeping layers for the next build changes nothing in this one.
        let steps: Vec<&Step> = steps.iter().filter(|step| step.name != SAVE_CACHE).collect();
        let Some(inputs) = self.inputs(&steps, record.as_ref()).await else { return Recalled::nothing() };
        let inputs = inputs.with_previous(&self.analysis.previous.metadata);
        let (left, mut because) = self.compare(record, &inputs, |left| Some(&left.previous));
        let mut recorded = None;
        if let Some(left) = left {
            match self.recorded(&left).await {
                Ok(found) => recorded = Some(found),
                Err(error) => because.push(Reason::Lost { what: with_causes(&error) }),
            }
        }
        self.decided(BUILD, because);
        Recalled { inputs: Some(inputs), left: recorded }
    }

    /// Keeps what the detector found out.
    pub(super) fn keep_detected(&self, inputs: Option<Inputs>, detected: &Detected) {
        let left = DetectLeft { group: detected.group.to_toml(), plan: detected.plan.clone() };
        self.write(DETECT, inputs, left);
    }

    /// Keeps what the buildpacks left.
    pub(super) fn keep_built(&self, inputs: Inputs, left: BuildLeft) {
        self.write(BUILD, Some(inputs), left);
    }

    /// What steps read, with the salt of the record that it is to be compared with.
    async fn inputs<T>(&self, steps: &[&Step], record: Option<&Record<T>>) -> Option<Inputs> {
        let salt = record.map_or(self.records.salt, |record| record.inputs.salt());
        match Inputs::of(self.backend, self.analysis, steps, salt).await {
            Ok(inputs) => Some(inputs),
            // Files whose names no record can have.
            Err(error) => {
                tracing::debug!(error = %with_causes(&error), "phases run, as it is not known what they read");
                None
            }
        }
    }

    fn compare<T>(
        &self,
        record: Option<Record<T>>,
        inputs: &Inputs,
        made: impl Fn(&T) -> Option<&Digest>,
    ) -> (Option<T>, Vec<Reason>) {
        let Some(Record { inputs: earlier, left, .. }) = record else {
            return (None, vec![Reason::NoRecord]);
        };
        let mut because = inputs.changes(&earlier, made(&left));
        if because.is_empty() && (self.request.skip_layers || self.request.run_all) {
            because.push(Reason::Asked);
        }
        let left = because.is_empty().then_some(left);
        (left, because)
    }

    /// Checks that everything is there and whole. What the previous build has was checked with it.
    async fn recorded(&self, left: &BuildLeft) -> cnb_core::backend::Result<Recorded> {
        let previous = &self.analysis.previous;
        let existing = |made: &Made| {
            let content =
                LayerContent::Existing { diff_id: made.diff_id.clone(), image: previous.image.clone() };
            LayerSource::new(made.id.clone(), content)
        };
        let unchecked = left.made.iter().filter(|made| previous.layer(&made.diff_id).is_none());
        let mut checked = self.backend.finalize(unchecked.map(existing).collect()).await?.into_iter();
        let layer = |made: &Made| match previous.layer(&made.diff_id) {
            Some(layer) => {
                let mut layer = layer.clone();
                layer.id.clone_from(&made.id);
                layer
            }
            None => checked.next().expect("a backend finishes every layer it was given"),
        };
        let layers = left.made.iter().map(layer).collect();
        let app = self.backend.load(Source::Files(left.app.files())).await?;
        let trees = Trees { app, layers: self.backend.load(Source::Files(left.layers.files())).await? };
        Ok(Recorded { trees, layers })
    }

    fn decided(&self, phase: &str, because: Vec<Reason>) {
        let reused = because.is_empty();
        self.events.event(Event::Decided { phase: phase.to_owned(), reused, because });
    }

    fn read<T: DeserializeOwned>(&self, phase: &str) -> Option<Record<T>> {
        let (store, id) = (&self.records.store, self.records.namespace.id());
        let bytes = store
            .entry(&id, &key(phase))
            .and_then(|entry| entry.map(|entry| store.bytes(&id, &entry)).transpose());
        match bytes {
            Ok(bytes) => {
                let record: Record<T> = serde_json::from_slice(&bytes?).ok()?;
                (record.version == VERSION).then_some(record)
            }
            Err(error) => {
                self.warn(format!("the record of the {phase} phase cannot be used: {}", with_causes(&error)));
                None
            }
        }
    }

    fn write<T: Serialize>(&self, phase: &str, inputs: Option<Inputs>, left: T) {
        let Some(inputs) = inputs.filter(|_| !self.request.cache_read_only) else { return };
        let record = Record { version: VERSION, inputs, left };
        let bytes = serde_json::to_vec(&record).expect("a record is JSON");
        let namespace = &self.records.namespace;
        let writer = Writer::new(namespace).with_builder(self.analysis.builder.image.digest.clone());
        let entry = NewEntry::new(key(phase), writer);
        if let Err(error) = self.records.store.put(namespace, entry, &mut bytes.as_slice()) {
            self.warn(format!("the {phase} phase cannot be recorded: {}", with_causes(&error)));
        }
    }

    fn warn(&self, message: String) {
        self.events.event(Event::Warning { message });
    }
}

impl<T> Recalled<T> {
    /// It is not known what the phase reads.
    pub(super) fn nothing() -> Self {
        Self { inputs: None, left: None }
    }
}

fn key(phase: &str) -> String {
    format!("phase:{phase}")
}
