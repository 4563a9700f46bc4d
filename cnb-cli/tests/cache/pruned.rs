//! `cnb cache prune`.

use std::fs;
use std::fs::File;

use cnb_cache::store::CacheStore as _;
use serde_json::json;

use crate::place::Place;
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
    assert_eq!(done.expect(0).json(), json!({ "entries": entries, "layers": [], "size": 200 }));
    let done = place.cache(&["prune", "-a", "--json"]).expect(0).json();
    assert_eq!(done["layers"], json!([{ "namespace": b, "mode": "root" }]));
    let done = place.cache(&["prune", "--all"]);
    assert_eq!(
        done.expect(0).stdout,
        "Removed 0 entries and 0 caches of layers\nTotal reclaimed space: 0 B\n"
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
