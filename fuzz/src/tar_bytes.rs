//! Bytes as a tar, through all that read tars: layers, layers of a cache, archives of images and of caches.

use std::fs;
use std::io::Cursor;
use std::io::Read;
use std::sync::Arc;

use cnb_cache::store::CacheStore as _;
use cnb_cache::store::MemoryStore;
use cnb_cache::store::archive as cache;
use cnb_lifecycle::restore::check::check as check_layer;
use cnb_lifecycle::restore::extract::extract;
use cnb_oci::apply::Options;
use cnb_oci::apply::Owners;
use cnb_oci::apply::apply;
use cnb_oci::apply::decompress;
use cnb_oci::archive;
use cnb_oci::descriptor::media_type;

use crate::Input;
use crate::cage::Cage;
use crate::listing::BLOCK;
use crate::listing::mend;

/// Reads what is compressed as it is, and everything else with right checksums, as no fuzzer finds them.
pub fn check(data: &[u8]) -> Input {
    if data.starts_with(&GZIP) {
        read_all(data, media_type::OCI_LAYER_GZIP);
    } else {
        read_all(&mended(data), media_type::OCI_LAYER);
    }
    Input::Used
}

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Bytes that are read of a compressed input.
const MOST: u64 = 1 << 20;

fn read_all(data: &[u8], media_type: &str) {
    let tar = || decompress(media_type, data).expect("a known media type").take(MOST);

    let cage = Cage::new();
    let _ = apply(&cage.room(), "layer", tar(), &Options::new(Owners::Process));
    let _ = extract(tar(), &cage.room());
    let _ = check_layer(tar(), "/layers/a/b".as_ref());
    let store = MemoryStore::new(Arc::new(|| 7));
    if cache::import(&store, &mut Cursor::new(data)).is_err() {
        assert_eq!(store.namespaces().expect("memory can be read"), []);
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), data).expect("a file");
    if let Ok(layout) = archive::oci::read(file.path(), &cage.room()) {
        layout.index().expect("the index was read before");
    }
    cage.close();
}

/// With the right checksum where a reader looks for a header.
fn mended(data: &[u8]) -> Vec<u8> {
    let (mut tar, mut at) = (data.to_vec(), 0);
    while let Some(header) = tar.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<BLOCK>()) {
        if *header == [0; BLOCK] {
            break;
        }
        mend(header);
        let header = tar::Header::from_byte_slice(header);
        // Only those have content.
        let has_content = matches!(header.as_old().linkflag[0], 0 | b'0' | b'7' | b'g' | b'x' | b'K' | b'L');
        let size =
            header.entry_size().ok().and_then(|size| usize::try_from(size).ok()).filter(|_| has_content);
        let Some(next) =
            size.unwrap_or(0).checked_next_multiple_of(BLOCK).and_then(|size| size.checked_add(at + BLOCK))
        else {
            break;
        };
        at = next;
    }
    tar
}
