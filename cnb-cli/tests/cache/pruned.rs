//! `cnb cache prune`.

use std::fs;
use std::fs::File;

use cnb_cache::store::CacheStore as _;
use serde_json::json;

use crate::place::Place;
use crate::place::digest;
use crate::place::namespace;

/// Two projects with entries of 100 bytes, the second with layers of 1000 bytes, used last year or just now.
fn filled() -> Place {
    let place = Place::new();
    place.put(10, "a", "old", 100);
    place.put(30, "a", "new", 100);
    let b = place.put(20, "b", "old", 100);
    place.layers(40, "root", &b, 1_000);
    place
}

fn left(place: &Place) -> String {
    let of =
        |project: &'static str| place.keys(project).into_iter().map(move |key| format!("{project}-{key}"));
    let layers = fs::read_dir(place.path("state/caches/root")).expect("a directory");
    let layers = layers.filter(|entry| entry.as_ref().expect("an entry").path().join("files").exists());
    let layers = layers.map(|_| "layers".to_owned());
    of("a").chain(of("b")).chain(layers).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    let cases: [(&[&str], &str, &str); 9] = [
        (&[], "a-new a-old b-old layers", "0 B"),
        (&["--max-size", "1.3kB"], "a-new a-old b-old layers", "0 B"),
        (&["--max-size", "1299"], "a-new b-old layers", "100 B"),
        (&["--max-size", "1kB"], "layers", "300 B"),
        (&["--max-size", "999B"], "", "1.3 kB"),
        (&["--max-size-per-namespace", "150"], "a-new", "1.2 kB"),
        (&["--max-size-per-namespace", "1000"], "a-new a-old layers", "100 B"),
        (&["--older-than", "7d"], "", "1.3 kB"),
        (&["--all"], "", "1.3 kB"),
    ];
    for (flags, expected, size) in cases {
        let place = filled();
        let done = place.cache(&[&["prune"], flags].concat());
        let total = format!("\nTotal reclaimed space: {size}\n");
        assert!(done.expect(0).stdout.ends_with(&total), "{flags:?}: {done:#?}");
        assert_eq!(done.stderr, "", "{flags:?}");
        assert_eq!(left(&place), expected, "{flags:?}");
        for entry in place.store(0).entries(&namespace("a").id()).expect("readable") {
            place.store(0).bytes(&namespace("a").id(), &entry).expect("what stays is whole");
        }
    }
}

#[test]
fn what_is_removed_is_told() {
    let place = filled();
    let done = place.cache(&["prune", "--max-size", "1100", "--json"]);
    let [a, b] = ["a", "b"].map(|project| namespace(project).id().as_str().to_owned());
    let entries = json!([{ "namespace": a, "key": "old" }, { "namespace": b, "key": "old" }]);
    let expected = json!({ "entries": entries, "layers": [], "roots": [], "blobs": [], "size": 200 });
    assert_eq!(done.expect(0).json(), expected);
    let done = place.cache(&["prune", "-a", "--json"]).expect(0).json();
    assert_eq!(done["layers"], json!([{ "namespace": b, "mode": "root" }]));
    let done = place.cache(&["prune", "--all"]);
    assert_eq!(
        done.expect(0).stdout,
        "Removed 0 entries, 0 caches of layers, 0 root file systems and 0 layers of images\nTotal reclaimed space: 0 B\n"
    );
    let nothing = Place::new();
    nothing.cache(&["prune", "--all"]).expect(0);
    assert!(!nothing.path("state").exists());
}

#[test]
fn layers_that_a_build_has_stay() {
    let place = filled();
    let b = place.path("state/caches/root").join(namespace("b").id().as_str());
    let lock = File::create(b.join("lock")).expect("a file");
    lock.lock().expect("nobody has it");
    let done = place.cache(&["prune", "--all"]);
    done.expect(0).says("warning: a build has the layers of b-");
    assert_eq!(left(&place), "layers");
    drop(lock);
    place.cache(&["prune", "--all"]).expect(0);
    assert_eq!(left(&place), "");
}

/// What is left of roots and blobs, by name; and that nothing else is left.
fn images_left(place: &Place) -> Vec<String> {
    let names = |directory: &str| -> Vec<String> {
        let entries = fs::read_dir(place.path("state").join(directory)).expect("a directory");
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
    };
    let mut left = Vec::new();
    let [roots, blobs, uses, index] = ["root/roots", "blobs/sha256", "uses", "diffids"].map(names);
    for (name, byte) in [("root 1", 1), ("root 2", 2), ("blob 3", 3), ("blob 4", 4)] {
        let hex = digest(byte).hex().to_owned();
        let [is_root, is_blob] = [&roots, &blobs].map(|names| names.contains(&hex));
        assert_eq!(roots.contains(&format!("{hex}.lock")), is_root, "{name}: {roots:?}");
        assert_eq!(uses.contains(&hex), is_blob, "{name}: {uses:?}");
        let of_index = format!("{}.json", digest(byte + 100).hex());
        assert_eq!(index.contains(&of_index), is_blob, "{name}: {index:?}");
        left.extend((is_root || is_blob).then(|| name.to_owned()));
    }
    assert_eq!(roots.len() + blobs.len() + uses.len() + index.len(), {
        let roots = left.iter().filter(|name| name.starts_with("root")).count();
        2 * roots + 3 * (left.len() - roots)
    });
    left
}

/// Two roots and two blobs, and an entry of 100 bytes.
fn with_images() -> Place {
    let place = Place::new();
    place.root(10, "root", 1, 1_000);
    place.blob(20, 3, 200);
    place.put(30, "a", "old", 100);
    place.root(40, "root", 2, 500);
    place.blob(50, 4, 400);
    place
}

#[test]
fn roots_and_blobs_go_by_their_last_use() {
    let cases: [(&[&str], &[&str], &str); 7] = [
        (&[], &["root 1", "root 2", "blob 3", "blob 4"], "0 B"),
        (&["--max-size-per-namespace", "0B"], &["root 1", "root 2", "blob 3", "blob 4"], "100 B"),
        (&["--max-size", "2199"], &["root 2", "blob 3", "blob 4"], "1.0 kB"),
        (&["--max-size", "1199"], &["root 2", "blob 4"], "1.2 kB"),
        (&["--max-size", "999"], &["root 2", "blob 4"], "1.3 kB"),
        (&["--max-size", "899"], &["blob 4"], "1.8 kB"),
        (&["--older-than", "7d"], &[], "2.2 kB"),
    ];
    for (flags, expected, size) in cases {
        let place = with_images();
        let done = place.cache(&[&["prune"], flags].concat());
        let total = format!("\nTotal reclaimed space: {size}\n");
        assert!(done.expect(0).stdout.ends_with(&total), "{flags:?}: {done:#?}");
        assert_eq!(images_left(&place), expected, "{flags:?}");
    }
    let done = with_images().cache(&["prune", "--all", "--json"]).expect(0).json();
    let [one, two, three, four] = [1, 2, 3, 4].map(digest);
    assert_eq!(done["roots"], json!([{ "mode": "root", "chain": one }, { "mode": "root", "chain": two }]));
    assert_eq!((&done["blobs"], &done["size"]), (&json!([three, four]), &json!(2_200)));
}

#[test]
fn roots_and_blobs_that_a_build_uses_stay() {
    let place = with_images();
    let used = [place.root(10, "root", 1, 1_000), place.blob(20, 3, 200)];
    let used = used.map(|path| {
        let file = File::open(path).expect("a file");
        file.lock_shared().expect("nobody has it alone");
        file
    });
    let done = place.cache(&["prune", "--all"]);
    done.expect(0).says("warning: builds use 1 root file system: they stay");
    done.says("warning: builds use 1 layer of images: they stay");
    assert_eq!(images_left(&place), ["root 1", "blob 3"]);
    drop(used);
    place.cache(&["prune", "--all"]).expect(0);
    assert_eq!(images_left(&place), [""; 0]);
}

#[test]
fn what_killed_processes_left_goes_without_options() {
    let place = with_images();
    let [old, new] = [("old", 1), ("new", 5)].map(|(extension, byte)| {
        place.path("state/root/roots").join(digest(byte).hex()).with_extension(extension)
    });
    for left in [&old, &new] {
        fs::create_dir(left).expect("a directory");
        fs::write(left.join("file"), "12345").expect("a file");
    }
    fs::remove_file(place.path("state/blobs/sha256").join(digest(3).hex())).expect("it is there");
    let done = place.cache(&["prune"]);
    assert!(done.expect(0).stdout.ends_with("\nTotal reclaimed space: 10 B\n"), "{done:#?}");
    assert_eq!(images_left(&place), ["root 1", "root 2", "blob 4"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = filled();
    let cases: [(&[&str], &str); 4] = [
        (&["--max-size", "much"], "`much` is no size: it is a number with a unit, like 2GB"),
        (&["--older-than", "7"], "`7` is no span of time: it is a number with a unit, like 7d"),
        (&["--all", "--max-size", "1GB"], "cannot be used with"),
        (&["everything"], "unexpected argument"),
    ];
    for (flags, message) in cases {
        place.cache(&[&["prune"], flags].concat()).expect(2).says(message);
    }
    assert_eq!(left(&place), "a-new a-old b-old layers");
}
