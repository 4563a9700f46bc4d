//! What is special about files: processes that end, and attacks. Whoever can write to a store can keep a build from
//! finding something, but not make it use other bytes than those that were put.

use std::fs::File;
use std::io::BufRead as _;
use std::io::BufReader;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use rustix::fs::CWD;
use rustix::fs::FileType;
use rustix::fs::Mode;

use super::*;
use crate::namespace::Namespace;
use crate::namespace::Project;
use crate::store::Writer;
use crate::store::suite;

const CONTENT: &[u8] = b"content";

/// A store with one entry, and a namespace of somebody else.
struct Place {
    directory: tempfile::TempDir,
    store: FileStore,
    a: Namespace,
    b: Namespace,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = FileStore::new(directory.path().join("store"), Arc::new(|| 1_000));
        let [a, b] = ["a", "b"].map(namespace);
        let place = Self { directory, store, a, b };
        place.put(&place.a, "k");
        place
    }

    fn put(&self, namespace: &Namespace, key: &str) -> Entry {
        let new = NewEntry::new(key, Writer::new(namespace));
        self.store.put(namespace, new, &mut &*CONTENT).expect("it can be written")
    }

    fn entry(&self) -> Option<Entry> {
        self.store.entry(&self.a.id(), "k").expect("it can be read")
    }

    fn blob(&self) -> PathBuf {
        let mut blobs = fs::read_dir(self.store.root().join("blobs/sha256")).expect("a directory");
        blobs.next().expect("there is one").expect("it can be read").path()
    }

    fn index(&self) -> PathBuf {
        self.store.namespace(&self.a.id()).join(INDEX)
    }

    fn outside(&self) -> PathBuf {
        self.directory.path().join("outside")
    }

    /// Whatever happened, the next one who puts and prunes makes everything good.
    fn expect_healed(&self, name: &str) {
        let entry = self.put(&self.a, "k");
        assert_eq!(self.store.bytes(&self.a.id(), &entry).expect(name), CONTENT);
        self.store.prune(&Budget::unlimited()).expect(name);
        assert_eq!(self.store.entries(&self.a.id()).expect(name), [entry], "{name}");
        let blobs = fs::read_dir(self.store.root().join("blobs/sha256")).expect("a directory").count();
        assert_eq!(blobs, 1, "{name}");
    }
}

fn namespace(name: &str) -> Namespace {
    Namespace::new(Project::Name(name.to_owned()), "builder", "linux/amd64")
}

fn pipe(path: &Path) {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
}

/// Replaces what is at a path.
type Attack = fn(&Path, &Path);

fn replaced(path: &Path, by: impl FnOnce(&Path)) {
    fs::remove_file(path).expect("it is a file");
    by(path);
}

#[test]
fn it_passes_the_suite() {
    let directory = tempfile::tempdir().expect("a directory");
    suite::run_in(directory.path(), &|root, clock| Box::new(FileStore::new(root, clock)));
}

#[test]
fn a_content_that_is_another_one_is_never_returned() {
    let attacks: [(&str, Attack, bool); 9] = [
        ("a flipped byte", |blob, _| fs::write(blob, b"Content").expect("a file"), true),
        ("cut off", |blob, _| fs::write(blob, b"conten").expect("a file"), false),
        ("nothing", |blob, _| fs::write(blob, b"").expect("a file"), false),
        ("longer", |blob, _| fs::write(blob, b"content!").expect("a file"), false),
        ("gone", |blob, _| replaced(blob, |_| ()), false),
        (
            "a link to other bytes",
            |blob, outside| {
                fs::write(outside, b"Content").expect("a file");
                replaced(blob, |blob| symlink(outside, blob).expect("a link"));
            },
            false,
        ),
        (
            "a link to the same bytes",
            |blob, outside| {
                fs::rename(blob, outside).expect("renamed");
                symlink(outside, blob).expect("a link");
            },
            false,
        ),
        (
            "a directory",
            |blob, _| replaced(blob, |blob| fs::create_dir_all(blob.join("x")).expect("one")),
            false,
        ),
        ("a pipe", |blob, _| replaced(blob, pipe), false),
    ];
    for (name, attack, seems_to_be_there) in attacks {
        let place = Place::new();
        let entry = place.entry().expect("it was put");
        attack(&place.blob(), &place.outside());
        assert_eq!(place.entry().is_some(), seems_to_be_there, "{name}");
        let error = place.store.bytes(&place.a.id(), &entry).expect_err(name);
        assert!(matches!(error, StoreError::Damaged { .. } | StoreError::Missing { .. }), "{name}: {error}");
        let before = fs::read(place.outside()).ok();
        place.expect_healed(name);
        assert_eq!(fs::read(place.outside()).ok(), before, "{name}: nothing else is changed");
    }
}

#[test]
fn a_reader_fails_at_its_end_when_its_bytes_are_others() {
    let place = Place::new();
    let entry = place.entry().expect("it was put");
    let mut reader = place.store.open(&place.a.id(), &entry).expect("it is there");
    // It was opened before somebody wrote into it.
    fs::write(place.blob(), b"CONTENT").expect("a file");
    let mut bytes = Vec::new();
    let error = reader.read_to_end(&mut bytes).expect_err("another content");
    assert!(error.to_string().contains("expected a content with the digest sha256:ed7002b4"), "{error}");
}

#[test]
fn an_index_that_makes_no_sense_is_told_and_replaced() {
    let entry = |key: &str, more: &str| {
        let digest = "a".repeat(64);
        format!(
            r#"{{"key":"{key}","writer":{{"namespace":"w"}},"data":"","digest":"sha256:{digest}","size":1{more}}}"#
        )
    };
    let index = |entries: &str| format!(r#"{{"version":1,"entries":[{entries}]}}"#);
    let long = "d".repeat(NewEntry::MAX_DATA + 1);
    let cases = [
        ("empty", String::new(), "EOF"),
        ("garbage", "\u{0}garbage".to_owned(), "expected"),
        ("half", index(&entry("k", ""))[..90].to_owned(), "EOF"),
        ("nested", format!(r#"{{"x":{}"#, "[".repeat(1 << 20)), "EOF"),
        ("newer", r#"{"version":2,"entries":[]}"#.to_owned(), "version 2 is not known"),
        ("twice", index(&[entry("k", ""), entry("k", "")].join(",")), "not in order"),
        ("no order", index(&[entry("l", ""), entry("k", "")].join(",")), "not in order"),
        ("no key", index(&entry("", "")), "its key is empty"),
        ("a path as digest", index(&entry("k", "")).replace(&"a".repeat(64), "../../x"), "no"),
        ("no size", index(&entry("k", "")).replace(r#""size":1"#, r#""size":-1"#), "invalid value"),
        (
            "long data",
            index(&entry("k", "")).replace(r#""data":"""#, &format!(r#""data":"{long}""#)),
            "data has",
        ),
        ("huge", index(&entry("k", "")) + &" ".repeat(16 << 20), "more than 16777216 bytes"),
    ];
    for (name, text, reason) in cases {
        let place = Place::new();
        fs::write(place.index(), text).expect("a file");
        let error = place.store.entries(&place.a.id()).expect_err(name).to_string();
        assert!(error.starts_with("the index ") && error.contains(reason), "{name}: {error}");
        assert_eq!(
            place.store.namespaces().expect(name).len(),
            1,
            "{name}: somebody can see that it is there"
        );
        assert_eq!(place.store.entries(&place.b.id()).expect(name), [], "{name}: others do not notice");
        place.expect_healed(name);
    }
}

#[test]
fn what_is_no_index_is_none() {
    let attacks: [(&str, Attack); 3] = [
        ("a link", |index, outside| {
            fs::rename(index, outside).expect("renamed");
            symlink(outside, index).expect("a link");
        }),
        ("a directory", |index, _| {
            replaced(index, |index| fs::create_dir_all(index.join("x")).expect("one"));
        }),
        ("a pipe", |index, _| replaced(index, pipe)),
    ];
    for (name, attack) in attacks {
        let place = Place::new();
        attack(&place.index(), &place.outside());
        let before = fs::read(place.outside()).ok();
        let error = place.store.entries(&place.a.id()).expect_err(name).to_string();
        assert!(error.ends_with("cannot be used: it is no file"), "{name}: {error}");
        place.expect_healed(name);
        assert_eq!(fs::read(place.outside()).ok(), before, "{name}: nothing else is changed");
        attack(&place.index(), &place.outside());
        place.store.remove(&place.a.id(), None).expect(name);
        assert_eq!(place.store.entries(&place.a.id()).expect(name), [], "{name}");
    }
}

#[test]
fn an_index_cannot_lead_to_what_another_namespace_has() {
    let place = Place::new();
    let digest = place.entry().expect("it was put").digest;
    // Under keys that would be paths, with another size, by another writer.
    for (key, size, is_listed) in
        [("../../blobs/x", 7, true), ("/etc/passwd", 8, false), ("k", u64::MAX, false)]
    {
        let entry = format!(
            r#"{{"key":"{key}","writer":{{"namespace":"{}"}},"data":"","digest":"{digest}","size":{size}}}"#,
            place.b
        );
        fs::write(place.index(), format!(r#"{{"version":1,"entries":[{entry}]}}"#)).expect("a file");
        let listed = place.store.entries(&place.a.id()).expect("readable");
        assert_eq!(
            listed.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(),
            if is_listed { vec![key] } else { vec![] }
        );
        // Who the entry says that it is from makes no difference to where it is found.
        assert_eq!(place.store.entries(&place.b.id()).expect("readable"), []);
        let writer = Writer::new(&place.b);
        let forged =
            Entry { key: key.to_owned(), writer, data: String::new(), digest: digest.clone(), size, used: 0 };
        assert_eq!(place.store.bytes(&place.a.id(), &forged).is_ok(), is_listed);
        let error = place.store.bytes(&place.b.id(), &forged).expect_err("it is not there");
        assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    }
    place.expect_healed("forged entries");
}

#[test]
fn a_directory_that_is_a_link_is_no_namespace() {
    let place = Place::new();
    let other = Place::new();
    let link = place.store.namespace(&namespace("linked").id());
    symlink(other.store.namespace(&other.a.id()), &link).expect("a link");
    assert_eq!(place.store.namespaces().expect("readable").len(), 1);
    place.store.prune(&Budget::unlimited().with_total(0)).expect("written");
    assert!(link.symlink_metadata().is_err(), "the link is gone");
    other.expect_healed("what it led to");
}

#[test]
fn files_that_are_in_the_way_are_not_written_through() {
    let place = Place::new();
    fs::write(place.outside(), "precious").expect("a file");
    for name in ["index.json.new", "namespace.new"] {
        symlink(place.outside(), place.index().with_file_name(name)).expect("a link");
    }
    fs::remove_file(place.index().with_file_name("namespace")).expect("it is there");
    place.put(&place.a, "other");
    assert_eq!(fs::read_to_string(place.outside()).expect("a file"), "precious");
    assert_eq!(place.store.entries(&place.a.id()).expect("readable").len(), 2);
}

#[test]
fn a_store_that_cannot_be_written_can_be_read() {
    let place = Place::new();
    // Not even root makes a directory below a file.
    let new = place.store.root().join("new");
    fs::remove_dir(&new).expect("it is empty");
    File::create(&new).expect("a file");
    let entry = NewEntry::new("k", Writer::new(&place.a));
    let error = place.store.put(&place.a, entry, &mut &b"other"[..]).expect_err("it cannot be written");
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    let entry = place.entry().expect("it is there");
    assert_eq!(place.store.bytes(&place.a.id(), &entry).expect("it can be read"), CONTENT);

    let nowhere = FileStore::new(new.join("store"), Arc::new(|| 0));
    let entry = NewEntry::new("k", Writer::new(&place.a));
    nowhere.put(&place.a, entry, &mut &b"other"[..]).expect_err("it cannot be made");
    assert!(nowhere.entries(&place.a.id()).is_err());
}

#[test]
fn what_is_the_same_again_is_not_written_again() {
    use std::os::unix::fs::MetadataExt as _;
    let place = Place::new();
    let numbers = || [place.index(), place.blob()].map(|path| fs::metadata(path).expect("a file").ino());
    let before = numbers();
    place.put(&place.a, "k");
    assert_eq!(numbers(), before);
    assert_eq!(fs::read_dir(place.store.root().join("new")).expect("a directory").count(), 0);
}

#[test]
fn an_index_that_is_full_forgets_what_was_used_long_ago() {
    let time = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let clock = Arc::clone(&time);
    let directory = tempfile::tempdir().expect("a directory");
    let now = move || clock.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let store = FileStore::new(directory.path(), Arc::new(now));
    let a = namespace("a");
    let put = |key: usize| {
        let data = "d".repeat(NewEntry::MAX_DATA);
        let entry = NewEntry::new(key.to_string(), Writer::new(&a)).with_data(data);
        store.put(&a, entry, &mut key.to_string().as_bytes()).expect("written");
    };
    (0..15).for_each(put);
    let first = store.entry(&a.id(), "0").expect("readable").expect("it is there");
    store.bytes(&a.id(), &first).expect("it is whole");
    put(15);
    let keys: Vec<String> = store.entries(&a.id()).expect("readable").into_iter().map(|it| it.key).collect();
    assert_eq!(
        (keys.len(), keys.contains(&"0".to_owned()), keys.contains(&"1".to_owned())),
        (15, true, false)
    );
}

#[test]
fn what_gets_its_name_is_safe_from_those_who_prune() {
    let directory = tempfile::tempdir().expect("a directory");
    let lock = directory.path().join("lock");
    let was_held = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (path, seen) = (lock.clone(), Arc::clone(&was_held));
    // A store looks at its clock right before it gives a content its name.
    let clock = move || {
        let is_free = Lock::try_take(&path).expect("a lock").is_some();
        seen.store(!is_free, std::sync::atomic::Ordering::SeqCst);
        0
    };
    let store = FileStore::new(directory.path(), Arc::new(clock));
    let a = namespace("a");
    for size in [1, 1 << 20] {
        was_held.store(false, std::sync::atomic::Ordering::SeqCst);
        let content = vec![1; size];
        store.put(&a, NewEntry::new("k", Writer::new(&a)), &mut &*content).expect("written");
        assert!(was_held.load(std::sync::atomic::Ordering::SeqCst), "{size} bytes");
        assert!(Lock::try_take(&lock).expect("a lock").is_some(), "it is given back");
    }
}

#[test]
fn who_prunes_waits_for_names() {
    let place = Place::new();
    let shared = place.store.blobs.share().expect("a lock");
    let blob = place.store.blobs.receive("new", &mut &b"new"[..]).expect("it is small");
    let named = Named {
        key: "new".to_owned(),
        writer: Writer::new(&place.b),
        data: String::new(),
        digest: blob.digest().clone(),
        size: blob.size(),
    };
    place.store.blobs.keep(blob, 2_000).expect("it can be written");
    let all = Budget::unlimited().with_unused_since(2_000);
    std::thread::scope(|scope| {
        let pruning = scope.spawn(|| place.store.prune(&all));
        // Entries go first, and then contents that nobody names. Who does not wait has time enough for those here.
        while place.entry().is_some() {
            std::thread::yield_now();
        }
        for _ in 0..1_000 {
            assert_eq!(place.entry(), None);
        }
        place
            .store
            .change(&(&place.b).into(), |index| index.put(named, |_| None))
            .expect("it can be written");
        drop(shared);
        let pruned = pruning.join().expect("no panic").expect("it can be written");
        assert_eq!((pruned.entries.len(), pruned.bytes), (1, CONTENT.len() as u64));
    });
    let entry = place.store.entry(&place.b.id(), "new").expect("readable").expect("it was named");
    assert_eq!(place.store.bytes(&place.b.id(), &entry).expect("it is there"), b"new");
}

/// Not a test: a process that puts until it is killed.
#[test]
#[ignore = "run by processes_may_be_killed"]
fn process_to_be_killed() {
    let Some(root) = std::env::args().skip_while(|argument| argument != "--skip").nth(1) else { return };
    let store = FileStore::new(root, Arc::new(|| 0));
    let a = namespace("a");
    for round in 0_u64.. {
        println!("round");
        let size = if round % 2 == 0 { 400_000 } else { 100 };
        let content = vec![u8::try_from(round % 251).expect("small"); size];
        let key = (round % 5).to_string();
        store.put(&a, NewEntry::new(key, Writer::new(&a)), &mut &*content).expect("written");
        if round % 7 == 6 {
            store.remove(&a.id(), Some(&["1", "2"])).expect("written");
            store.prune(&Budget::unlimited()).expect("written");
        }
    }
}

#[test]
fn processes_may_be_killed() {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("store");
    let store = FileStore::new(&root, Arc::new(|| 0));
    let a = namespace("a");
    let mut state = seed;
    for round in 0..12 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let rounds = 1 + (state >> 33) % 20;
        let mut child = Command::new(std::env::current_exe().expect("the tests"))
            .args([
                "--ignored",
                "--nocapture",
                "--exact",
                "store::file::tests::process_to_be_killed",
                "--skip",
            ])
            .arg(&root)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let said = lines.map_while(Result::ok).filter(|line| line == "round");
        let rounds = usize::try_from(rounds).expect("small");
        assert_eq!(said.take(rounds).count(), rounds, "it puts until it is killed");
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        for entry in store.entries(&a.id()).expect("the index is whole") {
            store
                .bytes(&a.id(), &entry)
                .unwrap_or_else(|error| panic!("round {round}, seed {seed}: {error}"));
        }
    }
    let used: BTreeSet<Digest> =
        store.entries(&a.id()).expect("readable").into_iter().map(|entry| entry.digest).collect();
    store.prune(&Budget::unlimited()).expect("nobody holds a lock");
    let blobs = fs::read_dir(root.join("blobs/sha256")).expect("a directory").count();
    assert_eq!(blobs, used.len(), "nothing is left");
    assert_eq!(fs::read_dir(root.join("new")).expect("a directory").count(), 0);
}
