//! Archives of entries.

use std::io::Cursor;

use cnb_cache::store::CacheStore;
use cnb_cache::store::Entry;
use cnb_cache::store::MemoryStore;
use cnb_cache::store::NewEntry;
use cnb_cache::store::Writer;
use cnb_cache::store::archive;
use cnb_core::backend::CacheId;

use super::Contents;
use super::clock;
use super::namespace;
use super::read;

/// Imports an archive with this index and the contents that it names. All of it is there then, or nothing is.
pub(super) fn import(text: &str) {
    let contents = Contents::new("/layers".as_ref());
    let index = contents.name(text);
    let mut named: Vec<_> = contents.0.iter().map(|(_, bytes)| (cnb_oci::digest(bytes), bytes)).collect();
    named.retain(|(digest, _)| index.contains(digest.as_str()));
    named.sort();
    let mut tar = tar::Builder::new(Vec::new());
    let mut append = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).expect("memory takes everything");
    };
    append("index.json", index.as_bytes());
    for (digest, bytes) in named {
        append(&format!("blobs/sha256/{}", digest.hex()), bytes);
    }
    let tar = tar.into_inner().expect("memory takes everything");

    let store = MemoryStore::new(clock());
    let kept = NewEntry::new("kept", Writer::of("fuzz"));
    store.put_in(&namespace(), kept, &mut &b"kept"[..]).expect("memory takes everything");
    let before = all(&store);
    match archive::import(&store, &mut Cursor::new(tar)) {
        Ok(_) => carry(&store),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(all(&store), before);
        }
    }
}

/// What a store has, another one gets by way of an archive, and nothing else.
fn carry(store: &MemoryStore) {
    let exported = |store: &MemoryStore| {
        let mut bytes = Vec::new();
        let namespaces = store.namespaces().expect("memory can be read");
        let carried = archive::export(store, &namespaces, &mut bytes).expect("memory takes everything");
        assert!(carried.left_out.is_empty(), "{carried:?}");
        bytes
    };
    let bytes = exported(store);
    let other = MemoryStore::new(clock());
    archive::import(&other, &mut Cursor::new(&bytes)).expect("what was exported can be imported");
    assert_eq!(all(&other), all(store));
    assert!(exported(&other) == bytes, "the same entries are the same bytes");
}

fn all(store: &MemoryStore) -> Vec<(CacheId, Vec<Entry>)> {
    let entries = |id: CacheId| {
        read(store, &id);
        let entries = store.entries(&id).expect("memory can be read");
        (id, entries)
    };
    store.namespaces().expect("memory can be read").into_iter().map(|info| entries(info.id)).collect()
}
