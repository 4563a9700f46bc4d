//! Looks whether the tar of a layer can be unpacked, before somebody does who trusts it.
//!
//! Builders bring restorers of their own, and that of the Go lifecycle unpacks whatever a tar says. So what others wrote
//! has to stay in its layer by itself, without anybody who looks while it is unpacked.

use std::collections::BTreeSet;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use tar::EntryType;

use super::extract::ExtractError;
use super::extract::absolute;

/// Reads a tar to its end, and makes sure that it has directories, files and symbolic links of the layer in `directory`,
/// which is absolute, the directories above it, and nothing else. Nothing is below a link, or in its place, and nothing
/// follows after its end but zeros.
///
/// # Errors
/// When it has anything else, or cannot be read.
pub fn check(tar: impl Read, directory: &Path) -> Result<(), ExtractError> {
    let mut links: BTreeSet<PathBuf> = BTreeSet::new();
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries().map_err(ExtractError::Archive)? {
        let entry = entry.map_err(ExtractError::Archive)?;
        let path = absolute(&entry.path_bytes());
        let kind = entry.header().entry_type();
        if directory.starts_with(&path) && kind.is_dir() {
            continue;
        }
        let is_below = path.starts_with(directory) && path != directory;
        if !is_below || path.ancestors().any(|path| links.contains(path)) {
            return Err(ExtractError::Outside(path));
        }
        match kind {
            EntryType::Directory | EntryType::Regular => {}
            EntryType::Symlink => {
                links.insert(path);
            }
            other => return Err(ExtractError::UnknownType { kind: other.as_byte(), path }),
        }
    }
    let mut rest = archive.into_inner();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match rest.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) if buffer[..read].iter().any(|byte| *byte != 0) => {
                let error = io::Error::other("something follows after its end");
                return Err(ExtractError::Archive(error));
            }
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(ExtractError::Archive(error));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            let mut content = *content;
            if *kind != EntryType::Regular {
                header.set_link_name_literal(content).expect("a short name");
                content = "";
            }
            header.set_size(content.len() as u64);
            // The crate refuses absolute names; layers of the lifecycle have them.
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            builder.append(&header, content.as_bytes()).expect("memory");
        }
        builder.into_inner().expect("memory")
    }

    fn checked(tar: &[u8]) -> Result<(), String> {
        check(tar, Path::new("/layers/a/x")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_layer_of_its_own_passes() {
        use EntryType::Directory;
        use EntryType::Regular;
        use EntryType::Symlink;
        let entries = [
            ("/layers", Directory, ""),
            ("/layers/a", Directory, ""),
            ("/layers/a/x", Directory, ""),
            ("/layers/a/x/f", Regular, "content"),
            ("/layers/a/x/d", Directory, ""),
            ("/layers/a/x/d/g", Regular, "content"),
            ("/layers/a/x/out", Symlink, "/etc/passwd"),
            ("/layers/a/x/out2", Regular, "its name begins like that of a link"),
        ];
        assert_eq!(checked(&tar(&entries)), Ok(()));
        assert_eq!(checked(&tar(&[])), Ok(()));
    }

    #[test]
    fn nothing_else_does() {
        use EntryType as Type;
        type Case<'a> = (&'a [(&'a str, Type, &'a str)], &'a str);
        let cases: &[Case<'_>] = &[
            (&[("/etc/x", Type::Regular, "x")], "the path /etc/x is outside of the layers"),
            (&[("/layers/a/x/../../../y", Type::Regular, "x")], "the path /y is outside of the layers"),
            (&[("/layers/a/y/f", Type::Regular, "x")], "the path /layers/a/y/f is outside of the layers"),
            (&[("/layers/a/xy", Type::Regular, "x")], "the path /layers/a/xy is outside of the layers"),
            (&[("/layers/a", Type::Symlink, "/")], "the path /layers/a is outside of the layers"),
            (&[("/layers/a/x", Type::Symlink, "/")], "the path /layers/a/x is outside of the layers"),
            (&[("/layers/a/x", Type::Regular, "x")], "the path /layers/a/x is outside of the layers"),
            (
                &[("/layers/a/x/s", Type::Symlink, "/"), ("/layers/a/x/s/etc/x", Type::Regular, "x")],
                "the path /layers/a/x/s/etc/x is outside of the layers",
            ),
            (
                &[("/layers/a/x/s", Type::Symlink, "/etc/x"), ("/layers/a/x/s", Type::Regular, "x")],
                "the path /layers/a/x/s is outside of the layers",
            ),
            (
                &[("/layers/a/x/h", Type::Link, "/etc/passwd")],
                "unknown file type in tar 49 for /layers/a/x/h",
            ),
            (&[("/layers/a/x/p", Type::Fifo, "")], "unknown file type in tar 54 for /layers/a/x/p"),
        ];
        for (entries, expected) in cases {
            assert_eq!(checked(&tar(entries)), Err((*expected).to_owned()));
        }
    }

    #[test]
    fn nothing_follows_after_the_end() {
        let mut hidden = tar(&[]);
        hidden.truncate(512);
        hidden.extend(tar(&[("/etc/x", EntryType::Regular, "x")]));
        check(hidden.as_slice(), Path::new("/layers/a/x")).expect_err("another reader may go on");
        check(&b"garbage"[..], Path::new("/layers/a/x")).expect_err("it is no tar");
    }
}
