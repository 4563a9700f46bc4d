//! Trees that are read, and what was read of them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Bytes;
use cnb_core::backend::Backend;
use cnb_core::backend::Entry;
use cnb_core::backend::EntryKind;
use cnb_core::backend::File;
use cnb_core::backend::Result;
use cnb_core::backend::Tree;
use serde::Deserialize;
use serde::Serialize;

/// A tree, and what was listed and read of it.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    backend: &'a dyn Backend,
    tree: &'a Tree,
    seen: Mutex<BTreeMap<String, Seen>>,
}

/// As much of a tree as was looked at: who lists and reads the same of [its files](Self::files) finds the same.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Skeleton(BTreeMap<String, Seen>);

/// What is at a path.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Seen {
    Directory,
    /// A file that nobody read, or something that is no file.
    File,
    Link(String),
    /// A file that was read. All of them are documents, so text.
    Text(String),
}

impl<'a> Reader<'a> {
    /// A tree of which nothing was read yet.
    pub(super) fn new(backend: &'a dyn Backend, tree: &'a Tree) -> Self {
        Self { backend, tree, seen: Mutex::default() }
    }

    /// As [`Backend::list`].
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Entry>> {
        let entries = self.backend.list(self.tree, path).await?;
        self.remember(path, Seen::Directory);
        for entry in &entries {
            let seen = match &entry.kind {
                EntryKind::Directory => Seen::Directory,
                EntryKind::Symlink(target) => Seen::Link(target.clone()),
                _ => Seen::File,
            };
            self.remember(&format!("{}/{}", path.trim_end_matches('/'), entry.name), seen);
        }
        Ok(entries)
    }

    /// As [`Backend::read`].
    pub(super) async fn read(&self, path: &str) -> Result<Bytes> {
        let content = self.backend.read(self.tree, path).await?;
        self.remember(path, Seen::Text(String::from_utf8_lossy(&content).into_owned()));
        Ok(content)
    }

    /// What was looked at.
    pub(super) fn skeleton(self) -> Skeleton {
        Skeleton(self.seen.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn remember(&self, path: &str, seen: Seen) {
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(path) {
            Some(Seen::Text(_)) => {}
            _ => drop(all.insert(path.to_owned(), seen)),
        }
    }
}

impl Skeleton {
    /// The files, those that were not read without content.
    pub(super) fn files(&self) -> Vec<File> {
        let file = |(path, seen): (&String, &Seen)| match seen {
            Seen::Directory => File::directory(path),
            Seen::File => File::regular(path, ""),
            Seen::Link(target) => File::symlink(path, target),
            Seen::Text(text) => File::regular(path, text.clone()),
        };
        self.0.iter().map(file).collect()
    }
}

#[cfg(test)]
mod tests {
    use cnb_core::backend::Source;
    use cnb_core::memory::Memory;
    use futures_lite::future::block_on;

    use super::*;

    #[test]
    fn what_was_read_can_be_read_again() {
        block_on(async {
            let backend = Memory::new();
            let files = vec![
                File::regular("/d/a.toml", "a = 1"),
                File::regular("/d/b.bin", "large"),
                File::symlink("/d/c.toml", "a.toml"),
                File::directory("/d/e"),
                File::regular("/other", "nobody looks"),
            ];
            let tree = backend.load(Source::Files(files)).await.expect("files");
            let reader = Reader::new(&backend, &tree);
            reader.read("/d/c.toml").await.expect("a link to a file");
            let listed = reader.list("/d").await.expect("a directory");
            assert!(reader.list("/none").await.is_err());
            let skeleton = serde_json::to_string(&reader.skeleton()).expect("JSON");
            assert!(!skeleton.contains("large") && !skeleton.contains("other"), "{skeleton}");

            let skeleton: Skeleton = serde_json::from_str(&skeleton).expect("a skeleton");
            let again = backend.load(Source::Files(skeleton.files())).await.expect("files");
            assert_eq!(&backend.read(&again, "/d/c.toml").await.expect("a document")[..], b"a = 1");
            let names =
                |entries: &[Entry]| entries.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>();
            assert_eq!(names(&backend.list(&again, "/d").await.expect("a directory")), names(&listed));
        });
    }
}
