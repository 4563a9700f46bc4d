//! Layouts: what is in them after writers that agree, fight or die, and what readers are told.

use std::fs;
use std::fs::File;
use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::thread;

use cnb_core::backend::ErrorKind;
use cnb_oci::blob;
use cnb_oci::blob::Blobs;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Index;
use cnb_oci::descriptor::REF_NAME;
use cnb_oci::descriptor::media_type;
use cnb_oci::image;
use cnb_oci::layout::Error;
use cnb_oci::layout::Layout;
use tempfile::TempDir;

use crate::fixture::files;
use crate::fixture::layout;
use crate::fixture::manifest;
use crate::fixture::name_of;
use crate::fixture::platform;
use crate::fixture::put;

#[test]
fn several_images_live_together() {
    let (_dir, layout) = layout();
    put(&layout, Some("a"), "first");
    put(&layout, Some("b"), "second");
    put(&layout, None, "third");
    put(&layout, Some("a"), "fourth");
    assert_eq!(name_of(&layout, Some("a")), "fourth");
    assert_eq!(name_of(&layout, Some("b")), "second");
    let error = layout.image(None, &platform("linux/amd64")).expect_err("there are three");
    assert!(matches!(error, Error::Ambiguous { .. }), "{error}");
    assert_eq!(files(layout.directory()), ["blobs", "index.json", "oci-layout"]);
}

#[test]
fn a_layout_is_made_once_and_opened_again() {
    let (_dir, layout) = layout();
    put(&layout, None, "only");
    let again = Layout::create(layout.directory()).expect("it is a layout");
    assert_eq!(name_of(&again, None), "only");
    assert_eq!(name_of(&Layout::open(layout.directory()).expect("it is a layout"), None), "only");
}

#[test]
fn what_is_no_layout_is_said() {
    let dir = TempDir::new().expect("a temporary directory");
    let error = Layout::open(dir.path().join("none")).expect_err("there is nothing");
    assert!(matches!(error, Error::NoLayout { .. }), "{error}");
    fs::write(dir.path().join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).expect("a file");
    assert_eq!(Layout::open(dir.path()).expect_err("it is new").kind(), ErrorKind::Unsupported);
    fs::write(dir.path().join("oci-layout"), "{").expect("a file");
    assert_eq!(Layout::open(dir.path()).expect_err("it is no JSON").kind(), ErrorKind::Corrupt);
}

#[test]
fn concurrent_writers_lose_nothing() {
    let (_dir, layout) = layout();
    thread::scope(|scope| {
        for writer in 0..8 {
            let layout = Layout::create(layout.directory()).expect("it is a layout");
            scope.spawn(move || {
                for image in 0..10 {
                    put(&layout, Some(&format!("{writer}-{image}")), &format!("{writer}-{image}"));
                    put(&layout, Some("shared"), "shared");
                }
            });
        }
    });
    assert_eq!(layout.index().expect("valid").manifests.len(), 81);
    assert_eq!(name_of(&layout, Some("7-9")), "7-9");
    assert_eq!(files(layout.directory()), ["blobs", "index.json", "oci-layout"]);
}

#[test]
fn what_killed_writers_left_is_removed_and_what_others_write_is_kept() {
    let (_dir, layout) = layout();
    fs::write(layout.directory().join(".cnb-partial-1-1"), "half").expect("a file");
    let mut writer = layout.blobs().writer().expect("a writer");
    writer.write_all(b"whole").expect("it can be written");
    Layout::create(layout.directory()).expect("it is a layout");
    let names = files(layout.directory());
    assert_eq!(names.len(), 4, "{names:?}");
    let blob = writer.finish().expect("its file is still there");
    assert_eq!(&layout.blobs().read(&blob.digest, blob.size).expect("it is complete")[..], b"whole");
    assert_eq!(files(layout.directory()), ["blobs", "index.json", "oci-layout"]);
}

#[test]
fn a_blob_that_is_given_up_leaves_nothing() {
    let (_dir, layout) = layout();
    let mut writer = layout.blobs().writer().expect("a writer");
    writer.write_all(b"half").expect("it can be written");
    drop(writer);
    assert_eq!(files(layout.directory()), ["blobs", "index.json", "oci-layout"]);
    assert!(files(&layout.directory().join("blobs/sha256")).is_empty());
}

#[test]
fn corrupt_blobs_are_named_with_both_digests() {
    let (_dir, layout) = layout();
    let descriptor = put(&layout, None, "only");
    let path = layout.blobs().path(&descriptor.digest);
    let mut bytes = fs::read(&path).expect("a blob");
    bytes[0] ^= 1;
    fs::write(&path, &bytes).expect("it can be changed");
    let error = layout.image(None, &platform("linux/amd64")).expect_err("it is corrupt");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let message = error.to_string();
    for part in [path.to_str().expect("UTF-8"), descriptor.digest.as_str(), cnb_oci::digest(&bytes).as_str()]
    {
        assert!(message.contains(part), "{message}");
    }
    fs::write(&path, b"short").expect("it can be changed");
    let error = layout.image(None, &platform("linux/amd64")).expect_err("it is corrupt");
    assert!(error.to_string().contains("has 5 bytes"), "{error}");
    fs::remove_file(&path).expect("it can be removed");
    let error = layout.image(None, &platform("linux/amd64")).expect_err("it is missing");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_reader_fails_at_the_end_of_a_corrupt_blob() {
    let (_dir, layout) = layout();
    let blob = layout.blobs().put(b"content").expect("a blob");
    fs::write(layout.blobs().path(&blob.digest), b"CONTENT").expect("it can be changed");
    let mut reader = layout.blobs().open(&blob.digest, blob.size).expect("it can be opened");
    let error = reader.read_to_end(&mut Vec::new()).expect_err("it is corrupt");
    assert!(matches!(error.downcast::<blob::Error>(), Ok(blob::Error::Corrupt { .. })));
}

#[test]
fn images_with_missing_blobs_are_not_written() {
    let (_dir, layout) = layout();
    let mut manifest = manifest(&layout, "app", "amd64");
    manifest.layers.push(Descriptor::new(media_type::OCI_LAYER, cnb_oci::digest(b"elsewhere"), 9));
    let error = layout.put_image(None, &manifest).expect_err("a layer is missing");
    assert!(matches!(error, Error::Blob(blob::Error::Missing { .. })), "{error}");
    assert!(layout.index().expect("valid").manifests.is_empty());
}

#[test]
fn documents_are_written_byte_for_byte_with_what_is_said_of_them() {
    let (_dir, layout) = layout();
    let entry = |media_type: &str, bytes: &[u8]| {
        let mut entry = Descriptor::new(media_type, cnb_oci::digest(bytes), bytes.len() as u64);
        entry.annotations.extend([("z".to_owned(), "1".into()), (REF_NAME.to_owned(), "app".into())]);
        entry
    };
    let manifest = serde_json::to_vec_pretty(&manifest(&layout, "app", "amd64")).expect("json");
    let part = entry(media_type::OCI_MANIFEST, &manifest);
    let index =
        serde_json::to_vec(&Index { manifests: vec![part.clone()], ..Index::default() }).expect("json");
    let whole = entry(media_type::OCI_INDEX, &index);
    let error = layout.put_document(&whole, &index).expect_err("the manifest is missing");
    assert!(matches!(error, Error::Blob(blob::Error::Missing { .. })), "{error}");
    assert!(layout.index().expect("valid").manifests.is_empty());

    layout.put_document(&part, &manifest).expect("all blobs are there");
    assert_eq!(layout.entry(None).expect("the only one"), part);
    layout.put_document(&whole, &index).expect("all blobs are there");
    assert_eq!(layout.index().expect("valid").manifests, std::slice::from_ref(&whole));
    let image = layout.image(Some("app"), &platform("linux/amd64")).expect("it is there");
    assert_eq!(image.manifest_bytes, manifest);
}

#[test]
fn manifests_and_configs_must_agree() {
    let (_dir, layout) = layout();
    let mut manifest = manifest(&layout, "app", "amd64");
    manifest.layers.clear();
    layout.put_image(None, &manifest).expect("all blobs are there");
    let error = layout.image(None, &platform("linux/amd64")).expect_err("they do not agree");
    assert!(matches!(error, Error::Image(image::Error::Layers { layers: 0, diff_ids: 1, .. })), "{error}");
}

#[test]
fn the_image_of_a_platform_is_found_in_a_nested_index() {
    let (_dir, layout) = layout();
    let mut nested = Index::default();
    for architecture in ["amd64", "arm64"] {
        let manifest = manifest(&layout, architecture, architecture);
        let bytes = serde_json::to_vec(&manifest).expect("json");
        let blob = layout.blobs().put(&bytes).expect("a blob");
        let mut entry = Descriptor::new(media_type::OCI_MANIFEST, blob.digest, blob.size);
        entry.platform = Some(platform(&format!("linux/{architecture}")));
        nested.manifests.push(entry);
    }
    let blob = layout.blobs().put(&serde_json::to_vec(&nested).expect("json")).expect("a blob");
    let entry = Descriptor::new(media_type::OCI_INDEX, blob.digest, blob.size);
    let index = Index { manifests: vec![entry], ..Index::default() };
    let json = serde_json::to_vec(&index).expect("json");
    fs::write(layout.directory().join("index.json"), json).expect("it can be changed");
    for (wanted, expected) in [("linux/amd64", "amd64"), ("linux/arm64/v8", "arm64")] {
        let image = layout.image(None, &platform(wanted)).expect("it is there");
        assert_eq!(image.config.architecture(), expected);
    }
    let error = layout.image(None, &platform("linux/riscv64")).expect_err("it is not there");
    assert!(matches!(error, Error::NoPlatform { .. }), "{error}");
}

#[test]
fn entries_of_others_are_kept() {
    let (_dir, layout) = layout();
    let other = concat!(
        r#"{"mediaType":"application/x","digest":"sha256:"#,
        "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
        r#"","size":7,"annotations":{"org.opencontainers.image.ref.name":"x","z":"1"},"data":"e30="}"#
    );
    let text = format!(r#"{{"schemaVersion":2,"mediaType":"m","manifests":[{other}],"x":[1]}}"#);
    fs::write(layout.directory().join("index.json"), text).expect("it can be changed");
    put(&layout, Some("app"), "app");
    let text = fs::read_to_string(layout.directory().join("index.json")).expect("it can be read");
    assert!(text.contains(other) && text.contains(r#""x":[1]"#), "{text}");
    let error = layout.image(Some("x"), &platform("linux/amd64")).expect_err("it is no image");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn blobs_are_taken_over_by_hard_links_and_verified() {
    let dir = TempDir::new().expect("a temporary directory");
    let from = Blobs::create(dir.path().join("from")).expect("blobs");
    let to = Blobs::create(dir.path().join("to")).expect("blobs");
    let blob = from.put(b"content").expect("a blob");
    for _ in 0..2 {
        to.take(&from, &blob.digest, blob.size).expect("it can be taken");
    }
    let inode = |blobs: &Blobs| File::open(blobs.path(&blob.digest)).and_then(|file| file.metadata());
    assert_eq!(inode(&from).expect("a file").ino(), inode(&to).expect("a file").ino());
    assert_eq!(files(&dir.path().join("to")), ["blobs"]);

    let bad = from.put(b"other").expect("a blob");
    fs::write(from.path(&bad.digest), b"OTHER").expect("it can be changed");
    let error = to.take(&from, &bad.digest, bad.size).expect_err("it is corrupt");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(!to.path(&bad.digest).exists());
}

#[test]
fn a_corrupt_blob_is_replaced() {
    let (_dir, layout) = layout();
    let blob = layout.blobs().put(b"content").expect("a blob");
    fs::write(layout.blobs().path(&blob.digest), b"CONTENT").expect("it can be changed");
    layout.blobs().put(b"content").expect("it can be written again");
    layout.blobs().verify(&blob.digest, blob.size).expect("it is whole again");
}
