//! Where builds keep what they know: one directory for each namespace.
//!
//! ```text
//! <root>/ns/<id>/namespace     what the id stands for, for people
//! <root>/ns/<id>/record.json   the record of the last build
//! ```

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::atomic;
use crate::lock::Lock;
use crate::namespace::Namespace;
use crate::record::NoRecord;
use crate::record::Record;

/// A directory of namespaces.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// A namespace that nobody else changes until this is dropped.
#[derive(Debug)]
pub struct Taken {
    directory: PathBuf,
    _lock: Lock,
}

impl Store {
    /// The store in `root`, which need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Waits until nobody else has the namespace, and takes it.
    ///
    /// # Errors
    /// When its directory cannot be made or locked.
    pub fn take(&self, namespace: &Namespace) -> Result<Taken, StoreError> {
        let directory = self.directory(namespace);
        let failed = |source| StoreError { path: directory.clone(), source };
        loop {
            fs::create_dir_all(&directory).map_err(failed)?;
            match Lock::wait(&directory) {
                Ok(lock) => {
                    atomic::write(&directory.join("namespace"), format!("{namespace}\n").as_bytes())
                        .map_err(failed)?;
                    return Ok(Taken { directory, _lock: lock });
                }
                // Somebody cleared the namespace meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Forgets everything about the namespace, when nobody else has it any more.
    ///
    /// # Errors
    /// When its directory cannot be removed.
    pub fn clear(&self, namespace: &Namespace) -> Result<(), StoreError> {
        let directory = self.directory(namespace);
        let failed = |source| StoreError { path: directory.clone(), source };
        match Lock::wait(&directory) {
            Ok(_lock) => atomic::remove_directory(&directory).map_err(failed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    fn directory(&self, namespace: &Namespace) -> PathBuf {
        self.root.join("ns").join(namespace.id().as_str())
    }
}

impl Taken {
    /// The directory of the namespace.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The record of the last build.
    ///
    /// # Errors
    /// When there is none that can be used.
    pub fn record(&self) -> Result<Record, NoRecord> {
        Record::read(&self.directory.join(RECORD))
    }

    /// Keeps the record of a build in place of the last one's.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_record(&self, record: &Record) -> Result<(), StoreError> {
        let path = self.directory.join(RECORD);
        record.write(&path).map_err(|source| StoreError { path, source })
    }
}

const RECORD: &str = "record.json";

/// A file or directory of the store cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {} of the cache", path.display())]
pub struct StoreError {
    path: PathBuf,
    source: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::namespace::Project;

    const CONFIG: &[u8] = br#"{"rootfs":{"diff_ids":[]}}"#;

    fn namespace(name: &str) -> Namespace {
        Namespace::new(Project::Name(name.to_owned()), "builder", "linux/amd64")
    }

    #[test]
    fn namespaces_have_records_of_their_own() {
        let root = tempfile::tempdir().expect("a directory");
        let store = Store::new(root.path().join("not/yet"));
        let (a, b) = (store.take(&namespace("a")).expect("a"), store.take(&namespace("b")).expect("b"));
        a.save_record(&Record::new(CONFIG).expect("a config")).expect("a record");
        assert_eq!(a.record().expect("a record").config(), CONFIG);
        assert_eq!(b.record(), Err(NoRecord::Missing));
        let text = fs::read_to_string(a.directory().join("namespace")).expect("a description");
        assert_eq!(text, format!("{}\n", namespace("a")));
        drop(a);
        store.clear(&namespace("a")).expect("cleared");
        store.clear(&namespace("a")).expect("cleared already");
        assert_eq!(store.take(&namespace("a")).expect("a").record(), Err(NoRecord::Missing));
    }

    #[test]
    fn builds_of_one_namespace_take_turns() {
        let root = tempfile::tempdir().expect("a directory");
        let store = Store::new(root.path());
        let taken = store.take(&namespace("a")).expect("a");
        let directory = taken.directory().to_owned();
        assert!(Lock::try_take(&directory).expect("a directory").is_none());
        let waiting =
            std::thread::spawn(move || store.take(&namespace("a")).map(|taken| taken.record().is_ok()));
        taken.save_record(&Record::new(CONFIG).expect("a config")).expect("a record");
        drop(taken);
        assert!(waiting.join().expect("no panic").expect("taken"), "the second sees what the first recorded");
    }
}
