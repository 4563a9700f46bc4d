//! What a command finds in its root.

use crate::ops::CacheOpt;
use crate::ops::ContentCache;
use crate::ops::MountType;
use crate::ops::Sharing;
use crate::ops::TmpfsOpt;
use crate::ops::{self};
use crate::state::State;

/// A tree, a cache or memory in the container of a command.
#[derive(Clone, Debug)]
pub struct Mount {
    pub(super) state: State,
    /// All but the indexes of input and output.
    pub(super) message: ops::Mount,
    no_output: bool,
}

impl Mount {
    /// A tree at a directory. The command may change it: [`Run::output`](super::Run::output) is what it
    /// leaves there.
    pub fn bind(state: &State, dest: impl Into<String>) -> Self {
        let message = ops::Mount { dest: dest.into(), ..ops::Mount::default() };
        Self { state: state.clone(), message, no_output: false }
    }

    /// A directory that stays on the daemon from command to command, by an ID that all its clients share.
    ///
    /// It is no part of a result, and what is in it changes no cache key.
    pub fn cache(id: impl Into<String>, dest: impl Into<String>, sharing: Sharing) -> Self {
        let mut mount = Self::bind(&State::scratch(), dest);
        mount.message.mount_type = MountType::Cache;
        mount.message.cache_opt = Some(CacheOpt { id: id.into(), sharing });
        mount
    }

    /// A directory in memory, gone with the command.
    pub fn tmpfs(dest: impl Into<String>) -> Self {
        let mut mount = Self::bind(&State::scratch(), dest);
        mount.message.mount_type = MountType::Tmpfs;
        mount.message.tmpfs_opt = Some(TmpfsOpt::default());
        mount
    }

    /// What is first in a cache; other mounts stay as they are. It ties the cache to this very result: when
    /// that is made anew, the cache is empty.
    #[must_use]
    pub fn initial(mut self, state: &State) -> Self {
        if self.message.mount_type == MountType::Cache {
            self.state = state.clone();
        }
        self
    }

    /// Mounts what is at this path of the tree in place of all of it.
    #[must_use]
    pub fn selector(mut self, path: impl Into<String>) -> Self {
        self.message.selector = path.into();
        self
    }

    /// The command cannot change it.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.message.readonly = true;
        self
    }

    /// The command may change it, but what it leaves is thrown away.
    #[must_use]
    pub fn no_output(mut self) -> Self {
        self.no_output = true;
        self
    }

    /// Says whether what is in the tree, rather than how it was made, decides on reuse.
    #[must_use]
    pub fn content_cache(mut self, cache: ContentCache) -> Self {
        self.message.content_cache = cache;
        self
    }

    /// How many bytes fit into memory; the daemon decides if not said. Mounts other than [`tmpfs`](Self::tmpfs) have no
    /// size, and stay as they are.
    #[must_use]
    pub fn size(mut self, bytes: i64) -> Self {
        if let Some(tmpfs) = &mut self.message.tmpfs_opt {
            tmpfs.size = bytes;
        }
        self
    }

    /// Whether the command leaves a tree there.
    pub(super) fn has_output(&self) -> bool {
        self.message.mount_type == MountType::Bind && !self.no_output && !self.message.readonly
    }

    /// Whether the tree stays as it is.
    pub(super) fn keeps_tree(&self) -> bool {
        self.message.mount_type == MountType::Bind && self.message.readonly
    }
}
