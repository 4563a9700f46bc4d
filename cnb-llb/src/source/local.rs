//! Directories of a client.

use super::Source;
use super::annotate;
use super::json_array;
use crate::Capability;
use crate::state::State;

const SESSION: &str = "local.session";
const UNIQUE: &str = "local.unique";

/// A directory that the client of the build sends.
///
/// Say the [`session`](Self::session) that has it, or make it [`unique`](Self::unique): directories of the
/// same name are the same operation otherwise, also when two clients build at the same time.
#[derive(Clone, Debug)]
pub struct Local {
    source: Source,
}

annotate!(Local);

/// How the client finds what it need not send again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Differ {
    /// It does not: everything is sent.
    None,
    /// By name, size, time and the like. The default.
    Metadata,
}

impl Local {
    /// The directory that the client calls by this name, for example `context`.
    pub fn new(name: impl AsRef<str>) -> Self {
        let identifier = format!("local://{}", name.as_ref());
        Self { source: Source::new(identifier, Capability::SOURCE_LOCAL) }
    }

    /// The session of the client that has it; the solve's own if not said.
    #[must_use]
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.source.attrs.remove(UNIQUE);
        self.source.annotations.metadata.caps.remove(&Capability::SOURCE_LOCAL_UNIQUE);
        self.source.set_needed(SESSION, id, Capability::SOURCE_LOCAL_SESSION_ID);
        self
    }

    /// An ID that tells it apart from directories of the same name. What says its session does not need one.
    #[must_use]
    pub fn unique(mut self, id: impl Into<String>) -> Self {
        if !self.source.attrs.contains_key(SESSION) {
            self.source.set_needed(UNIQUE, id, Capability::SOURCE_LOCAL_UNIQUE);
        }
        self
    }

    /// Only what these patterns match, which are those of `.dockerignore` files; everything if there are none. A later call
    /// takes the place of an earlier one.
    #[must_use]
    pub fn include(self, patterns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.patterns("local.includepattern", patterns, Capability::SOURCE_LOCAL_INCLUDE_PATTERNS)
    }

    /// Without what these patterns match, of which the last one decides. A later call takes the place of an earlier one.
    #[must_use]
    pub fn exclude(self, patterns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.patterns("local.excludepatterns", patterns, Capability::SOURCE_LOCAL_EXCLUDE_PATTERNS)
    }

    /// Only these paths, and what symbolic links on the way to them point to. A later call takes the place of an earlier
    /// one.
    #[must_use]
    pub fn follow(self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.patterns("local.followpaths", paths, Capability::SOURCE_LOCAL_FOLLOW_PATHS)
    }

    /// Directories with the same hint share what was sent before.
    #[must_use]
    pub fn shared_key_hint(mut self, hint: impl Into<String>) -> Self {
        self.source.set_needed("local.sharedkeyhint", hint, Capability::SOURCE_LOCAL_SHARED_KEY_HINT);
        self
    }

    /// How the client finds what it need not send again. A daemon that does not know it does what it always
    /// did.
    #[must_use]
    pub fn differ(mut self, differ: Differ) -> Self {
        let value = match differ {
            Differ::None => "none",
            Differ::Metadata => "metadata",
        };
        self.source.set("local.differ", value);
        self
    }

    /// How the client finds what it need not send again. A daemon that does not know it refuses.
    #[must_use]
    pub fn required_differ(mut self, differ: Differ) -> Self {
        self = self.differ(differ);
        self.source.annotations.need(Capability::SOURCE_LOCAL_DIFFER);
        self
    }

    /// Sends what files are like, but not what is in them, except where these patterns match.
    #[must_use]
    pub fn metadata_only(mut self, exceptions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let capability = Capability::SOURCE_LOCAL_METADATA_TRANSFER;
        self.source.set("local.metadatatransfer", "true");
        self.patterns("local.metadatatransferexclude", exceptions, capability.clone()).need(capability)
    }

    /// Its files.
    pub fn state(self) -> State {
        self.source.state()
    }

    fn patterns(
        mut self,
        attribute: &str,
        patterns: impl IntoIterator<Item = impl Into<String>>,
        capability: Capability,
    ) -> Self {
        let patterns: Vec<String> = patterns.into_iter().map(Into::into).collect();
        if patterns.is_empty() {
            return self;
        }
        self.source.set_needed(attribute, json_array(&patterns), capability);
        self
    }

    fn need(mut self, capability: Capability) -> Self {
        self.source.annotations.need(capability);
        self
    }
}
