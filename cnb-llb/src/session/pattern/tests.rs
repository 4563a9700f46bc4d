use super::*;

/// What the Go module says of the same.
#[test]
fn one_pattern() {
    for (pattern, path, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a/", "a", true),
        ("./a//b/../c", "a/c", true),
        ("/a", "a", false),
        ("*", "a", true),
        ("*", "a/b", false),
        ("a*", "a", true),
        ("*.go", "x.go", true),
        ("*.go", "d/x.go", false),
        ("?", "a", true),
        ("?", "/", false),
        ("**", "a/b", true),
        ("**/b", "b", true),
        ("**/b", "a/b", true),
        ("**/b", "a/xb", false),
        ("**b", "a/xb", true),
        ("**b*", "a/xb", false),
        ("**b*", "a/bc", true),
        ("a/**", "a/b/c", true),
        ("a/**", "a", false),
        ("a**", "a/b/c", true),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("a/**/b", "a/xb", false),
        ("a**b", "a/b", true),
        ("a**b", "axb", false),
        ("**a**", "xay", false),
        ("a]", "a]", true),
        ("[a/]b", "/b", true),
        ("[^a]b", "/b", true),
        ("[a-c]x", "bx", true),
        ("[a-c]x", "dx", false),
        ("[^a-c]x", "dx", true),
        ("[^a-c]x", "ax", false),
        ("\\*", "*", true),
        ("\\*", "a", false),
        ("a.b", "axb", false),
        ("ünï*", "ünïx", true),
        ("a(b)|c", "a(b)|c", true),
    ] {
        let matched = Pattern::new(pattern).expect("it is valid").matches(path);
        assert_eq!(matched, expected, "{pattern} and {path}");
    }
}

#[test]
fn bad_patterns_are_errors() {
    for pattern in ["!", "[", "[a", "[]", "[a-]", "\\", "[-a]"] {
        assert_eq!(Pattern::new(pattern).err(), Some(InvalidPattern(pattern.to_owned())), "{pattern}");
    }
}

#[test]
fn the_last_one_decides_and_directories_hand_down() {
    let patterns = Patterns::new(["a", " ", "!a/b", "a/b/c"]).expect("they are valid");
    let decide = |path: &str| {
        let mut parent = None;
        let mut result = false;
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            let (last, within) = patterns.matches(&path[..end], parent.as_ref());
            (result, parent) = (last, Some(within));
        }
        result
    };
    for (path, expected) in
        [("a", true), ("a/x", true), ("a/b", false), ("a/b/x", false), ("a/b/c", true), ("b", false)]
    {
        assert_eq!(decide(path), expected, "{path}");
    }
}

#[test]
fn prefixes_are_told_where_they_can_be() {
    for (pattern, prefix) in [
        ("a/b", Some("a/b")),
        ("a/**", Some("a")),
        ("a/*", Some("a")),
        ("a/*/b", None),
        ("*", None),
        ("a?", None),
    ] {
        assert_eq!(Pattern::new(pattern).expect("it is valid").prefix(), prefix, "{pattern}");
    }
}
