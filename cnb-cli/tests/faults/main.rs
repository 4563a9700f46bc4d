//! What `cnb cache prune` leaves when it is killed.
//!
//! Needs strace: `cargo xtask test faults` sees to it.

#![forbid(unsafe_code)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use cnb_core::digest::DiffId;
use cnb_core::digest::Digest;
use cnb_oci::blob_store::BlobStore;
use cnb_oci::blob_store::kept;

#[path = "../common/place.rs"]
mod place;
#[expect(dead_code, reason = "the tests of cnb-lifecycle need more of it")]
#[path = "../../../cnb-lifecycle/tests/faults/random.rs"]
mod random;
#[path = "../../../cnb-lifecycle/tests/faults/strace.rs"]
mod strace;

use place::Place;
use random::Random;
use strace::kill;

const ROOTS: [u8; 2] = [1, 2];

const FILES: [&str; 3] = ["bin/sh", "bin/true", "etc/passwd"];

const LAYERS: [&str; 3] = ["one", "two", "three"];

/// A state with roots of a few files, and layers that were made.
fn fill(state: &Path) {
    for root in ROOTS.map(|name| root(state, name)) {
        for file in FILES.map(|file| root.join(file)) {
            fs::create_dir_all(file.parent().expect("it is below")).expect("a directory");
            fs::write(file, "content").expect("a file");
        }
        fs::write(root.with_extension("lock"), "").expect("a file");
    }
    let store = BlobStore::open(state).expect("a store");
    for layer in LAYERS {
        let mut blob = store.create().expect("a blob");
        blob.write_all(layer.as_bytes()).expect("space");
        blob.commit(&diff_id(layer)).expect("a layer");
    }
}

fn root(state: &Path, name: u8) -> PathBuf {
    state.join("root/roots").join(Digest::from_bytes([name; 32]).hex())
}

fn diff_id(layer: &str) -> DiffId {
    cnb_oci::digest(layer.as_bytes())
}

/// What is there of roots and layers is whole. Returns how many are.
fn count_whole(state: &Path) -> usize {
    let roots = ROOTS.into_iter().map(|name| root(state, name)).filter(|root| root.exists());
    let roots = roots.inspect(|root| {
        for file in FILES {
            assert_eq!(fs::read_to_string(root.join(file)).expect(file), "content", "{}", root.display());
        }
    });
    let roots = roots.count();
    let store = BlobStore::open(state).expect("a store");
    for blob in kept::list(state).expect("readable") {
        store.blobs().verify(&blob.digest, blob.bytes).expect("it is whole");
    }
    roots + LAYERS.iter().filter(|layer| store.layer(&diff_id(layer)).expect("readable").is_some()).count()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).expect("a directory");
    }
    let status = Command::new("cp").arg("--archive").args([from, to]).status().expect("cp can be run");
    assert!(status.success());
}

#[test]
#[ignore = "needs strace: run by cargo xtask test faults"]
fn a_prune_that_is_killed_leaves_what_is_whole() {
    let mut random = Random::new("cache prune");
    let place = Place::new();
    let [state, full, seen] = ["state", "full", "seen"].map(|name| place.path(name));
    fill(&full);
    let prune = || {
        let mut prune = place.cnb();
        prune.args(["cache", "prune", "--all", "--cache-dir"]).arg(&state);
        prune
    };
    let (mut least, mut most) = (usize::MAX, 0);
    let directory = state.to_str().expect("text");
    let kills = kill(
        &mut random,
        &prune(),
        directory,
        || copy(&full, &state),
        |event| {
            // Looking removes what is in vain, which is for the next prune to do.
            copy(&state, &seen);
            let whole = count_whole(&seen);
            (least, most) = (least.min(whole), most.max(whole));
            let output = prune().output().expect("it can be run");
            assert!(output.status.success() && output.stderr.is_empty(), "{event:?}: {output:?}");
            assert_eq!(files(&state), [""; 0].map(PathBuf::from), "{event:?}");
        },
    );
    assert!(kills > 20, "{kills}");
    assert!(least < most && most <= ROOTS.len() + LAYERS.len(), "{least} to {most}");
}
