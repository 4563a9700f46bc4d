//! `cnb cache ls`.

use std::fs;

use serde_json::json;

use crate::place::Place;
use crate::place::digest;
use crate::place::namespace;

#[test]
fn nothing_is_listed_where_nothing_is() {
    let place = Place::new();
    let done = place.cache(&["ls"]);
    let expected = "ID  ENTRIES  SIZE  LAYERS  LAST USED  NAMESPACE\n\nTotal: 0 B\n";
    assert_eq!(done.expect(0).stdout, expected);
    let nothing = json!({ "namespaces": [], "roots": [], "blobs": [], "size": 0 });
    assert_eq!(place.cache(&["ls", "--json"]).expect(0).json(), nothing);
    assert!(!place.path("state").exists(), "looking changes nothing");
}

#[test]
fn whose_builds_keep_what_is_listed() {
    let place = Place::new();
    let shop = place.put(1_000, "shop", "image", 1_500);
    place.put(2_000, "shop", "layers", 500);
    let other = "web-0";
    place.layers(3_000, "root", &shop, 2_000_000);
    place.layers(4_000, "range", &shop, 1);
    place.layers(5_000, "root", other, 7);

    let done = place.cache(&["ls"]);
    let lines: Vec<&str> = done.expect(0).stdout.lines().collect();
    assert!(lines[0].starts_with("ID ") && lines[0].ends_with("  NAMESPACE"), "{lines:#?}");
    let cells: Vec<Vec<&str>> = lines[1..3]
        .iter()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(cells[0][..4], [&shop, "2", "2.0 kB", "2.0 MB"]);
    assert!(cells[0][4].ends_with(" weeks ago"), "{cells:?}");
    assert_eq!(cells[0][5], namespace("shop").to_string());
    assert_eq!(cells[1][..4], [other, "0", "0 B", "7 B"]);
    assert_eq!(lines[4], "Total: 2.0 MB");

    let json = place.cache(&["ls", "--json"]).expect(0).json();
    let [first, second] = &json["namespaces"].as_array().expect("a list")[..] else { panic!("{json}") };
    assert_eq!((&first["id"], &first["size"], &first["used"]), (&json!(shop), &json!(2_000), &json!(4_000)));
    assert_eq!(first["namespace"], namespace("shop").to_string());
    assert_eq!(
        first["layers"],
        json!([{ "mode": "range", "size": 1, "used": 4_000 }, { "mode": "root", "size": 2_000_000, "used": 3_000 }])
    );
    let entry = &first["entries"][0];
    assert_eq!(
        (&entry["key"], &entry["size"], &entry["used"]),
        (&json!("image"), &json!(1_500), &json!(1_000))
    );
    assert_eq!(entry["writer"], json!({ "namespace": namespace("shop").to_string() }));
    assert_eq!(
        (&second["id"], &second["used"], &json["size"]),
        (&json!(other), &json!(5_000), &json!(2_002_008))
    );
}

#[test]
fn what_is_kept_of_images_is_listed() {
    let place = Place::new();
    place.root(3_000, "root", 1, 2_000_000);
    place.root(1_000, "range", 2, 500);
    place.blob(2_000, 3, 700);
    let done = place.cache(&["ls"]);
    let lines: Vec<&str> = done.expect(0).stdout.lines().skip(1).collect();
    let [empty, roots, blobs, again, total] = lines[..] else { panic!("{lines:#?}") };
    assert_eq!((empty, again, total), ("", "", "Total: 2.0 MB"));
    assert!(roots.starts_with("Root file systems: 2, 2.0 MB, last used ") && roots.ends_with(" weeks ago"));
    assert!(blobs.starts_with("Layers of images: 1, 700 B, last used "), "{blobs}");

    let json = place.cache(&["ls", "--json"]).expect(0).json();
    let [two, one, three] = [2, 1, 3].map(digest);
    let roots = json!([
        { "mode": "range", "chain": two, "size": 500, "used": 1_000 },
        { "mode": "root", "chain": one, "size": 2_000_000, "used": 3_000 },
    ]);
    assert_eq!(json["roots"], roots);
    assert_eq!(json["blobs"], json!([{ "digest": three, "size": 700, "used": 2_000 }]));
    assert_eq!(json["size"], 2_001_200);
}

#[test]
fn what_others_wrote_is_shown_and_not_obeyed() {
    let place = Place::new();
    let id = place.put(1_000, "shop", "image", 10);
    let namespace = place.path("state/store/ns").join(&id);
    fs::write(namespace.join("namespace"), "\u{1b}[2J\u{1b}]0;gone\u{7}\nproject").expect("a file");
    fs::write(namespace.join("index.json"), "garbage").expect("a file");
    let done = place.cache(&["ls"]);
    done.expect(0).says("warning: the index ").says("cannot be used: expected value at line 1 column 1");
    assert!(!done.stdout.contains(['\u{1b}', '\u{7}']), "{done:?}");
    assert!(done.stdout.contains(&format!("{id}        0")), "{done:#?}");
    place.cache(&["prune"]).expect(0);
    assert_eq!(place.cache(&["ls", "--json"]).expect(0).json()["namespaces"], json!([]));
}
