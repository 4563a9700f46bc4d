//! Archives: what others find in them, and what is refused.

use std::fs;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::Path;

use cnb_core::backend::ErrorKind;
use cnb_oci::archive::Error;
use cnb_oci::archive::docker;
use cnb_oci::archive::oci;
use cnb_oci::layout::Layout;
use tempfile::TempDir;

use crate::fixture::files;
use crate::fixture::layout;
use crate::fixture::name_of;
use crate::fixture::platform;
use crate::fixture::put;

fn archive_of(layout: &Layout, file: &Path) -> Vec<u8> {
    oci::write(layout, file).expect("the archive can be written");
    fs::read(file).expect("it is there")
}

fn entries(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(bytes);
    let read = |entry: io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.expect("valid");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("complete");
        (String::from_utf8_lossy(&entry.path_bytes()).into_owned(), content)
    };
    archive.entries().expect("a tar").map(read).collect()
}

fn tar_of(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, &content[..]).expect("memory takes all");
    }
    builder.into_inner().expect("memory takes all")
}

fn read(bytes: &[u8]) -> (TempDir, Result<Layout, Error>) {
    let dir = TempDir::new().expect("a temporary directory");
    let file = dir.path().join("file.tar");
    fs::write(&file, bytes).expect("a file");
    let layout = oci::read(&file, &dir.path().join("unpacked"));
    (dir, layout)
}

#[test]
fn archives_are_read_back() {
    let (dir, layout) = layout();
    put(&layout, Some("a"), "first");
    put(&layout, Some("b"), "second");
    let bytes = archive_of(&layout, &dir.path().join("a.tar"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).expect("memory takes all");
    let gzip = gzip.finish().expect("memory takes all");
    let with_dots: Vec<_> =
        entries(&bytes).into_iter().map(|(path, content)| (format!("./{path}"), content)).collect();
    for bytes in [bytes, gzip, tar_of(&with_dots)] {
        let (_dir, unpacked) = read(&bytes);
        let unpacked = unpacked.expect("it is an archive");
        assert_eq!(name_of(&unpacked, Some("a")), "first");
        assert_eq!(name_of(&unpacked, Some("b")), "second");
        assert_eq!(unpacked.index().expect("valid"), layout.index().expect("valid"));
    }
}

#[test]
fn archives_may_come_through_a_pipe() {
    let (dir, layout) = layout();
    put(&layout, None, "only");
    let bytes = archive_of(&layout, &dir.path().join("a.tar"));
    let (reader, mut writer) = io::pipe().expect("a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || writer.write_all(&bytes).expect("it is read to its end"));
        let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
        let unpacked = oci::read(path.as_ref(), &dir.path().join("unpacked")).expect("an archive");
        assert_eq!(name_of(&unpacked, None), "only");
    });
}

#[test]
fn the_same_images_give_the_same_bytes() {
    let (dir, one) = layout();
    let (_other_dir, two) = layout();
    put(&one, Some("app"), "app");
    put(&two, Some("app"), "older");
    put(&two, Some("app"), "app");
    two.blobs().put(b"nobody refers to it").expect("a blob");
    let file = dir.path().join("a.tar");
    assert_eq!(archive_of(&one, &file), archive_of(&two, &file));
    assert_eq!(files(dir.path()), ["a.tar", "layout"]);
}

#[test]
fn corrupt_blobs_leave_the_old_archive() {
    let (dir, layout) = layout();
    let descriptor = put(&layout, None, "app");
    let file = dir.path().join("a.tar");
    let before = archive_of(&layout, &file);
    let image = layout.image(None, &platform("linux/amd64")).expect("it is there");
    let layer = layout.blobs().path(&image.manifest.layers[0].digest);
    let content = fs::read(&layer).expect("a blob");
    fs::write(&layer, vec![b'x'; content.len()]).expect("it can be changed");
    let error = oci::write(&layout, &file).expect_err("a layer is corrupt");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains(image.manifest.layers[0].digest.as_str()), "{error}");
    assert_eq!(fs::read(&file).expect("the old one"), before);
    assert_eq!(files(dir.path()), ["a.tar", "layout"]);
    fs::remove_file(layout.blobs().path(&descriptor.digest)).expect("it can be removed");
    assert_eq!(oci::write(&layout, &file).expect_err("it is missing").kind(), ErrorKind::NotFound);
}

#[test]
fn an_archive_with_a_corrupt_blob_is_refused() {
    let (dir, layout) = layout();
    put(&layout, None, "app");
    let mut entries = entries(&archive_of(&layout, &dir.path().join("a.tar")));
    entries.last_mut().expect("a blob").1[0] ^= 1;
    let (_dir, unpacked) = read(&tar_of(&entries));
    let error = unpacked.expect_err("a blob is corrupt");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("file.tar/blobs/sha256/"), "{error}");
}

#[test]
fn what_is_no_archive_is_refused() {
    let (dir, layout) = layout();
    put(&layout, None, "app");
    let whole = archive_of(&layout, &dir.path().join("a.tar"));
    let without = |missing: &str| {
        let entries = entries(&whole).into_iter().filter(|(path, _)| path != missing).collect::<Vec<_>>();
        tar_of(&entries)
    };
    let cases = [
        (b"no tar at all".repeat(100), ErrorKind::Corrupt),
        (whole[..whole.len() - 2000].to_vec(), ErrorKind::Corrupt),
        (Vec::new(), ErrorKind::InvalidInput),
        (without("oci-layout"), ErrorKind::InvalidInput),
        (without("index.json"), ErrorKind::InvalidInput),
    ];
    for (bytes, kind) in cases {
        let (_dir, unpacked) = read(&bytes);
        let error = unpacked.expect_err("it is no archive");
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[test]
fn entries_that_are_no_part_of_a_layout_are_left_out() {
    let (dir, layout) = layout();
    put(&layout, None, "app");
    let mut entries = entries(&archive_of(&layout, &dir.path().join("a.tar")));
    for path in ["../outside", "/outside", "blobs/sha256/../../../outside", "blobs/sha256/x", "other"] {
        entries.push((path.to_owned(), b"x".to_vec()));
    }
    let (dir, unpacked) = read(&tar_of(&entries));
    assert_eq!(name_of(&unpacked.expect("it is an archive"), None), "app");
    assert_eq!(files(dir.path()), ["file.tar", "unpacked"]);
    assert_eq!(files(&dir.path().join("unpacked")), ["blobs", "index.json", "oci-layout"]);
}

#[test]
fn docker_archives_name_config_layers_and_tag() {
    let (dir, layout) = layout();
    put(&layout, None, "app");
    let image = layout.image(None, &platform("linux/amd64")).expect("it is there");
    let file = dir.path().join("docker.tar");
    docker::write(&layout, &image, Some("example/app:1"), &file).expect("it can be written");
    let entries = entries(&fs::read(&file).expect("it is there"));
    let paths: Vec<_> = entries.iter().map(|(path, _)| path.as_str()).collect();
    let manifest: serde_json::Value = serde_json::from_slice(&entries[0].1).expect("json");
    assert_eq!(paths[0], "manifest.json");
    assert_eq!(manifest[0]["RepoTags"][0], "example/app:1");
    for part in [&manifest[0]["Config"], &manifest[0]["Layers"][0]] {
        assert!(paths.contains(&part.as_str().expect("a path")), "{part} {paths:?}");
    }
}
