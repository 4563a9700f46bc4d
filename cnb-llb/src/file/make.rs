//! New files, directories and links, and what is removed.

use std::time::SystemTime;

use super::Owner;
use super::path::absolute;
use super::timestamp;
use crate::ops::FileActionMkDir;
use crate::ops::FileActionMkFile;
use crate::ops::FileActionRm;
use crate::ops::FileActionSymlink;

/// The permissions that files and directories can be made with.
const PERMISSIONS: u32 = 0o777;

/// A file to make. Its directory must exist.
#[derive(Clone, Debug)]
pub struct MakeFile {
    path: String,
    mode: i32,
    contents: Vec<u8>,
    owner: Option<Owner>,
    created: Option<SystemTime>,
}

impl MakeFile {
    /// A file with these permission bits, for example `0o644`. The bits above those, as that for set-user-ID, are left out:
    /// BuildKit makes no such files.
    pub fn new(path: impl AsRef<str>, mode: u32, contents: impl Into<Vec<u8>>) -> Self {
        let (path, mode) = (absolute(path.as_ref()), permissions(mode));
        Self { path, mode, contents: contents.into(), owner: None, created: None }
    }

    /// Who owns it; root if not said.
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// When it was changed; the time of the build if not said.
    #[must_use]
    pub fn created(mut self, time: SystemTime) -> Self {
        self.created = Some(time);
        self
    }

    pub(super) fn to_message(&self, base: i64) -> FileActionMkFile {
        FileActionMkFile {
            path: self.path.clone(),
            mode: self.mode,
            data: self.contents.clone(),
            owner: self.owner.as_ref().map(|owner| owner.to_message(base)),
            timestamp: timestamp(self.created),
        }
    }
}

/// A directory to make.
#[derive(Clone, Debug)]
pub struct MakeDir {
    path: String,
    mode: i32,
    parents: bool,
    owner: Option<Owner>,
    created: Option<SystemTime>,
}

impl MakeDir {
    /// A directory with these permission bits, for example `0o755`. The bits above those, as the sticky one, are left out:
    /// BuildKit makes no such directories.
    pub fn new(path: impl AsRef<str>, mode: u32) -> Self {
        let (path, mode) = (absolute(path.as_ref()), permissions(mode));
        Self { path, mode, parents: false, owner: None, created: None }
    }

    /// Makes the directories above it too, and does not mind if it exists.
    #[must_use]
    pub fn parents(mut self) -> Self {
        self.parents = true;
        self
    }

    /// Who owns it; root if not said.
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// When it was changed; the time of the build if not said.
    #[must_use]
    pub fn created(mut self, time: SystemTime) -> Self {
        self.created = Some(time);
        self
    }

    pub(super) fn to_message(&self, base: i64) -> FileActionMkDir {
        FileActionMkDir {
            path: self.path.clone(),
            mode: self.mode,
            make_parents: self.parents,
            owner: self.owner.as_ref().map(|owner| owner.to_message(base)),
            timestamp: timestamp(self.created),
        }
    }
}

/// A symbolic link to make.
#[derive(Clone, Debug)]
pub struct Symlink {
    target: String,
    path: String,
    owner: Option<Owner>,
    created: Option<SystemTime>,
}

impl Symlink {
    /// A link at a path, with this text as its target.
    pub fn new(target: impl Into<String>, path: impl Into<String>) -> Self {
        Self { target: target.into(), path: path.into(), owner: None, created: None }
    }

    /// Who owns it; root if not said.
    #[must_use]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// When it was changed; the time of the build if not said.
    #[must_use]
    pub fn created(mut self, time: SystemTime) -> Self {
        self.created = Some(time);
        self
    }

    pub(super) fn to_message(&self, base: i64) -> FileActionSymlink {
        FileActionSymlink {
            oldpath: self.target.clone(),
            newpath: self.path.clone(),
            owner: self.owner.as_ref().map(|owner| owner.to_message(base)),
            timestamp: timestamp(self.created),
        }
    }
}

/// A file or a directory, with all that is in it, to remove.
#[derive(Clone, Debug)]
pub struct Remove {
    path: String,
    allow_missing: bool,
    pub(super) wildcards: bool,
}

impl Remove {
    /// What is at this path.
    pub fn new(path: impl AsRef<str>) -> Self {
        Self { path: absolute(path.as_ref()), allow_missing: false, wildcards: false }
    }

    /// Does not mind if nothing is there.
    #[must_use]
    pub fn allow_missing(mut self) -> Self {
        self.allow_missing = true;
        self
    }

    /// The path may have wildcards, as Go's `filepath.Match` knows them.
    #[must_use]
    pub fn wildcards(mut self) -> Self {
        self.wildcards = true;
        self
    }

    pub(super) fn to_message(&self) -> FileActionRm {
        FileActionRm {
            path: self.path.clone(),
            allow_not_found: self.allow_missing,
            allow_wildcard: self.wildcards,
        }
    }
}

fn permissions(mode: u32) -> i32 {
    i32::try_from(mode & PERMISSIONS).expect("the mask leaves nine bits")
}
