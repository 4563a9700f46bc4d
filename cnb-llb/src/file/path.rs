//! Paths in trees, cleaned as Go's `path.Clean` does: without `.`, `..` and doubled slashes.

/// The path from the root. Trees have no directory that one is in: a relative path starts at the root too.
pub(crate) fn absolute(path: &str) -> String {
    let mut clean = String::with_capacity(path.len() + 1);
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => clean.truncate(clean.rfind('/').unwrap_or(0)),
            part => {
                clean.push('/');
                clean.push_str(part);
            }
        }
    }
    if clean.is_empty() {
        clean.push('/');
    }
    clean
}

/// The path from the root, with the `/` or `/.` at its end that says what a copy makes of a directory.
pub(super) fn destination(path: &str) -> String {
    let mut clean = absolute(path);
    if path.ends_with('/') && !clean.ends_with('/') {
        clean.push('/');
    } else if path.ends_with("/.") {
        if clean != "/" {
            clean.push('/');
        }
        clean.push('.');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_clean() {
        let cases = [
            ("", "/", "/"),
            ("/", "/", "/"),
            (".", "/", "/"),
            ("/.", "/", "/."),
            ("a", "/a", "/a"),
            ("a/", "/a", "/a/"),
            ("/a/.", "/a", "/a/."),
            ("//a//./b/../c", "/a/c", "/a/c"),
            ("../../a", "/a", "/a"),
        ];
        for (path, expected, expected_destination) in cases {
            assert_eq!(absolute(path), expected, "{path}");
            assert_eq!(destination(path), expected_destination, "{path}");
        }
    }
}
