//! Layers that are written: a reader of somebody else finds in them what was put there.

use std::io::Read as _;

use cnb_core::backend::File;
use cnb_core::backend::User;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;

use crate::Input;
use crate::listing;
use crate::listing::Entry;

/// Writes the directories, files and links of a [listing](crate::listing).
pub fn check(data: &[u8]) -> Input {
    let Ok(text) = str::from_utf8(data) else { return Input::Ignored };
    let layers = listing::read(text);
    let files: Vec<_> = layers.iter().flatten().filter_map(file).collect();
    if files.is_empty() {
        return Input::Ignored;
    }
    let mut layer = LayerWriter::new(Vec::new(), Dialect::Lifecycle);
    for (file, _) in &files {
        layer.file(file).expect("memory takes everything");
    }
    let (tar, written) = layer.finish().expect("memory takes everything");
    assert_eq!(written.size, tar.len() as u64);
    assert_eq!(written.diff_id, cnb_oci::digest(&tar));
    compare(&tar, &files);
    Input::Used
}

/// A file to write, and the entry that says the same.
fn file(entry: &Entry) -> Option<(File, &Entry)> {
    let path = text(&entry.path)?;
    let file = match entry.kind {
        b'0' => File::regular(path, entry.content.clone()),
        b'2' => File::symlink(path, text(&entry.target)?),
        b'5' => File::directory(path),
        _ => return None,
    };
    let owner = User::new(u32::try_from(entry.uid).ok()?, u32::try_from(entry.gid).ok()?);
    let file = file.with_mode(entry.mode).with_owner(owner);
    (entry.mode <= 0o7777).then_some((file, entry))
}

/// What can be a name. The crate `tar` ends the records of extended headers at line feeds.
fn text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok().filter(|text| !text.is_empty() && !text.contains(['\0', '\n']))
}

fn compare(tar: &[u8], files: &[(File, &Entry)]) {
    let mut archive = tar::Archive::new(tar);
    let mut entries = archive.entries().expect("a tar");
    for (_, expected) in files {
        let mut entry = entries.next().expect("an entry").expect("a valid entry");
        let header = entry.header();
        assert_eq!(header.entry_type().as_byte(), expected.kind);
        assert_eq!(header.mode().expect("a mode"), expected.mode);
        assert_eq!(header.mtime().expect("a time"), 315_532_801);
        assert_eq!(entry.path_bytes(), expected.path.as_slice());
        if expected.kind == b'2' {
            assert_eq!(entry.link_name_bytes().as_deref(), Some(expected.target.as_slice()));
        }
        let owner = ["uid", "gid"].map(|key| number(&mut entry, key));
        let in_header = [entry.header().uid().expect("a number"), entry.header().gid().expect("a number")];
        assert_eq!(owner[0].unwrap_or(in_header[0]), expected.uid);
        assert_eq!(owner[1].unwrap_or(in_header[1]), expected.gid);
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("its content");
        assert!(expected.kind != b'0' || content == expected.content, "another content");
    }
    assert!(entries.next().is_none(), "one entry more");
}

/// The number that an extended header has under a key.
fn number<R: std::io::Read>(entry: &mut tar::Entry<'_, R>, key: &str) -> Option<u64> {
    let mut records = entry.pax_extensions().expect("records")?.map(|record| record.expect("a record"));
    let record = records.find(|record| record.key() == Ok(key))?;
    record.value().expect("text").parse().ok()
}
