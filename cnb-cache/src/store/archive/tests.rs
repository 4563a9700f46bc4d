use std::io::Cursor;
use std::sync::Arc;

use super::*;
use crate::namespace::Namespace;
use crate::namespace::Project;
use crate::store::MemoryStore;

fn namespace(name: &str) -> Namespace {
    Namespace::new(Project::Name(name.to_owned()), "builder", "linux/amd64")
}

fn store() -> MemoryStore {
    MemoryStore::new(Arc::new(|| 1))
}

fn filled() -> MemoryStore {
    let store = store();
    let large = vec![7; 400_000];
    for (name, key, content) in [
        ("a", "1", &b"one"[..]),
        ("a", "2", &large),
        ("b", "1", &large),
        ("b", "../x", b""),
        ("c", "1", b"other"),
    ] {
        let namespace = namespace(name);
        let writer = Writer::new(&namespace).with_buildpack("id", "1");
        let entry = NewEntry::new(key, writer).with_data("{}");
        store.put(&namespace, entry, &mut &*content).expect("written");
    }
    store
}

fn infos(names: &[&str]) -> Vec<NamespaceInfo> {
    names.iter().map(|name| NamespaceInfo::from(&namespace(name))).collect()
}

fn exported(store: &MemoryStore, names: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    export(store, &infos(names), &mut bytes).expect("written");
    bytes
}

/// Everything that a store has, with the contents.
fn all(store: &MemoryStore) -> Vec<(NamespaceInfo, Entry, Vec<u8>)> {
    let mut all = Vec::new();
    for info in store.namespaces().expect("readable") {
        for entry in store.entries(&info.id).expect("readable") {
            let bytes = store.bytes(&info.id, &entry).expect("whole");
            all.push((info.clone(), entry, bytes));
        }
    }
    all
}

#[test]
fn what_is_exported_is_imported() {
    let from = filled();
    let archive = exported(&from, &["a", "b", "c"]);
    let to = store();
    let carried = import(&to, &mut Cursor::new(&archive)).expect("an archive");
    assert_eq!((carried.namespaces, carried.entries, carried.bytes), (3, 5, 400_008));
    assert_eq!(all(&to), all(&from));
    assert_eq!(exported(&to, &["a", "b", "c"]), archive, "the same bytes");
    import(&to, &mut Cursor::new(&archive)).expect("once more");
    assert_eq!(all(&to), all(&from));

    let one = exported(&from, &["b", "none"]);
    let to = store();
    to.put(&namespace("b"), NewEntry::new("1", Writer::new(&namespace("b"))), &mut &b"old"[..])
        .expect("written");
    to.put(&namespace("b"), NewEntry::new("0", Writer::new(&namespace("b"))), &mut &b"stays"[..])
        .expect("written");
    let carried = import(&to, &mut Cursor::new(&one)).expect("an archive");
    assert_eq!((carried.namespaces, carried.entries), (1, 2));
    let keys: Vec<String> = all(&to).into_iter().map(|(_, entry, _)| entry.key).collect();
    assert_eq!(keys, ["../x", "0", "1"]);
}

/// A tar of these files.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, *content).expect("in memory");
    }
    tar.into_inner().expect("in memory")
}

type Files = Vec<(String, Vec<u8>)>;

fn files(archive: &[u8]) -> Files {
    let mut archive = tar::Archive::new(archive);
    let read = |entry: io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.expect("an entry");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("in memory");
        (entry.path().expect("a name").display().to_string(), content)
    };
    archive.entries().expect("a tar").map(read).collect()
}

#[test]
fn what_export_does_not_write_is_refused_and_changes_nothing() {
    let good = exported(&filled(), &["a", "c"]);
    let parts = files(&good);
    let changed = |change: &dyn Fn(&mut Files)| {
        let mut parts = parts.clone();
        change(&mut parts);
        tar(&parts.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect::<Vec<_>>())
    };
    let with_index = |from: &str, to: &str| {
        changed(&|parts| {
            let text = String::from_utf8(parts[0].1.clone()).expect("JSON").replacen(from, to, 1);
            parts[0].1 = text.into_bytes();
        })
    };
    let special = |kind: tar::EntryType| {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_path("index.json").expect("a name");
        header.set_entry_type(kind);
        header.set_link_name("/etc/passwd").expect("a name");
        header.set_size(0);
        header.set_cksum();
        tar.append(&header, io::empty()).expect("in memory");
        let mut bytes = tar.into_inner().expect("in memory");
        bytes.splice(bytes.len() - 1024.., good.clone());
        bytes
    };
    let long_name = {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        tar.append_data(&mut header, "x/".repeat(200), io::empty()).expect("in memory");
        tar.into_inner().expect("in memory")
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", Vec::new(), "it is empty"),
        ("garbage", vec![b'x'; 5000], "numeric field"),
        ("cut off in the index", good[..600].to_vec(), ""),
        ("cut off in a content", good[..good.len() - 1600].to_vec(), ""),
        ("without an index", changed(&|parts| drop(parts.remove(0))), "begins with `blobs/sha256/"),
        ("a flipped byte", changed(&|parts| parts[2].1[0] ^= 1), "expected a content with the digest"),
        ("a longer content", changed(&|parts| parts[1].1.push(0)), "it is longer than it was"),
        ("a shorter content", changed(&|parts| parts[1].1.truncate(2)), "its last 1 bytes are missing"),
        ("a content is missing", changed(&|parts| drop(parts.pop())), "is missing"),
        ("another order", changed(&|parts| parts.swap(1, 2)), "where sha256:"),
        ("one too many", changed(&|parts| parts.push(parts[1].clone())), "which nothing uses"),
        ("a path", changed(&|parts| parts[1].0 = "../../etc/passwd".to_owned()), "it has `../../etc/passwd`"),
        ("two indexes", changed(&|parts| parts.insert(1, parts[0].clone())), "it has `index.json` where"),
        ("another version", with_index(r#""version":1"#, r#""version":2"#), "version 2 is not known"),
        ("no JSON", with_index("{", "["), "its index makes no sense"),
        (
            "a namespace that is a path",
            with_index(r#""id":"a-"#, r#""id":"../a-"#),
            "a namespace that cannot be",
        ),
        ("a size that is another", with_index(r#""size":3"#, r#""size":4"#), "1 bytes are missing"),
        ("a key twice", with_index(r#""key":"1""#, r#""key":"2""#), "its keys are not in order"),
        ("an empty key", with_index(r#""key":"1""#, r#""key":"""#), "its key is empty"),
        ("a link", special(tar::EntryType::Symlink), "`index.json` is no file"),
        ("a hard link", special(tar::EntryType::Link), "`index.json` is no file"),
        ("a directory", special(tar::EntryType::Directory), "`index.json` is no file"),
        ("a pipe", special(tar::EntryType::Fifo), "`index.json` is no file"),
        ("a header for others", special(tar::EntryType::XGlobalHeader), "`index.json` is no file"),
        ("a name elsewhere", long_name, "is no file"),
    ];
    let to = filled();
    let before = all(&to);
    for (name, archive, reason) in cases {
        let error = import(&to, &mut Cursor::new(archive)).expect_err(name);
        assert!(matches!(error, ArchiveError::Invalid(_)), "{name}: {error:?}");
        assert!(error.to_string().contains(reason), "{name}: {error}");
        assert_eq!(all(&to), before, "{name}");
    }
    import(&to, &mut Cursor::new(good)).expect("this is one");
}

#[test]
fn what_is_damaged_is_left_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = crate::store::FileStore::new(directory.path(), Arc::new(|| 0));
    let a = namespace("a");
    let new = |key: &str| NewEntry::new(key, Writer::new(&a));
    let bad = store.put(&a, new("bad"), &mut &b"damaged"[..]).expect("written");
    store.put(&a, new("good"), &mut &b"whole"[..]).expect("written");
    std::fs::write(directory.path().join("blobs/sha256").join(bad.digest.hex()), b"Damaged").expect("a file");
    let mut archive = Vec::new();
    let carried = export(&store, &infos(&["a"]), &mut archive).expect("written");
    assert_eq!((carried.entries, carried.left_out.len()), (1, 1));
    assert!(carried.left_out[0].contains("the entry `bad`"), "{:?}", carried.left_out);
    let to = self::store();
    import(&to, &mut Cursor::new(archive)).expect("an archive");
    assert_eq!(all(&to).len(), 1);
}
