//! What every operation can be told beside what it does.

use crate::location::Location;
use crate::ops::ExportCache;
use crate::ops::OpMetadata;
use crate::ops::ProgressGroup;

/// The key of the description that progress shows instead of what the daemon would say.
pub(crate) const CUSTOM_NAME: &str = "llb.customname";

/// What every operation can be told beside what it does. All builders of operations have it.
///
/// Only [`require`](Self::require) changes the digest of an operation; the rest is metadata of a definition,
/// and when two operations are the same, the definition has the metadata of both.
///
/// ```
/// use cnb_llb::{Annotate as _, Exec, Image, SourceFile};
///
/// let file = SourceFile::new("build.toml", "run = 'make'\n").with_language("TOML");
/// let exec = Exec::new(["make"]).named("make everything").at(file.line(1)).ignore_cache();
/// let state = Image::new("alpine").state().run(exec).root();
/// ```
pub trait Annotate: Sized {
    /// Where it is kept.
    #[doc(hidden)]
    fn annotations(&mut self) -> &mut Annotations;

    /// What progress calls it: the description `llb.customname`.
    #[must_use]
    fn named(self, name: impl Into<String>) -> Self {
        self.described(CUSTOM_NAME, name)
    }

    /// Says something about it. The daemon passes it on to who watches the build.
    #[must_use]
    fn described(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations().metadata.description.insert(key.into(), value.into());
        self
    }

    /// It is done though its result may be known. On a command this also empties its cache mounts.
    #[must_use]
    fn ignore_cache(mut self) -> Self {
        self.annotations().metadata.ignore_cache = true;
        self
    }

    /// Says whether its result becomes part of an exported cache; the exporter decides if not said.
    #[must_use]
    fn export_cache(mut self, export: bool) -> Self {
        self.annotations().metadata.export_cache = Some(ExportCache { value: export });
        self
    }

    /// Progress shows it in this group.
    #[must_use]
    fn in_progress_group(mut self, group: ProgressGroup) -> Self {
        self.annotations().metadata.progress_group = Some(group);
        self
    }

    /// Only workers that match may do it: a filter as of containerd, for example `platform==linux/arm64`.
    #[must_use]
    fn require(mut self, filter: impl Into<String>) -> Self {
        self.annotations().filter.push(filter.into());
        self
    }

    /// Where somebody wrote it: errors show these lines. Several places are all kept.
    #[must_use]
    fn at(mut self, location: Location) -> Self {
        self.annotations().locations.push(location);
        self
    }
}

/// What [`Annotate`] collects.
#[derive(Clone, Debug, Default)]
pub struct Annotations {
    pub(crate) metadata: OpMetadata,
    /// `pb.WorkerConstraints`.
    pub(crate) filter: Vec<String>,
    pub(crate) locations: Vec<Location>,
}

impl Annotations {
    pub(crate) fn need(&mut self, capability: crate::Capability) {
        self.metadata.caps.insert(capability);
    }

    /// These and others; where both say something, the others hold.
    pub(crate) fn extend(&mut self, others: Self) {
        self.metadata.extend(others.metadata);
        self.filter.extend(others.filter);
        self.locations.extend(others.locations);
    }
}

impl OpMetadata {
    /// Adds what is said of the same operation in another place, as Go's client does; where both say
    /// something, that holds.
    pub(crate) fn extend(&mut self, others: Self) {
        self.ignore_cache |= others.ignore_cache;
        self.description.extend(others.description);
        self.export_cache = others.export_cache.or(self.export_cache.take());
        self.caps.extend(others.caps);
        self.progress_group = others.progress_group.or(self.progress_group.take());
        self.linux_resources = others.linux_resources.or(self.linux_resources.take());
    }
}

impl ProgressGroup {
    /// Operations with the same ID are one group, shown by this name.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), weak: false }
    }

    /// The group gives way when an operation is in another one too.
    #[must_use]
    pub fn weak(mut self) -> Self {
        self.weak = true;
        self
    }
}

/// Gives builders that have a field `annotations` the trait.
macro_rules! annotate {
    ($($builder:ident)*) => {$(
        impl $crate::Annotate for $builder {
            fn annotations(&mut self) -> &mut $crate::annotate::Annotations {
                &mut self.annotations
            }
        }
    )*};
}

pub(crate) use annotate;
