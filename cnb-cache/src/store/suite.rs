//! The public suite that says precisely what a [`CacheStore`] does.
//!
//! ```
//! use cnb_cache::store::MemoryStore;
//! use cnb_cache::store::suite;
//!
//! suite::run(&|clock| Box::new(MemoryStore::new(clock)));
//! ```

use std::fmt;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;

use cnb_core::backend::CacheId;
use cnb_core::digest::Digest;
use sha2::Digest as _;
use sha2::Sha256;

use super::Budget;
use super::CacheStore;
use super::Clock;
use super::Entry;
use super::NamespaceInfo;
use super::NewEntry;
use super::StoreError;
use super::Writer;
use crate::namespace::Namespace;
use crate::namespace::Project;

/// One thing that stores have to do.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name: what holds.
    pub name: &'static str,
    check: fn(&Target),
}

impl Case {
    /// Finds out whether it holds for the store that `make` makes, which is empty and has this clock.
    ///
    /// # Panics
    /// When it does not.
    pub fn run(&self, make: &dyn Fn(Clock) -> Box<dyn CacheStore>) {
        let time = Arc::new(AtomicU64::new(1_000));
        let clock = Arc::clone(&time);
        let store = make(Arc::new(move || clock.load(Ordering::SeqCst)));
        (self.check)(&Target { store, time });
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All cases.
pub const CASES: &[Case] = &[
    Case { name: "an empty store has nothing", check: an_empty_store_has_nothing },
    Case { name: "what is put is there", check: what_is_put_is_there },
    Case { name: "large contents are there", check: large_contents_are_there },
    Case { name: "a key has one entry", check: a_key_has_one_entry },
    Case { name: "keys are texts", check: keys_are_texts },
    Case { name: "namespaces are apart", check: namespaces_are_apart },
    Case { name: "only what the index has is opened", check: only_what_the_index_has_is_opened },
    Case { name: "a content that fails changes nothing", check: a_content_that_fails_changes_nothing },
    Case { name: "limits are kept", check: limits_are_kept },
    Case { name: "what is removed is gone", check: what_is_removed_is_gone },
    Case { name: "uses are remembered", check: uses_are_remembered },
    Case { name: "budgets hold", check: budgets_hold },
    Case { name: "what is being put is not pruned", check: what_is_being_put_is_not_pruned },
    Case { name: "many can use it at once", check: many_can_use_it_at_once },
];

/// Checks every case, each with a store of its own.
///
/// # Panics
/// When one does not hold.
pub fn run(make: &dyn Fn(Clock) -> Box<dyn CacheStore>) {
    for case in CASES {
        case.run(make);
    }
}

/// Checks every case, each with a store in a directory of its own, which `make` may have to make, below `directory`.
///
/// # Panics
/// When one does not hold.
pub fn run_in(directory: &Path, make: &dyn Fn(PathBuf, Clock) -> Box<dyn CacheStore>) {
    for (number, case) in CASES.iter().enumerate() {
        case.run(&|clock| make(directory.join(number.to_string()), clock));
    }
}

struct Target {
    store: Box<dyn CacheStore>,
    time: Arc<AtomicU64>,
}

impl Target {
    fn put(&self, namespace: &Namespace, key: &str, content: &[u8]) -> Entry {
        let entry = NewEntry::new(key, Writer::new(namespace));
        self.store.put(namespace, entry, &mut &*content).expect("it can be written")
    }

    fn keys(&self, namespace: &Namespace) -> Vec<String> {
        let entries = self.store.entries(&namespace.id()).expect("it can be read");
        entries.into_iter().map(|entry| entry.key).collect()
    }

    fn ids(&self) -> Vec<CacheId> {
        let infos = self.store.namespaces().expect("it can be read");
        infos.into_iter().map(|info| info.id).collect()
    }

    fn expect(&self, namespace: &Namespace, entry: &Entry, content: &[u8]) {
        let bytes = self.store.bytes(&namespace.id(), entry).expect("it can be read");
        assert!(bytes == content, "the content of {} is another one", entry.key);
    }

    fn expect_missing(&self, namespace: &Namespace, entry: &Entry) {
        let opened = self.store.open(&namespace.id(), entry).map(|_| "opened");
        assert!(matches!(opened, Err(StoreError::Missing { .. })), "{}: {opened:?}", entry.key);
    }

    fn at(&self, time: u64) -> &Self {
        self.time.store(time, Ordering::SeqCst);
        self
    }
}

fn namespace(name: &str) -> Namespace {
    Namespace::new(Project::Name(name.to_owned()), "example.com/builder", "linux/amd64")
}

/// Bytes without a pattern that a store could compress, others for each seed.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..size.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(size);
    bytes
}

fn an_empty_store_has_nothing(target: &Target) {
    let a = namespace("a");
    assert_eq!(target.ids(), []);
    assert_eq!(target.keys(&a), [""; 0]);
    assert_eq!(target.store.entry(&a.id(), "x").expect("it can be read"), None);
    target.store.remove(&a.id(), None).expect("nothing to do");
    target.store.remove(&a.id(), Some(&["x"])).expect("nothing to do");
    let pruned = target.store.prune(&Budget::unlimited().with_total(0)).expect("nothing to do");
    assert_eq!((pruned.entries, pruned.bytes), (vec![], 0));
}

fn what_is_put_is_there(target: &Target) {
    let a = namespace("a");
    let writer =
        Writer::new(&a).with_builder(Digest::from_bytes([1; 32])).with_buildpack("example/pip", "1.2.3");
    let new = NewEntry::new("one", writer.clone()).with_data("{\"a\":\"\u{e9}\\n\"}");
    let put = target.store.put(&a, new, &mut &b"content"[..]).expect("it can be written");
    let expected = Entry {
        key: "one".to_owned(),
        writer,
        data: "{\"a\":\"\u{e9}\\n\"}".to_owned(),
        digest: Digest::from_bytes(Sha256::digest(b"content").into()),
        size: 7,
        used: 1_000,
    };
    assert_eq!(put, expected);
    assert_eq!(target.store.entry(&a.id(), "one").expect("it can be read"), Some(expected.clone()));
    assert_eq!(target.store.entries(&a.id()).expect("it can be read"), [expected]);
    target.expect(&a, &put, b"content");
    let infos = target.store.namespaces().expect("it can be read");
    assert_eq!(infos, [NamespaceInfo::from(&a)]);
    let empty = target.put(&a, "empty", b"");
    target.expect(&a, &empty, b"");
}

fn large_contents_are_there(target: &Target) {
    let a = namespace("a");
    let content = noise(1, (3 << 20) + 1);
    let entry = target.put(&a, "large", &content);
    assert_eq!(entry.size, content.len() as u64);
    target.expect(&a, &entry, &content);
    // A reader goes on when its entry is gone meanwhile, or says that it cannot; it never ends early.
    let mut reader = target.store.open(&a.id(), &entry).expect("it is there");
    let mut start = [0; 1000];
    reader.read_exact(&mut start).expect("it can be read");
    target.store.remove(&a.id(), None).expect("it can be written");
    target.store.prune(&Budget::unlimited()).expect("it can be written");
    let mut rest = Vec::new();
    if reader.read_to_end(&mut rest).is_ok() {
        assert!([&start[..], &rest].concat() == content, "another content");
    }
}

fn a_key_has_one_entry(target: &Target) {
    let a = namespace("a");
    let old = target.put(&a, "k", b"old");
    let new = target.put(&a, "k", b"new!");
    assert_eq!(target.keys(&a), ["k"]);
    target.expect(&a, &new, b"new!");
    target.expect_missing(&a, &old);
    // The same content with other data is another entry in its place.
    let entry = NewEntry::new("k", Writer::new(&a)).with_data("data");
    target.store.put(&a, entry, &mut &b"new!"[..]).expect("it can be written");
    let found = target.store.entry(&a.id(), "k").expect("it can be read").expect("it is there");
    assert_eq!((found.data.as_str(), &found.digest), ("data", &new.digest));
}

fn keys_are_texts(target: &Target) {
    let a = namespace("a");
    let long = "k".repeat(NewEntry::MAX_KEY);
    let mut keys = ["../../../etc/passwd", "/", ".", "a/b", "a\nb", "\u{0}", "\"\\", "Ä", "a", &long];
    for key in keys {
        target.put(&a, key, key.as_bytes());
    }
    keys.sort_unstable();
    assert_eq!(target.keys(&a), keys);
    for entry in target.store.entries(&a.id()).expect("it can be read") {
        target.expect(&a, &entry, entry.key.as_bytes());
    }
}

fn namespaces_are_apart(target: &Target) {
    let (a, b) = (namespace("a"), namespace("b"));
    let of_a = target.put(&a, "k", b"of a");
    let of_b = target.put(&b, "k", b"of b");
    let mut ids = [a.id(), b.id()];
    ids.sort();
    assert_eq!(target.ids(), ids);
    target.expect_missing(&a, &of_b);
    target.expect_missing(&b, &of_a);
    target.expect(&a, &of_a, b"of a");
    // A content that both have stays until both have forgotten it.
    let shared = [target.put(&a, "shared", b"shared"), target.put(&b, "shared", b"shared")];
    target.store.remove(&a.id(), None).expect("it can be written");
    target.store.prune(&Budget::unlimited()).expect("it can be written");
    target.expect_missing(&a, &shared[0]);
    target.expect(&b, &shared[1], b"shared");
    assert_eq!(target.ids(), [b.id()]);
}

fn only_what_the_index_has_is_opened(target: &Target) {
    let (a, b) = (namespace("a"), namespace("b"));
    let of_a = target.put(&a, "k", b"of a");
    target.put(&b, "k", b"of b");
    // Who knows a digest does not have the content, whatever else the entry says.
    let forged = Entry { writer: Writer::new(&b), ..of_a.clone() };
    target.expect_missing(&b, &forged);
    target.expect_missing(&a, &Entry { key: "other".to_owned(), ..of_a });
}

fn a_content_that_fails_changes_nothing(target: &Target) {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = buffer.len().min(self.0);
            self.0 -= read;
            buffer[..read].fill(1);
            if read == 0 { Err(io::Error::other("torn")) } else { Ok(read) }
        }
    }
    let a = namespace("a");
    let old = target.put(&a, "k", b"old");
    for size in [0, 1, 3 << 20] {
        let put = target.store.put(&a, NewEntry::new("k", Writer::new(&a)), &mut Failing(size));
        assert!(matches!(put, Err(StoreError::Content { .. })), "{put:?}");
        target.expect(&a, &old, b"old");
    }
    let pruned = target.store.prune(&Budget::unlimited()).expect("it can be written");
    assert_eq!((pruned.entries, pruned.bytes), (vec![], 0), "nothing is left of it");
}

fn limits_are_kept(target: &Target) {
    let a = namespace("a");
    let new = |key: &str| NewEntry::new(key, Writer::new(&a));
    let entries = [
        new(""),
        new(&"k".repeat(NewEntry::MAX_KEY + 1)),
        new("k").with_data("d".repeat(NewEntry::MAX_DATA + 1)),
        NewEntry::new("k", Writer::new(&a).with_buildpack("i".repeat(NewEntry::MAX_DATA), "1")),
    ];
    for entry in entries {
        let put = target.store.put(&a, entry, &mut &b"content"[..]);
        assert!(matches!(put, Err(StoreError::Refused { .. })), "{put:?}");
    }
    assert_eq!(target.ids(), []);
    let most = new("k").with_data("\u{1}".repeat(NewEntry::MAX_DATA));
    let entry = target.store.put(&a, most, &mut &b"content"[..]).expect("it can be written");
    target.expect(&a, &entry, b"content");
}

fn what_is_removed_is_gone(target: &Target) {
    let a = namespace("a");
    let entries = ["1", "2", "3"].map(|key| target.put(&a, key, key.as_bytes()));
    target.store.remove(&a.id(), Some(&["3", "1", "none"])).expect("it can be written");
    assert_eq!(target.keys(&a), ["2"]);
    target.expect_missing(&a, &entries[0]);
    target.expect(&a, &entries[1], b"2");
    target.store.remove(&a.id(), Some(&[])).expect("it can be written");
    assert_eq!(target.keys(&a), ["2"]);
    target.store.remove(&a.id(), Some(&["2"])).expect("it can be written");
    assert_eq!(target.ids(), []);
    let pruned = target.store.prune(&Budget::unlimited()).expect("it can be written");
    assert_eq!(pruned.entries, []);
    target.put(&a, "1", b"1");
    assert_eq!(target.keys(&a), ["1"]);
}

fn uses_are_remembered(target: &Target) {
    let a = namespace("a");
    let used = || -> Vec<u64> {
        target.store.entries(&a.id()).expect("it can be read").iter().map(|entry| entry.used).collect()
    };
    let one = target.at(10).put(&a, "1", b"1");
    target.at(20).put(&a, "2", b"2");
    assert_eq!(used(), [10, 20]);
    target.at(30);
    target.expect(&a, &one, b"1");
    assert_eq!(used(), [30, 20]);
    target.at(40).put(&a, "2", b"2");
    assert_eq!(used(), [30, 40]);
}

fn budgets_hold(target: &Target) {
    let (a, b) = (namespace("a"), namespace("b"));
    let fill = || {
        for (time, namespace, key, size) in
            [(1, &a, "a1", 10), (2, &a, "a2", 20), (3, &b, "b1", 40), (4, &a, "a3", 30)]
        {
            target.at(time).put(namespace, key, &noise(time, size));
        }
    };
    let unlimited = Budget::unlimited();
    let cases = [
        (unlimited, "", 0),
        (unlimited.with_total(100), "", 0),
        (unlimited.with_total(99), "a1", 10),
        (unlimited.with_total(69), "a1 a2 b1", 70),
        (unlimited.with_namespace(50), "a1", 10),
        (unlimited.with_namespace(35), "a1 a2 b1", 70),
        (unlimited.with_unused_since(3), "a1 a2", 30),
        (unlimited.with_total(0), "a1 a2 a3 b1", 100),
    ];
    for (budget, expected, bytes) in cases {
        fill();
        let pruned = target.store.prune(&budget).expect("it can be written");
        let mut gone: Vec<&str> = pruned.entries.iter().map(|(_, key)| key.as_str()).collect();
        gone.sort_unstable();
        assert_eq!((gone.join(" "), pruned.bytes), (expected.to_owned(), bytes), "{budget:?}");
        let left = ["a1", "a2", "a3", "b1"].into_iter().filter(|key| !gone.contains(key));
        assert_eq!([target.keys(&a), target.keys(&b)].concat(), left.collect::<Vec<_>>(), "{budget:?}");
        for namespace in [&a, &b] {
            for entry in target.store.entries(&namespace.id()).expect("it can be read") {
                target.store.bytes(&namespace.id(), &entry).expect("what stays is whole");
            }
        }
    }
}

/// Prunes whenever it is read, as another process might.
struct Pruning<'a, R>(&'a dyn CacheStore, R);

impl<R: Read> Read for Pruning<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.prune(&Budget::unlimited()).map_err(io::Error::other)?;
        self.1.read(buffer)
    }
}

fn what_is_being_put_is_not_pruned(target: &Target) {
    let a = namespace("a");
    for size in [0, 10, 2 << 20] {
        let content = noise(7, size);
        // Nothing names the content when it is put again, and it is pruned while it is.
        target.put(&a, "k", &content);
        target.store.remove(&a.id(), None).expect("it can be written");
        let mut reader = Pruning(target.store.as_ref(), &*content);
        let entry = target.store.put(&a, NewEntry::new("k", Writer::new(&a)), &mut reader);
        target.expect(&a, &entry.expect("it can be written"), &content);
        target.store.prune(&Budget::unlimited()).expect("it can be written");
        assert_eq!(target.keys(&a), ["k"]);
    }
}

fn many_can_use_it_at_once(target: &Target) {
    const ROUNDS: u64 = 12;
    let names = ["a", "a", "b", "c"].map(namespace);
    thread::scope(|scope| {
        for (thread, a) in names.iter().enumerate() {
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    // All write the same contents at the same time, one of them large.
                    let content = noise(round, if round == 5 { 600_000 } else { 100 });
                    let entry = target.put(a, &format!("{thread}-{round}"), &content);
                    target.expect(a, &entry, &content);
                    if round % 3 == 2 {
                        let key = format!("{thread}-{}", round - 1);
                        target.store.remove(&a.id(), Some(&[&key])).expect("it can be written");
                    }
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                target.store.prune(&Budget::unlimited()).expect("it can be written");
            }
        });
    });
    let expected = |threads: &[u64]| {
        let kept = (0..ROUNDS).filter(|round| round % 3 != 1);
        let mut keys: Vec<String> =
            kept.flat_map(|round| threads.iter().map(move |thread| format!("{thread}-{round}"))).collect();
        keys.sort();
        keys
    };
    for (a, threads) in [(&names[0], &[0, 1][..]), (&names[2], &[2]), (&names[3], &[3])] {
        assert_eq!(target.keys(a), expected(threads));
        for entry in target.store.entries(&a.id()).expect("it can be read") {
            target.store.bytes(&a.id(), &entry).expect("everything is whole");
        }
    }
}
