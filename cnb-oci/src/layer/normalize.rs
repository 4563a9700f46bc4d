//! The entries of another tar, as the layers of this crate have them.
//!
//! Source: `layers/tar.go` and `archive/writer.go` of the lifecycle, and what `archive/tar` of Go writes for a
//! header that it read: in its format.

use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::Error;
use super::header;
use super::header::Header;
use super::header::Records;
use super::writer::LayerWriter;
use crate::apply::archive::Archive;
use crate::apply::archive::Entry;
use crate::apply::archive::Kind;
use crate::apply::archive::invalid;

impl<W: Write> LayerWriter<W> {
    /// Adds the entries of a tar, in their order and with their owners, modes and PAX records. Times are those of the
    /// dialect; names of users and groups are left out.
    ///
    /// ```
    /// use cnb_core::backend::File;
    /// use cnb_oci::layer::Dialect;
    /// use cnb_oci::layer::LayerWriter;
    ///
    /// let mut first = LayerWriter::new(Vec::new(), Dialect::Lifecycle);
    /// first.file(&File::regular("/etc/motd", "hello"))?;
    /// let (tar, written) = first.finish()?;
    ///
    /// let mut second = LayerWriter::new(Vec::new(), Dialect::Lifecycle);
    /// second.entries(&tar[..])?;
    /// assert_eq!(second.finish()?.1, written);
    /// # Ok::<(), cnb_oci::layer::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Tar`], also when `tar` fails at its end; [`Error::Read`], [`Error::Changed`], [`Error::Write`].
    pub fn entries(&mut self, tar: impl Read) -> Result<(), Error> {
        let mut archive = Archive::new(tar);
        let mut after = String::new();
        let failed = |after: &str| {
            let after = after.to_owned();
            move |source| Error::Tar { after, source }
        };
        while let Some(entry) = archive.next_entry().map_err(failed(&after))? {
            after = String::from_utf8_lossy(&entry.path).into_owned();
            let size = archive.content_size();
            let header = header(&entry, size).map_err(failed(&after))?;
            self.header_as(header, |header| match &entry.records {
                Some(records) => header.encode_with(&kept(records, header.mtime)),
                None if entry.is_gnu => header.encode_gnu(),
                None => header.encode(),
            })?;
            let path = Path::new(std::ffi::OsStr::from_bytes(&entry.path));
            self.content(&mut Content(&mut archive), size, path)?;
        }
        archive.finish().map_err(failed(&after))
    }
}

/// The content of the current entry.
struct Content<'a, R>(&'a mut Archive<R>);

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_content(buffer)
    }
}

fn header(entry: &Entry, size: u64) -> io::Result<Header<'_>> {
    let kind = match &entry.kind {
        Kind::Directory => header::Kind::Directory,
        Kind::Regular => header::Kind::Regular { size },
        Kind::Symlink(target) => header::Kind::Symlink { target },
        Kind::HardLink(target) => header::Kind::HardLink { target },
        Kind::Fifo => header::Kind::Fifo,
        &Kind::CharacterDevice { major, minor } => header::Kind::Character { major, minor },
        &Kind::BlockDevice { major, minor } => header::Kind::Block { major, minor },
    };
    let id = |id: u64| u32::try_from(id).map_err(|_| invalid("its owner is no user"));
    let (uid, gid) = (id(entry.uid)?, id(entry.gid)?);
    Ok(Header { path: &entry.path, kind, mode: entry.mode, uid, gid, mtime: 0 })
}

/// The records that stay: all but those that a normalised header contradicts.
fn kept(records: &Records, mtime: u64) -> Records {
    let is_kept = |key: &[u8], value: &[u8]| match key {
        b"uname" | b"gname" => false,
        b"mtime" => value == mtime.to_string().as_bytes(),
        // An empty value says that there is none.
        b"path" | b"linkpath" | b"size" | b"uid" | b"gid" | b"atime" | b"ctime" => !value.is_empty(),
        key => !key.starts_with(b"GNU.sparse."),
    };
    let kept = records.iter().filter(|(key, value)| is_kept(key, value));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use tar::Builder;
    use tar::EntryType;
    use tar::Header;

    use super::super::Dialect;
    use super::*;

    fn entry(kind: EntryType, path: &str, size: usize) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_path(path).expect("a path");
        header.set_mode(0o4755);
        header.set_uid(7);
        header.set_gid(1002);
        header.set_mtime(1_700_000_123);
        header.set_size(size as u64);
        header.set_username("root").expect("a name");
        header.set_groupname("wheel").expect("a name");
        header.set_cksum();
        header
    }

    /// A tar as other programs write it.
    fn foreign() -> Vec<u8> {
        let mut tar = Builder::new(Vec::new());
        let deep = format!("{}/file", "deep".repeat(30));
        tar.append(&entry(EntryType::Directory, "opt/", 0), io::empty()).expect("an entry");
        tar.append(&entry(EntryType::Regular, "opt/tool", 4), &b"tool"[..]).expect("an entry");
        let mut link = entry(EntryType::Link, "opt/hard", 0);
        link.set_link_name("opt/tool").expect("a target");
        link.set_cksum();
        tar.append(&link, io::empty()).expect("an entry");
        tar.append(&entry(EntryType::Fifo, "./fifo", 0), io::empty()).expect("an entry");
        let records: [(&str, &[u8]); 5] = [
            ("SCHILY.xattr.security.capability", b"\x01\0\n=\xff"),
            ("mtime", b"1700000123.5"),
            ("atime", b"1600000000.25"),
            ("uname", b"root"),
            ("comment", b"kept"),
        ];
        for path in ["./opt/attributes", "opt/directory/", deep.as_str()] {
            tar.append_pax_extensions(records).expect("records");
            let kind = if path.ends_with('/') { EntryType::Directory } else { EntryType::Regular };
            tar.append(&entry(kind, path, 0), io::empty()).expect("an entry");
        }
        tar.append_pax_extensions([("path", "opt/é".as_bytes()), ("uid", b"4000000")]).expect("records");
        tar.append(&entry(EntryType::Regular, "opt/x", 2), &b"ab"[..]).expect("an entry");
        tar.append_pax_extensions([("mtime", &b"1.5"[..])]).expect("records");
        tar.append(&entry(EntryType::Regular, &deep, 0), io::empty()).expect("an entry");
        tar.append(&entry(EntryType::Regular, &deep, 0), io::empty()).expect("an entry");
        for (uid, path) in [(7, deep.as_str()), (4_000_000, "opt/gnu")] {
            let mut gnu = Header::new_gnu();
            gnu.set_entry_type(EntryType::Symlink);
            gnu.set_mode(0o777);
            gnu.set_uid(uid);
            gnu.set_gid(0);
            gnu.set_size(0);
            gnu.set_mtime(1_700_000_123);
            gnu.set_username("root").expect("a name");
            tar.append_link(&mut gnu, path, format!("../{deep}")).expect("an entry");
        }
        tar.into_inner().expect("a tar")
    }

    /// The digest is what `tests/go/normalize.go` prints for the same tar.
    #[test]
    fn go_writes_the_same_entries() {
        let mut layer = LayerWriter::new(io::sink(), Dialect::Lifecycle);
        layer.entries(&foreign()[..]).expect("entries");
        let (_, written) = layer.finish().expect("a layer");
        let expected = "sha256:aecd19b0e8822be80c800ef5dc2ec9a5cba0ae0d5cea0a7cb1fdd87fd3005a1a";
        assert_eq!(written.diff_id.as_str(), expected);
    }

    #[test]
    fn a_tar_that_ends_early_is_refused() {
        let tar = foreign();
        for length in [100, 700, 1024 + 2] {
            let error = LayerWriter::new(io::sink(), Dialect::Lifecycle).entries(&tar[..length]);
            assert!(error.is_err(), "{length}");
        }
    }
}
