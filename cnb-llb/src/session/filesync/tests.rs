use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::walk::walk;
use super::*;
use crate::mode;

/// A directory with these files; names that end with a slash are directories, `a -> b` are links.
fn directory(entries: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("there is a directory");
    for entry in entries {
        if let Some((name, target)) = entry.split_once(" -> ") {
            symlink(target, root.path().join(name)).expect("it is new");
        } else if entry.ends_with('/') {
            fs::create_dir_all(root.path().join(entry)).expect("it is new");
        } else {
            let path = root.path().join(entry);
            fs::create_dir_all(path.parent().expect("it is in the root")).expect("it is possible");
            fs::write(path, entry).expect("it is new");
        }
    }
    root
}

fn walked(
    root: &Path,
    includes: &[&str],
    excludes: &[&str],
    follow: &[&str],
) -> Result<Vec<String>, filter::FilterError> {
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let filter = Filter::new(root, owned(includes), &owned(excludes), &owned(follow))?;
    let mut names = Vec::new();
    let mut visit = |stat: crate::pb::fsutil::Stat| {
        names.push(stat.path);
        true
    };
    walk(&root.into(), &filter, &mut visit).expect("it can be read");
    Ok(names)
}

/// What Go's `fsutil.Walk` gives for the same.
#[test]
fn patterns_choose_files() {
    let root = directory(&["a/b/c", "a/b/d", "a/e", "f", "g/", "h/i", "l -> a/e", "m -> /h", "n -> x/y"]);
    let all = ["a", "a/b", "a/b/c", "a/b/d", "a/e", "f", "g", "h", "h/i", "l", "m", "n"];
    for (includes, excludes, follow, expected) in [
        (&[][..], &[][..], &[][..], &all[..]),
        (&["a"], &[], &[], &["a", "a/b", "a/b/c", "a/b/d", "a/e"]),
        (&["a/b/c"], &[], &[], &["a", "a/b", "a/b/c"]),
        (&["**/c", "g"], &[], &[], &["a", "a/b", "a/b/c", "g"]),
        (&["*"], &["a"], &[], &["f", "g", "h", "h/i", "l", "m", "n"]),
        (&[], &["a", "!a/b/c"], &[], &["a", "a/b", "a/b/c", "f", "g", "h", "h/i", "l", "m", "n"]),
        (&[], &["*", "!f"], &[], &["f"]),
        (&["a", "!a/b"], &[], &[], &["a", "a/e"]),
        (&[], &[], &["l"], &["a", "a/e", "l"]),
        (&[], &[], &["m/i"], &["h", "h/i", "m"]),
        (&[], &[], &["n", "f"], &["f", "n"]),
        (&[], &[], &["[lm]"], &["a", "a/e", "h", "h/i", "l", "m"]),
        (&["f"], &[], &["."], &["f"]),
        (&[], &[], &["."], &all),
    ] {
        let names = walked(root.path(), includes, excludes, follow).expect("they are valid");
        assert_eq!(names, expected, "{includes:?} {excludes:?} {follow:?}");
    }
    assert!(walked(root.path(), &["["], &[], &[]).is_err());
}

/// A name that is too long stands for all that cannot be looked at: to root, nothing is forbidden.
#[test]
fn what_cannot_be_followed_is_named() {
    let root = directory(&[]);
    let name = "x".repeat(300);
    let error = walked(root.path(), &[], &[], &[name.as_str()]).expect_err("there are no such names");
    let cause = std::error::Error::source(&error).expect("it says why").to_string();
    assert!(cause.starts_with(&format!("{}/{name}: ", root.path().display())), "{cause}");
}

#[test]
fn links_that_lead_in_circles_end() {
    let root = directory(&["a -> b", "b -> a", "c -> c/d"]);
    assert_eq!(walked(root.path(), &[], &[], &["a", "c/x"]).expect("it ends"), ["a", "b", "c"]);
}

#[test]
fn files_are_described() {
    let root = directory(&["d/", "f", "s -> f"]);
    fs::hard_link(root.path().join("f"), root.path().join("g")).expect("it is new");
    fs::set_permissions(root.path().join("f"), fs::Permissions::from_mode(0o4711)).expect("it is ours");
    fs::set_permissions(root.path().join("d"), fs::Permissions::from_mode(0o1777)).expect("it is ours");
    let directory = Directory::new(root.path()).with_map(|stat| stat.gid = 7);
    let filter = Filter::new(root.path(), Vec::new(), &[], &[]).expect("it is valid");
    let mut described = Vec::new();
    let mut visit = |stat: crate::pb::fsutil::Stat| {
        described.push((stat.path, stat.mode, stat.size, stat.linkname, stat.uid, stat.gid));
        true
    };
    walk(&directory, &filter, &mut visit).expect("it can be read");
    let entry = |path: &str, mode, size, link: &str| (path.to_owned(), mode, size, link.to_owned(), 0, 7);
    let expected = [
        entry("d", mode::DIRECTORY | 1 << 20 | 0o777, 0, ""),
        entry("f", 1 << 23 | 0o711, 1, ""),
        entry("g", 1 << 23 | 0o711, 0, "f"),
        entry("s", mode::SYMLINK | 0o777, 1, "f"),
    ];
    assert_eq!(described, expected);
}

#[test]
fn a_visitor_can_stop() {
    let root = directory(&["a/b", "c"]);
    let filter = Filter::new(root.path(), Vec::new(), &[], &[]).expect("it is valid");
    let mut seen = 0;
    let mut visit = |_| {
        seen += 1;
        seen < 2
    };
    walk(&root.path().into(), &filter, &mut visit).expect("it can be read");
    assert_eq!(seen, 2);
}

#[test]
fn names_that_are_no_text_are_an_error() {
    use std::os::unix::ffi::OsStrExt;
    let root = directory(&[]);
    fs::write(root.path().join(std::ffi::OsStr::from_bytes(b"\xff")), "").expect("it is new");
    let filter = Filter::new(root.path(), Vec::new(), &[], &[]).expect("it is valid");
    let error = walk(&root.path().into(), &filter, &mut |_| true).expect_err("there is no such text");
    let cause = std::error::Error::source(&error).expect("it says why").to_string();
    assert!(cause.starts_with("a name is not in UTF-8"), "{cause}");
}

#[test]
fn headers_that_are_not_ascii_come_encoded() {
    let mut headers = MetadataMap::new();
    headers.append("followpaths", "a%2Fb+c".parse().expect("it is ASCII"));
    headers.append("followpaths", "%C3%BC%zz%".parse().expect("it is ASCII"));
    assert_eq!(list(&headers, "followpaths"), ["a%2Fb+c", "%C3%BC%zz%"]);
    headers.insert("followpaths-encoded", "1".parse().expect("it is ASCII"));
    assert_eq!(list(&headers, "followpaths"), ["a/b c", "ü%zz%"]);
}
