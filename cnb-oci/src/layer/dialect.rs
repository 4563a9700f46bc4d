//! The ways to write the same files as a tar.

use super::header::Header;
use super::header::Kind;

/// How the same files are written as a tar. Each dialect is exact: a diffID is the digest of these bytes.
///
/// In all of them, all times are 1980-01-01T00:00:01Z, numbers are octal and names of users are empty. What does
/// not fit into a USTAR header is in PAX records, and two empty blocks end the tar.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Dialect {
    /// As BuildKit makes layers of directories. Names are relative, those of directories end with a `/`, the
    /// root has no entry. Symbolic links have mode 0777, as file systems say.
    ///
    /// Source: `ChangeWriter` of `pkg/archive/tar.go` in containerd 2, which BuildKit uses for all snapshotters,
    /// with trees that have no capabilities of files.
    BuildKit,
    /// As the Go lifecycle: absolute names, none with a `/` at the end.
    #[default]
    Lifecycle,
}

impl Dialect {
    /// What the header of an entry is in this dialect; none when it has no such entry.
    pub(super) fn header<'a>(self, header: Header<'a>, name: &'a mut Vec<u8>) -> Option<Header<'a>> {
        let mut header = Header { mtime: 315_532_801, ..header };
        if self == Self::BuildKit {
            let is_slash = |byte: &u8| *byte == b'/';
            let start = header.path.iter().take_while(|byte| is_slash(byte)).count();
            let end = header.path.iter().rposition(|byte| !is_slash(byte)).map_or(start, |last| last + 1);
            *name = header.path[start..end].to_vec();
            match &mut header.kind {
                Kind::Directory if name.is_empty() => return None,
                Kind::Directory => name.push(b'/'),
                Kind::HardLink { target } => *target = target.strip_prefix(b"/").unwrap_or(target),
                Kind::Symlink { .. } => header.mode = 0o777,
                _ => {}
            }
            header.path = name;
        }
        Some(header)
    }
}
