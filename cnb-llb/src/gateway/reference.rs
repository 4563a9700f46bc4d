//! Results of solves, and their files.

use std::fmt;

use super::ContainerRequest;
use super::Gateway;
use crate::errdefs::BuildError;
use crate::mode;
use crate::pb::frontend;
use crate::pb::fsutil::Stat;

/// How much of a file to ask for at once, in bytes: below the limit of messages.
const PIECE: u64 = 8 << 20;

/// What BuildKit 0.34 says in place of the error of a command, once another one of the same frontend failed with one of the
/// same inputs. Source: `registerResultIDsLocked` in `frontend/gateway/gateway.go`, which releases an input that it has
/// already, and then again as what the command left there.
const LOST: &str = "releasing already released reference";

/// The result of a solve: a tree of files. Lazy: work is done when a file is needed.
#[derive(Clone)]
pub struct Reference {
    gateway: Gateway,
    message: frontend::Ref,
}

/// A file of a [`Reference`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name in a list, its path otherwise.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its permissions, with the set-user-ID, set-group-ID and sticky bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed, in nanoseconds since 1970.
    pub modified: i64,
    /// Where a link leads to.
    pub target: String,
}

/// What a file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, a pipe or a socket.
    Other,
}

impl Reference {
    pub(super) fn new(gateway: Gateway, message: frontend::Ref) -> Self {
        Self { gateway, message }
    }

    /// What BuildKit calls it, for mounts of containers.
    pub fn id(&self) -> &str {
        &self.message.id
    }

    pub(super) fn into_message(self) -> frontend::Ref {
        self.message
    }

    /// The bytes of a file, however many.
    ///
    /// # Errors
    /// Those of every call about files here: of the work, when it has not been done yet and fails, and for paths that are not
    /// there or something else. BuildKit says the latter in words alone, with the code
    /// [`Unknown`](crate::errdefs::Code::Unknown): `no such file or directory`, `is a directory`.
    pub async fn read_file(&self, path: &str) -> Result<Vec<u8>, BuildError> {
        let mut data = Vec::new();
        loop {
            let piece = self.read_range(path, data.len() as u64, PIECE).await?;
            let is_last = (piece.len() as u64) < PIECE;
            data.extend(piece);
            if is_last {
                return Ok(data);
            }
        }
    }

    /// Bytes of a file from an offset on, both in bytes: as many as asked for unless the file ends before.
    ///
    /// # Errors
    /// Those of [`read_file`](Self::read_file), and when more than 16 MiB are asked for, which do not fit into an answer.
    pub async fn read_range(&self, path: &str, offset: u64, length: u64) -> Result<Vec<u8>, BuildError> {
        let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
        let request = frontend::ReadFileRequest {
            r#ref: self.message.id.clone(),
            file_path: path.to_owned(),
            range: Some(frontend::FileRange { offset: number(offset), length: number(length) }),
            mount_index: 0,
        };
        Ok(self.gateway.bridge().read_file(request).await?.into_inner().data)
    }

    /// What is in a directory, by name.
    ///
    /// # Errors
    /// Those of [`read_file`](Self::read_file).
    pub async fn read_dir(&self, path: &str) -> Result<Vec<Entry>, BuildError> {
        self.read_dir_like(path, "").await
    }

    /// What is in a directory and matches a pattern of Go's `filepath.Match`, by name.
    ///
    /// # Errors
    /// Those of [`read_file`](Self::read_file), and for a pattern that is none.
    pub async fn read_dir_like(&self, path: &str, pattern: &str) -> Result<Vec<Entry>, BuildError> {
        let request = frontend::ReadDirRequest {
            r#ref: self.message.id.clone(),
            dir_path: path.to_owned(),
            include_pattern: pattern.to_owned(),
            mount_index: 0,
        };
        let entries = self.gateway.bridge().read_dir(request).await?.into_inner().entries;
        Ok(entries.into_iter().map(Entry::from).collect())
    }

    /// What a file is. Links are followed, within the result.
    ///
    /// # Errors
    /// Those of [`read_file`](Self::read_file).
    pub async fn stat(&self, path: &str) -> Result<Entry, BuildError> {
        let id = self.message.id.clone();
        let request = frontend::StatFileRequest { r#ref: id, path: path.to_owned(), mount_index: 0 };
        let response = self.gateway.bridge().stat_file(request).await?.into_inner();
        Ok(response.stat.unwrap_or_default().into())
    }

    /// Does the work now.
    ///
    /// # Errors
    /// That of the work: of a command that failed with its [vertex](BuildError::vertex), its
    /// [exit code](BuildError::exit_code) and the [places](BuildError::sources) that the graph says it comes from.
    pub async fn evaluate(&self) -> Result<(), BuildError> {
        match self.try_evaluate().await {
            Err(error) if error.message().contains(LOST) => Err(self.lost_error().await.unwrap_or(error)),
            done => done,
        }
    }

    /// The error that the work ended with, from a call that does not look for inputs. No work is done for it.
    async fn lost_error(&self) -> Option<BuildError> {
        let request = ContainerRequest::new(format!("lost-{}", self.id()), self);
        match self.gateway.container(request).await {
            Ok(container) => container.release().await.err(),
            Err(error) => Some(error),
        }
    }

    async fn try_evaluate(&self) -> Result<(), BuildError> {
        if !self.gateway.capabilities().has("gateway.evaluate") {
            return self.stat(".").await.map(drop);
        }
        let request = frontend::EvaluateRequest { r#ref: self.message.id.clone() };
        self.gateway.bridge().evaluate(request).await?;
        Ok(())
    }
}

impl From<Stat> for Entry {
    fn from(stat: Stat) -> Self {
        let kind = match stat.mode & mode::KIND {
            0 => EntryKind::File,
            mode::DIRECTORY => EntryKind::Directory,
            mode::SYMLINK => EntryKind::Symlink,
            _ => EntryKind::Other,
        };
        Self {
            path: stat.path,
            kind,
            mode: mode::to_unix(stat.mode),
            uid: stat.uid,
            gid: stat.gid,
            size: u64::try_from(stat.size).unwrap_or_default(),
            modified: stat.mod_time,
            target: stat.linkname,
        }
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Reference").field(&self.message.id).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_of_go_are_those_of_unix() {
        let device = mode::DEVICE | mode::CHARACTERS;
        for (go, kind, unix) in [
            (0o640, EntryKind::File, 0o640),
            (1 << 23 | 1 << 22 | 0o755, EntryKind::File, 0o6755),
            (mode::DIRECTORY | 1 << 20 | 0o777, EntryKind::Directory, 0o1777),
            (mode::SYMLINK | 0o777, EntryKind::Symlink, 0o777),
            (device | 0o600, EntryKind::Other, 0o600),
            (mode::NAMED_PIPE | 0o600, EntryKind::Other, 0o600),
        ] {
            let entry = Entry::from(Stat { mode: go, ..Stat::default() });
            assert_eq!((entry.kind, entry.mode), (kind, unix), "{go:o}");
        }
    }
}
