//! What is special about files: faults of disks and processes, and attacks.

use super::*;
use crate::store::suite;

#[test]
fn it_passes_the_suite() {
    let directory = tempfile::tempdir().expect("a directory");
    let number = std::cell::Cell::new(0);
    suite::run(&|clock| {
        number.set(number.get() + 1);
        Box::new(FileStore::new(directory.path().join(number.get().to_string()), clock))
    });
}
