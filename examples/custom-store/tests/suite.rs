//! The public suite of cnb-cache: what it says is true of this store.

use std::process::Command;

use cnb_cache::store::suite;
use custom_store::BucketStore;
use custom_store::MemoryBucket;

#[test]
fn it_passes_the_suite() {
    suite::run(&|clock| Box::new(BucketStore::new(MemoryBucket::default(), clock)));
}

#[test]
fn the_program_says_what_happens() {
    let done = Command::new(env!("CARGO_BIN_EXE_custom-store")).output().expect("the program starts");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{done:?}");
    for line in [
        "the last build of shop was Some(\"2\")",
        "a pull request cannot leave anything: the cache is only read",
        "web was poisoned: the entry `image` of the cache cannot be used: expected a content with the digest",
        "1 entry with 62 bytes went",
    ] {
        assert!(said.contains(line), "{line}\nis not in\n{said}");
    }
}
