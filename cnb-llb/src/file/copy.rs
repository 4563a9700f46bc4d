//! Copies of files.

use std::time::SystemTime;

use super::Owner;
use super::Prepared;
use super::path::absolute;
use super::path::destination;
use super::timestamp;
use crate::Capability;
use crate::ops::FileActionCopy;
use crate::state::State;

/// The mode of copies that keep the one of what they copy.
const KEEP: i32 = -1;

/// Where a [`Copy`](struct@Copy) takes files from: a [`State`], or what
/// [`FileOp::prepare`](super::FileOp::prepare) gives.
#[derive(Clone, Debug)]
pub struct CopySource(pub(super) Origin);

#[derive(Clone, Debug)]
pub(super) enum Origin {
    State(State),
    Prepared(Prepared),
}

impl From<&State> for CopySource {
    fn from(state: &State) -> Self {
        Self(Origin::State(state.clone()))
    }
}

impl From<State> for CopySource {
    fn from(state: State) -> Self {
        Self(Origin::State(state))
    }
}

impl From<&Prepared> for CopySource {
    fn from(prepared: &Prepared) -> Self {
        Self(Origin::Prepared(prepared.clone()))
    }
}

impl From<Prepared> for CopySource {
    fn from(prepared: Prepared) -> Self {
        Self(Origin::Prepared(prepared))
    }
}

/// A copy of a file or a directory of another tree.
#[derive(Clone, Debug)]
pub struct Copy {
    pub(super) source: CopySource,
    /// All but the owner, whose names an input has.
    message: FileActionCopy,
    owner: Option<Owner>,
}

impl Copy {
    /// From a path of a tree to a path of the one that is changed.
    ///
    /// If there is a directory at the destination, or its path ends with `/`, the copy gets its name in it.
    pub fn new(source: impl Into<CopySource>, path: impl AsRef<str>, dest: impl AsRef<str>) -> Self {
        let message = FileActionCopy {
            src: absolute(path.as_ref()),
            dest: destination(dest.as_ref()),
            mode: KEEP,
            timestamp: timestamp(None),
            ..FileActionCopy::default()
        };
        Self { source: source.into(), message, owner: None }
    }

    /// Who owns the copies; who owned the originals if not said.
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// The permissions of the copies, for example `0o644`; those of the originals if not said.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.message.mode_str.clear();
        self.message.mode = mode.cast_signed();
        self
    }

    /// Changes the permissions as chmod(1) would, for example `u+rwX,go-w`.
    #[must_use]
    pub fn symbolic_mode(mut self, change: impl Into<String>) -> Self {
        self.message.mode_str = change.into();
        self.message.mode = 0;
        self
    }

    /// When the copies were changed; when the originals were if not said.
    #[must_use]
    pub fn created(mut self, time: SystemTime) -> Self {
        self.message.timestamp = timestamp(Some(time));
        self
    }

    /// Copies what symbolic links in the source path point to.
    #[must_use]
    pub fn follow_symlinks(mut self) -> Self {
        self.message.follow_symlink = true;
        self
    }

    /// Copies what is in a directory, not the directory.
    #[must_use]
    pub fn contents_only(mut self) -> Self {
        self.message.dir_copy_contents = true;
        self
    }

    /// Unpacks archives, as Docker's `ADD` does.
    #[must_use]
    pub fn unpack(mut self) -> Self {
        self.message.attempt_unpack = true;
        self
    }

    /// Makes the directories of the destination.
    #[must_use]
    pub fn make_parents(mut self) -> Self {
        self.message.create_dest_path = true;
        self
    }

    /// The source path may have wildcards, as Go's `filepath.Match` knows them.
    #[must_use]
    pub fn wildcards(mut self) -> Self {
        self.message.allow_wildcard = true;
        self
    }

    /// The source path may have wildcards, which may match nothing.
    #[must_use]
    pub fn empty_wildcards(mut self) -> Self {
        self.message.allow_empty_wildcard = true;
        self.wildcards()
    }

    /// Copies only what a pattern matches. Several are added up.
    #[must_use]
    pub fn include(mut self, pattern: impl Into<String>) -> Self {
        self.message.include_patterns.push(pattern.into());
        self
    }

    /// Does not copy what a pattern matches. Several are added up.
    #[must_use]
    pub fn exclude(mut self, pattern: impl Into<String>) -> Self {
        self.message.exclude_patterns.push(pattern.into());
        self
    }

    /// Fails if this path was not copied, where patterns say what is.
    #[must_use]
    pub fn require_path(mut self, path: impl Into<String>) -> Self {
        self.message.required_paths.push(path.into());
        self
    }

    /// Replaces a file by a directory, and a directory by a file, in place of failing.
    #[must_use]
    pub fn replace_existing(mut self) -> Self {
        self.message.always_replace_existing_dest_paths = true;
        self
    }

    pub(super) fn to_message(&self, base: i64) -> FileActionCopy {
        let owner = self.owner.as_ref().map(|owner| owner.to_message(base));
        FileActionCopy { owner, ..self.message.clone() }
    }

    pub(super) fn capabilities(&self) -> impl Iterator<Item = Capability> {
        let message = &self.message;
        let has_patterns = !message.include_patterns.is_empty() || !message.exclude_patterns.is_empty();
        let needed = [
            (has_patterns, Capability::FILE_COPY_INCLUDE_EXCLUDE_PATTERNS),
            (!message.required_paths.is_empty(), Capability::FILE_COPY_REQUIRED_PATHS),
            (message.always_replace_existing_dest_paths, Capability::FILE_COPY_ALWAYS_REPLACE),
            (!message.mode_str.is_empty(), Capability::FILE_COPY_MODE_STRING),
        ];
        needed.into_iter().filter_map(|(is_needed, capability)| is_needed.then_some(capability))
    }
}
