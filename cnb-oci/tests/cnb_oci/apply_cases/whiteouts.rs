//! What layers hide of those below them.

use cnb_oci::apply;
use cnb_oci::apply::Options;
use cnb_oci::apply::Owners;

use super::Scene;
use super::tar_bytes::Raw;
use super::tar_bytes::dir;
use super::tar_bytes::file;
use super::tar_bytes::hard_link;
use super::tar_bytes::symlink;
use super::tar_bytes::tar;

fn lower() -> Vec<u8> {
    tar([dir("a"), file("a/x", "1"), file("a/b/y", "1"), symlink("l", "a")])
}

#[test]
fn whiteouts_hide_what_lower_layers_have_alone() {
    let opaque = ".wh..wh..opq";
    let cases: Vec<(&str, Vec<Raw>, &[&str])> = vec![
        ("file", vec![file("a/.wh.x", "")], &["a/", "a/b/", "a/b/y 1", "l -> a"]),
        ("directory", vec![file(".wh.a", "")], &["l -> a"]),
        ("link", vec![file(".wh.l", "")], &["a/", "a/b/", "a/b/y 1", "a/x 1"]),
        ("through a link", vec![file("l/.wh.x", "")], &["a/", "a/b/", "a/b/y 1", "l -> a"]),
        (
            "missing",
            vec![file("no/.wh.x", ""), file(".wh.no", ""), file("a/x/.wh.y", "")],
            &["a/", "a/b/", "a/b/y 1", "a/x 1", "l -> a"],
        ),
        ("re-added", vec![file(".wh.a", ""), file("a/z", "2")], &["a/", "a/z 2", "l -> a"]),
        ("added before", vec![dir("a"), file("a/z", "2"), file(".wh.a", "")], &["a/", "a/z 2", "l -> a"]),
        ("opaque first", vec![file(format!("a/{opaque}"), ""), file("a/z", "2")], &["a/", "a/z 2", "l -> a"]),
        (
            "opaque last",
            vec![dir("a"), file("a/z", "2"), file(format!("a/{opaque}"), "")],
            &["a/", "a/z 2", "l -> a"],
        ),
        (
            "opaque, deep",
            vec![file("a/b/z", "2"), file(format!("a/{opaque}"), "")],
            &["a/", "a/b/", "a/b/z 2", "l -> a"],
        ),
        (
            "opaque, linked",
            vec![file("l/z", "2"), file(format!("a/{opaque}"), "")],
            &["a/", "a/z 2", "l -> a"],
        ),
        (
            "opaque, hard link",
            vec![hard_link("h", "a/x"), file(format!("a/{opaque}"), "")],
            &["a/", "h 1", "l -> a"],
        ),
        ("opaque root", vec![file("z", "2"), file(opaque, "")], &["z 2"]),
        (
            "aufs",
            vec![file(".wh..wh.aufs", ""), dir(".wh..wh.plnk"), file(".wh..wh.plnk/1", "")],
            &["a/", "a/b/", "a/b/y 1", "a/x 1", "l -> a"],
        ),
    ];
    for (case, entries, expected) in cases {
        let scene = Scene::with(&[lower(), tar(entries)]);
        assert_eq!(scene.files(), expected, "{case}");
    }
}

#[test]
fn a_layer_alone_hides_nothing() {
    let scene = Scene::with(&[lower()]);
    let upper = tar([file(".wh.a", ""), file("a/.wh..wh..opq", ""), file(".wh...", ""), file("z", "2")]);
    apply::apply(&scene.root(), "test", &*upper, &Options::alone(Owners::Process)).expect("a layer");
    assert_eq!(scene.files(), ["a/", "a/b/", "a/b/y 1", "a/x 1", "l -> a", "z 2"]);
}
