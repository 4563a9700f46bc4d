//! Names of entries.

/// The path of a name in the root: dots are gone, and `..` does not leave the root.
///
/// As in Go's `path.Clean`, `..` takes the name before it away, whatever that is.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct EntryPath {
    path: Vec<u8>,
    /// Where the last name begins.
    name: usize,
}

impl EntryPath {
    /// Nothing for the root itself.
    pub(super) fn new(name: &[u8]) -> Option<Self> {
        let mut names: Vec<&[u8]> = Vec::new();
        for name in name.split(|&byte| byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => drop(names.pop()),
                name => names.push(name),
            }
        }
        let last = names.last()?.len();
        let path = names.join(&b'/');
        Some(Self { name: path.len() - last, path })
    }

    /// Path of the directory; `.` for the root.
    pub(super) fn parent(&self) -> &[u8] {
        if self.name == 0 { b"." } else { &self.path[..self.name - 1] }
    }

    /// The last name.
    pub(super) fn name(&self) -> &[u8] {
        &self.path[self.name..]
    }

    /// The whole path.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parent and name.
    type Parts<'a> = (&'a [u8], &'a [u8]);

    #[test]
    fn paths_stay_in_the_root() {
        let cases: &[(&[u8], Option<Parts<'_>>)] = &[
            (b"", None),
            (b".", None),
            (b"./", None),
            (b"/", None),
            (b"..", None),
            (b"a/..", None),
            (b"a/../../..", None),
            (b"a", Some((b".", b"a"))),
            (b"./a/", Some((b".", b"a"))),
            (b"/a", Some((b".", b"a"))),
            (b"../a", Some((b".", b"a"))),
            (b"../../etc/passwd", Some((b"etc", b"passwd"))),
            (b"a//b/./c", Some((b"a/b", b"c"))),
            (b"a/b/../../../c/\xff", Some((b"c", b"\xff"))),
            (b"...", Some((b".", b"..."))),
        ];
        for (name, expected) in cases {
            let path = EntryPath::new(name);
            let parts = path.as_ref().map(|path| (path.parent(), path.name()));
            assert_eq!(parts, *expected, "{}", String::from_utf8_lossy(name));
        }
    }
}
