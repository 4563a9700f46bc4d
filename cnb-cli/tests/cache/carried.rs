//! `cnb cache export` and `import`.

use std::fs;

use cnb_cache::store::CacheStore as _;

use crate::place::Place;
use crate::place::namespace;

#[test]
fn entries_are_carried_to_another_machine() {
    let here = Place::new();
    let a = here.put(10, "a", "../image", 400_000);
    here.put(10, "a", "small", 0);
    here.put(10, "b", "image", 7);
    let done = here.cache(&["export", &a[..3], "-o", "a.tar"]);
    assert_eq!(done.expect(0).stdout, "Exported 2 entries of 1 namespaces, 400.0 kB\n");
    here.cache(&["export", "--all", "--output", "all.tar"]).expect(0);

    let there = Place::new();
    there.put(10, "b", "own", 3);
    for (tar, a, b) in [
        ("a.tar", vec!["../image", "small"], vec!["own"]),
        ("all.tar", vec!["../image", "small"], vec!["image", "own"]),
    ] {
        let tar = here.path(tar);
        there.cache(&["import", tar.to_str().expect("text")]).expect(0);
        assert_eq!(
            (there.keys("a"), there.keys("b")),
            (a.iter().map(ToString::to_string).collect(), b.iter().map(ToString::to_string).collect())
        );
    }
    for project in ["a", "b"] {
        let id = namespace(project).id();
        for entry in here.store(0).entries(&id).expect("readable") {
            let carried = there.store(0).entry(&id, &entry.key).expect("readable").expect("it was carried");
            assert_eq!((&carried.digest, &carried.writer), (&entry.digest, &entry.writer));
            assert_eq!(
                there.store(0).bytes(&id, &carried).expect("whole"),
                here.store(0).bytes(&id, &entry).expect("whole")
            );
        }
    }
    assert_eq!(
        there.cache(&["ls", "--json"]).json()["namespaces"][0]["namespace"],
        namespace("a").to_string()
    );
}

#[test]
fn what_is_no_archive_is_refused_and_changes_nothing() {
    let place = Place::new();
    place.put(10, "a", "image", 1_000);
    place.cache(&["export", "--all", "-o", "good.tar"]).expect(0);
    let good = fs::read(place.path("good.tar")).expect("a file");
    let mut flipped = good.clone();
    let at = flipped.windows(8).rposition(|window| window == b"a image ").expect("the content");
    flipped[at] = b'b';
    for (name, bytes, reason) in [
        ("empty.tar", &b""[..], "it is empty"),
        ("half.tar", &good[..700], ""),
        ("flipped.tar", &flipped, "expected a content with the digest sha256:"),
    ] {
        fs::write(place.path(name), bytes).expect("a file");
        let other = Place::new();
        let path = place.path(name);
        let done = other.cache(&["import", path.to_str().expect("text")]);
        done.expect(3).says("is no archive of a cache, or it was changed: ").says(reason);
        done.says("\n  help: nothing was imported; make it again with `cnb cache export`");
        assert!(other.store(0).namespaces().expect("readable").is_empty(), "{name}");
    }
    place.cache(&["import", "none.tar"]).expect(3).says("error: failed to read `none.tar`: No such file");
    place.cache(&["import", "."]).expect(3).says("error: `.` is no file");
}

#[test]
fn an_export_is_there_complete_or_not_at_all() {
    let place = Place::new();
    let a = place.put(10, "a", "image", 1_000);
    place.put(10, "a", "other", 7);
    fs::write(place.path("old.tar"), "old").expect("a file");
    place
        .cache(&["export", "none", "-o", "old.tar"])
        .expect(2)
        .says("error: there is no namespace `none`\n  help: `cnb cache ls`");
    assert_eq!(fs::read_to_string(place.path("old.tar")).expect("a file"), "old");
    place.cache(&["export", &a, "-o", "none/a.tar"]).expect(1).says("error: failed to write `none/a.tar`: ");
    place.cache(&["export", "-o", "a.tar"]).expect(2);
    place.cache(&["export", "--all", &a, "-o", "a.tar"]).expect(2);
    assert!(!place.path("a.tar").exists());

    let store = place.store(0);
    let entry = store.entry(&namespace("a").id(), "other").expect("readable").expect("it is there");
    fs::write(place.path("state/store/blobs/sha256").join(entry.digest.hex()), "another").expect("a file");
    let done = place.cache(&["export", &a, "-o", "a.tar"]);
    done.expect(0)
        .says("warning: an entry is left out: a-")
        .says("the entry `other` of the cache cannot be used");
    assert_eq!(done.stdout, "Exported 1 entries of 1 namespaces, 1.0 kB\n");
    let names: Vec<_> =
        fs::read_dir(place.path(".")).expect("a directory").map(|it| it.expect("one").file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}
