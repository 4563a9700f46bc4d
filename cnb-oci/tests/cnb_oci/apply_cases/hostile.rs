//! Layers that want out, or make no sense.

use cnb_core::backend::ErrorKind;
use cnb_oci::apply::Error;
use cnb_oci::apply::What;
use tar::EntryType;

use super::Scene;
use super::tar_bytes::Raw;
use super::tar_bytes::device;
use super::tar_bytes::dir;
use super::tar_bytes::file;
use super::tar_bytes::hard_link;
use super::tar_bytes::pax;
use super::tar_bytes::symlink;
use super::tar_bytes::tar;

#[test]
fn names_and_links_stay_in_the_root() {
    let scene = Scene::new();
    let outside = scene.outside();
    let outside = outside.to_str().expect("text");
    let inner = |rest: &str| format!("{}/{rest}", outside.trim_start_matches('/'));
    let cases: Vec<(&str, Vec<Raw>, String)> = vec![
        ("..", vec![file("../outside/a", "x")], "outside/a x".into()),
        ("absolute", vec![pax(&[("path", format!("{outside}/a").as_bytes())]), file("n", "x")], inner("a x")),
        ("absolute link", vec![symlink("l", outside), file("l/a", "x")], inner("a x")),
        ("relative link", vec![symlink("l", "../outside"), file("l/a", "x")], "outside/a x".into()),
        ("chain", vec![symlink("k", "l/.."), symlink("l", "../.."), file("k/a", "x")], "a x".into()),
        ("last name", vec![symlink("s", format!("{outside}/secret")), file("s", "x")], "s x".into()),
        ("link as directory", vec![symlink("d", outside), dir("d"), file("d/a", "x")], "d/a x".into()),
        ("dir replaced", vec![dir("d"), symlink("d", outside), file("d/a", "x")], inner("a x")),
        ("/proc", vec![symlink("p", "/proc/self/cwd"), file("p/a", "x")], "proc/self/cwd/a x".into()),
    ];
    for (case, entries, expected) in cases {
        let scene = Scene::with(&[tar(entries)]);
        scene.assert_contained(case);
        assert!(scene.files().contains(&expected), "{case}: {:?}", scene.files());
    }
    scene.assert_contained("none");
}

#[test]
fn links_and_whiteouts_reach_nothing_outside() {
    let outside = Scene::new();
    let secret = outside.outside().join("secret");
    let secret = secret.to_str().expect("text");
    let linked = |target: &str| tar([pax(&[("linkpath", target.as_bytes())]), hard_link("h", "n")]);
    let refused = [
        ("absolute", linked(secret)),
        ("dots", linked("../outside/secret")),
        ("through a link", tar([symlink("l", "../outside"), hard_link("h", "l/secret")])),
        ("directory", tar([dir("d"), hard_link("h", "d")])),
        ("root", linked("..")),
        ("within what it replaces", tar([file("d/a", "x"), hard_link("d", "d/a")])),
        ("whiteout of nothing", tar([file(".wh.", "")])),
        ("whiteout of .", tar([file(".wh..", "")])),
        ("whiteout of ..", tar([file("d/.wh...", "")])),
        ("root is a file", tar([file("..", "x")])),
        ("no name", tar([file("", "x")])),
        ("root is a link", tar([symlink("./", "/")])),
        ("huge user", tar([pax(&[("uid", b"4294967295")]), file("a", "")])),
    ];
    for (case, bytes) in refused {
        let scene = Scene::new();
        // A directory on the way makes the whiteout below it effective.
        scene.apply(&tar([dir("d")])).expect("a directory");
        let error = scene.apply(&bytes).expect_err(case);
        assert!(matches!(error, Error::Invalid { .. }), "{case}: {error:?}");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{case}");
        assert!(error.to_string().contains("of layer test"), "{case}: {error}");
        scene.assert_contained(case);
    }
    for (case, whiteout) in [
        ("absolute", ".wh.secret"),
        ("through a link", "l/.wh.secret"),
        ("through a link, opaque", "l/.wh..wh..opq"),
        ("dots", "../outside/.wh.secret"),
    ] {
        let scene = Scene::with(&[tar([symlink("l", "../outside")]), tar([file(whiteout, "")])]);
        scene.assert_contained(case);
    }
}

#[test]
fn directories_of_no_name_are_the_root_which_stays() {
    for name in ["", ".", "./", "/", "..", "a/.."] {
        let scene = Scene::with(&[tar([dir(name).set(|header| header.set_mode(0)), file("a", "x")])]);
        assert_eq!(scene.files(), ["a x"], "{name}");
    }
}

#[test]
fn a_file_is_no_parent() {
    let error = Scene::new().apply(&tar([file("a", "x"), file("a/b", "x")])).expect_err("a file");
    assert!(matches!(&error, Error::Write { entry, .. } if entry == "a/b"), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn loops_of_links_end() {
    let loops = tar([symlink("a", "b"), symlink("b", "a"), file("a/x", "")]);
    assert!(matches!(Scene::new().apply(&loops), Err(Error::Write { .. })));
    let growing = tar([symlink("a", "a/a"), file("a/x", "")]);
    assert!(matches!(Scene::new().apply(&growing), Err(Error::Write { .. })));
}

#[test]
fn broken_streams_are_corrupt() {
    let whole = tar([file("a", "x"), file("b", [b'y'; 2000])]);
    let mut checksum = whole.clone();
    checksum[1024] ^= 1;
    let huge = file("a", "x").set(|header| header.set_size(1 << 40));
    let endless = file("a", "x").set(|header| header.set_size(u64::MAX));
    let long = pax(&[("path", b"b")]).set(|header| header.set_size(1 << 30));
    let cases = [
        ("in content", whole[..2000].to_vec()),
        ("in a header", whole[..1100].to_vec()),
        ("checksum", checksum),
        ("huge", tar([huge])),
        ("endless", tar([endless])),
        ("huge name", tar([long, file("a", "")])),
        ("nothing behind a name", tar([pax(&[("path", b"b")])])),
    ];
    for (case, bytes) in cases {
        let error = Scene::new().apply(&bytes).expect_err(case);
        assert!(matches!(error, Error::Read { .. }), "{case}: {error:?}");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{case}: {error:?}");
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    for entry in [Raw::new("a", EntryType::GNUSparse), Raw::new("a", EntryType::new(b'Z'))] {
        let error = Scene::new().apply(&tar([entry])).expect_err("an unknown type");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn what_means_something_to_overlays_is_left_out_and_reported() {
    let scene = Scene::new();
    let attribute = "user.overlay.opaque";
    let records = pax(&[(&format!("SCHILY.xattr.{attribute}"), b"y")]);
    let report = scene.apply(&tar([device("null", 0, 0), records, dir("d")])).expect("a layer");
    let entries: Vec<_> = report.skipped.iter().map(|skipped| (&*skipped.entry, &skipped.what)).collect();
    assert_eq!(entries, [("null", &What::Device), ("d", &What::Attribute(attribute.to_owned()))]);
    assert_eq!(scene.files(), ["d/"]);
}
