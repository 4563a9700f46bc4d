//! All kinds of files, with what they have.

use std::fs;
use std::fs::Metadata;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;

use cnb_core::backend::User;
use cnb_oci::apply;
use cnb_oci::apply::Options;
use cnb_oci::apply::Owners;
use cnb_oci::apply::What;
use cnb_oci::compression::Compressor;
use cnb_oci::descriptor::media_type;
use tar::EntryType;

use super::Scene;
use super::is_root;
use super::tar_bytes::Raw;
use super::tar_bytes::device;
use super::tar_bytes::dir;
use super::tar_bytes::file;
use super::tar_bytes::gnu_long;
use super::tar_bytes::hard_link;
use super::tar_bytes::pax;
use super::tar_bytes::symlink;
use super::tar_bytes::tar;

fn owned(entry: Raw, uid: u64, gid: u64, mode: u32) -> Raw {
    entry.set(|header| {
        header.set_uid(uid);
        header.set_gid(gid);
        header.set_mode(mode);
    })
}

fn metadata(scene: &Scene, path: &str) -> Metadata {
    fs::symlink_metadata(scene.root().join(path)).expect("a file")
}

#[test]
fn every_kind_comes_back() {
    let scene = Scene::with(&[tar([
        dir("d/"),
        file("d/f", "content"),
        file("made/on/the/way", ""),
        symlink("s", "/nowhere"),
        file("s/x", "made where the link leads"),
        hard_link("h", "d/f"),
        hard_link("h2", "/h"),
        hard_link("h2", "h"),
        hard_link("hs", "s"),
        Raw::new("p", EntryType::Fifo),
        file(b"\xff\xfe", "no text"),
        file("again", "1"),
        file("again", "2"),
    ])]);
    let expected = [
        "\\xff\\xfe no text",
        "again 2",
        "d/",
        "d/f content",
        "h content",
        "h2 content",
        "hs -> /nowhere",
        "made/",
        "made/on/",
        "made/on/the/",
        "made/on/the/way ",
        "nowhere/",
        "nowhere/x made where the link leads",
        "p pipe",
        "s -> /nowhere",
    ];
    assert_eq!(scene.files(), expected);
    assert_eq!(metadata(&scene, "d/f").nlink(), 3);
    assert_eq!(metadata(&scene, "made/on").mode() & 0o7777, 0o755);
}

#[test]
fn everything_but_a_directory_on_a_directory_replaces() {
    let lower = tar([file("d/x", "1"), file("f", "1"), hard_link("g", "f"), symlink("l", "d")]);
    let upper = tar([dir("f"), file("g", "2"), dir("l"), file("l/y", "2"), dir("d")]);
    let scene = Scene::with(&[lower.clone(), upper]);
    assert_eq!(scene.files(), ["d/", "d/x 1", "f/", "g 2", "l/", "l/y 2"]);
    let scene = Scene::with(&[lower, tar([file("d", "2"), symlink("f", "g")])]);
    assert_eq!(scene.files(), ["d 2", "f -> g", "g 1", "l -> d"]);
}

#[test]
fn a_file_does_not_change_through_its_other_names() {
    let scene = Scene::with(&[tar([file("a", "1"), hard_link("b", "a")]), tar([file("a", "2")])]);
    assert_eq!(scene.files(), ["a 2", "b 1"]);
}

#[test]
fn modes_and_times_are_the_layers() {
    let at = |entry: Raw, time| entry.set(|header| header.set_mtime(time));
    let scene = Scene::with(&[tar([
        owned(at(dir("t"), 5), 0, 0, 0o1777),
        owned(at(dir("sealed"), 6), 0, 0, 0o555),
        owned(at(file("sealed/f", "x"), 7), 0, 0, 0o4511),
        at(symlink("l", "sealed"), 8),
        pax(&[("mtime", b"9.5")]),
        dir("sealed/d"),
    ])]);
    let cases = [
        ("t", 0o1777, 5),
        ("sealed", 0o555, 6),
        ("sealed/f", 0o4511, 7),
        ("l", 0o777, 8),
        ("sealed/d", 0o755, 9),
    ];
    for (path, mode, time) in cases {
        let metadata = metadata(&scene, path);
        assert_eq!((metadata.mode() & 0o7777, metadata.mtime()), (mode, time), "{path}");
    }
    assert_eq!(metadata(&scene, "sealed/d").mtime_nsec(), 500_000_000);
    // Lets everybody remove it.
    fs::set_permissions(scene.root().join("sealed"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("a mode");
}

#[test]
fn owners_are_the_layers_where_that_is_possible() {
    let scene = Scene::with(&[tar([
        owned(file("set-id", "x"), 1001, 1002, 0o6755),
        owned(symlink("l", "set-id"), 1003, 1003, 0o777),
        owned(file("base-256", ""), 3_000_000, 3_000_001, 0o600),
        pax(&[("uid", b"2147483650"), ("gid", b"7")]),
        dir("pax"),
    ])]);
    assert_eq!(metadata(&scene, "set-id").mode() & 0o7777, 0o6755);
    let cases = [
        ("set-id", 1001, 1002),
        ("l", 1003, 1003),
        ("base-256", 3_000_000, 3_000_001),
        ("pax", 2_147_483_650, 7),
    ];
    for (path, uid, gid) in cases {
        let metadata = metadata(&scene, path);
        assert_eq!((metadata.uid(), metadata.gid()) == (uid, gid), is_root(), "{path}");
    }
}

#[test]
fn a_user_who_does_not_exist_gives_no_rights() {
    let scene = Scene::new();
    let layer = tar([owned(file("a", ""), 5000, 0, 0o6755)]);
    let options = Options::new(Owners::Layer { ids: 1 });
    let report = apply::apply(&scene.root(), "test", &*layer, &options).expect("a layer");
    assert_eq!(report.skipped.len(), 1);
    assert_eq!(report.skipped[0].what, What::Owner(User::new(5000, 0)));
    assert_eq!(metadata(&scene, "a").mode() & 0o7777, 0o755);
}

#[test]
fn names_may_be_long() {
    let long = ["d".repeat(200), "e".repeat(200)].join("/");
    let scene = Scene::with(&[tar([
        pax(&[
            ("SCHILY.xattr.user.a", b"line\nfeed"),
            ("path", format!("{long}/pax").as_bytes()),
            ("size", b"3"),
        ]),
        // The size in the header is not the one that counts.
        Raw { content: b"abc".to_vec(), ..file("short", "") },
        gnu_long(EntryType::GNULongName, &format!("{long}/gnu")),
        gnu_long(EntryType::GNULongLink, &format!("{long}/target")),
        symlink("short", "short"),
    ])]);
    let files = scene.files();
    assert!(files.contains(&format!("{long}/pax abc")), "{files:?}");
    assert!(files.contains(&format!("{long}/gnu -> {long}/target")), "{files:?}");
}

#[test]
fn attributes_are_set_or_reported() {
    // The set of `cap_dac_override` and `cap_fowner` is a line feed.
    let capability = b"\x01\0\0\x02\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for (name, value) in [("security.capability", &capability[..]), ("user.a", b"line\nfeed")] {
        let scene = Scene::new();
        let records = pax(&[(&format!("SCHILY.xattr.{name}"), value)]);
        let layer = tar([records, owned(file("a", "x"), 1001, 1001, 0o755)]);
        let report = scene.apply(&layer).expect("a layer");
        let mut buffer = [0; 64];
        match rustix::fs::lgetxattr(scene.root().join("a"), name, &mut buffer) {
            Ok(length) => {
                assert_eq!(&buffer[..length], value, "{name}");
                assert!(report.skipped.is_empty(), "{name}");
            }
            Err(_) => assert_eq!(report.skipped[0].what, What::Attribute(name.to_owned())),
        }
    }
}

#[test]
fn devices_are_made_or_reported() {
    let scene = Scene::new();
    let report = scene.apply(&tar([device("null", 1, 3)])).expect("a layer");
    match fs::symlink_metadata(scene.root().join("null")) {
        Ok(metadata) => assert_eq!((report.skipped.len(), metadata.rdev()), (0, 0x103)),
        Err(_) => assert_eq!(report.skipped[0].what, What::Device),
    }
}

#[test]
fn the_media_type_says_how_a_layer_is_compressed() {
    let mut gzip = Compressor::default().writer(Vec::new());
    gzip.write_all(b"tar").expect("memory");
    let gzip = gzip.finish().expect("memory");
    let cases = [
        (media_type::OCI_LAYER, &b"tar"[..]),
        (media_type::OCI_LAYER_GZIP, &gzip),
        (media_type::DOCKER_LAYER_GZIP, &gzip),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", &gzip),
    ];
    for (media_type, blob) in cases {
        let mut text = String::new();
        apply::decompress(media_type, blob).expect(media_type).read_to_string(&mut text).expect("text");
        assert_eq!(text, "tar", "{media_type}");
    }
    for media_type in ["application/vnd.oci.image.layer.v1.tar+lzma", "text/plain"] {
        let error = apply::decompress(media_type, &b""[..]).err().expect(media_type);
        assert!(error.to_string().contains(media_type), "{error}");
    }
}
