//! A cache of a test.

use std::fs;
use std::fs::File;
use std::fs::FileTimes;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::UNIX_EPOCH;

pub(crate) use crate::directory::Place;
pub(crate) use crate::done::Done;
use crate::done::run;
use cnb_cache::namespace::Namespace;
use cnb_cache::namespace::Project;
use cnb_cache::store::CacheStore as _;
use cnb_cache::store::FileStore;
use cnb_cache::store::NewEntry;
use cnb_cache::store::Writer;
use cnb_core::digest::Digest;

impl Place {
    /// The store of the cache `state`, at a time in seconds since 1970.
    pub(crate) fn store(&self, time: u64) -> FileStore {
        FileStore::new(self.path("state/store"), Arc::new(move || time))
    }

    /// Puts an entry with so many bytes, and says the ID of its namespace.
    pub(crate) fn put(&self, time: u64, project: &str, key: &str, size: usize) -> String {
        let namespace = namespace(project);
        let content = format!("{project} {key} ").repeat(size);
        let entry = NewEntry::new(key, Writer::new(&namespace));
        let store = self.store(time);
        store.put(&namespace, entry, &mut &content.as_bytes()[..size]).expect("it can be written");
        namespace.id().as_str().to_owned()
    }

    /// The keys of all entries of a project.
    pub(crate) fn keys(&self, project: &str) -> Vec<String> {
        let entries = self.store(0).entries(&namespace(project).id()).expect("it can be read");
        entries.into_iter().map(|entry| entry.key).collect()
    }

    /// Makes a cache of layers with so many bytes, used at a time.
    pub(crate) fn layers(&self, time: u64, mode: &str, id: &str, size: usize) -> PathBuf {
        let cache = self.path("state/caches").join(mode).join(id);
        let files = cache.join("files/committed");
        fs::create_dir_all(&files).expect("a directory");
        fs::write(files.join("layer.tar"), vec![0; size]).expect("a file");
        used(&cache.join("files"), time);
        cache
    }

    /// Makes a root file system with so many bytes, and says the file of its uses.
    pub(crate) fn root(&self, time: u64, mode: &str, name: u8, size: usize) -> PathBuf {
        let root = self.path("state").join(mode).join("roots").join(digest(name).hex());
        fs::create_dir_all(&root).expect("a directory");
        fs::write(root.join("file"), vec![0; size]).expect("a file");
        let lock = root.with_extension("lock");
        fs::write(&lock, "").expect("a file");
        used(&lock, time);
        lock
    }

    /// Makes a blob with so many bytes, which nothing verifies, and says the file of its uses.
    pub(crate) fn blob(&self, time: u64, name: u8, size: usize) -> PathBuf {
        let hex = digest(name).hex().to_owned();
        let [blob, lock, index] = [
            format!("blobs/sha256/{hex}"),
            format!("uses/{hex}"),
            format!("diffids/{}.json", digest(name + 100).hex()),
        ]
        .map(|name| self.path("state").join(name));
        for path in [&blob, &lock, &index] {
            fs::create_dir_all(path.parent().expect("it is below")).expect("a directory");
        }
        fs::write(blob, vec![0; size]).expect("a file");
        fs::write(&lock, "").expect("a file");
        fs::write(index, format!(r#"{{"digest":"{}","size":{size}}}"#, digest(name))).expect("a file");
        used(&lock, time);
        lock
    }

    /// Runs `cnb cache` with the cache `state`; paths are relative to the directory.
    pub(crate) fn cache(&self, arguments: &[&str]) -> Done {
        let mut command = self.cnb();
        command.env("PATH", "/usr/bin:/bin").arg("cache").args(arguments).args(["--cache-dir", "state"]);
        run(&mut command)
    }
}

/// The digest of nothing, made up.
pub(crate) fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

fn used(path: &Path, time: u64) {
    let times = FileTimes::new().set_modified(UNIX_EPOCH + Duration::from_secs(time));
    File::open(path).and_then(|file| file.set_times(times)).expect("it is there");
}

/// The namespace of a project.
pub(crate) fn namespace(project: &str) -> Namespace {
    Namespace::new(Project::Name(project.to_owned()), "example.com/builder", "linux/amd64")
}
