//! An application divided into layers.
//!
//! Source: Buildpack specification, "slices" of launch.toml; `layers/slices.go` of the Go lifecycle.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::glob;
use super::glob::BadPattern;

/// A file of the application.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Entry {
    /// Path relative to the application directory, which itself is `.`.
    pub path: Vec<u8>,
    /// Whether it is a directory.
    pub is_directory: bool,
}

/// The paths of one layer per slice and of one more with all that no slice took, each in byte order.
///
/// A slice is a list of patterns. What matches is taken with all below it, unless an earlier slice took it,
/// and so are the directories above. A directory that was taken because of a file in it comes again in
/// later layers, unless all of its children are taken.
///
/// `entries` are all files of the application, its directory included, in any order.
///
/// # Errors
/// When a pattern is not valid for Go's `filepath.Match`.
pub fn split(entries: &[Entry], slices: &[Vec<String>]) -> Result<Vec<Vec<Vec<u8>>>, BadPattern> {
    let mut tree = Tree::new(entries);
    let mut layers = Vec::new();
    for patterns in slices {
        let mut matched = Vec::new();
        for pattern in patterns {
            matched.extend(tree.matching(pattern)?);
        }
        layers.push(tree.take(&matched));
    }
    layers.push(tree.rest());
    let into_paths = |layer: BTreeSet<&[u8]>| layer.into_iter().map(external).collect();
    Ok(layers.into_iter().map(into_paths).collect())
}

/// Inside, the application directory has the empty path: it sorts before all others.
struct Tree<'a> {
    /// For each path whether it is taken.
    taken: BTreeMap<&'a [u8], bool>,
    children: BTreeMap<&'a [u8], Vec<&'a [u8]>>,
}

impl<'a> Tree<'a> {
    fn new(entries: &'a [Entry]) -> Self {
        let mut tree = Self { taken: BTreeMap::new(), children: BTreeMap::new() };
        for entry in entries {
            let path = internal(&entry.path);
            tree.taken.insert(path, false);
            if let Some(parent) = parent(path) {
                tree.children.entry(parent).or_default().push(path);
            }
        }
        tree
    }

    fn matching(&self, pattern: &str) -> Result<Vec<&'a [u8]>, BadPattern> {
        let pattern = path_clean::clean(pattern);
        let pattern = pattern.to_string_lossy();
        let mut matching = Vec::new();
        for path in self.taken.keys().filter(|path| !path.is_empty()) {
            if glob::matches(&pattern, path)? {
                matching.push(*path);
            }
        }
        Ok(matching)
    }

    /// Takes what is matched and not yet taken. Returns it with the directories above.
    fn take(&mut self, matched: &[&'a [u8]]) -> BTreeSet<&'a [u8]> {
        let mut files = BTreeSet::new();
        let mut waiting = matched.to_vec();
        while let Some(path) = waiting.pop() {
            if let Some(taken @ false) = self.taken.get_mut(path) {
                *taken = true;
                files.insert(path);
                waiting.extend(self.children.get(path).into_iter().flatten());
            }
        }
        let ancestors = |path| std::iter::successors(parent(path), |path| parent(path));
        let above: BTreeSet<_> = files.iter().copied().flat_map(ancestors).collect();
        // Children sort after their directory: the deepest directories come first here.
        for directory in above.iter().rev().filter(|path| !files.contains(*path)) {
            let children = self.children.get(directory).into_iter().flatten();
            let all_taken = children.into_iter().all(|child| self.taken[child]);
            self.taken.insert(directory, all_taken);
        }
        files.union(&above).copied().collect()
    }

    fn rest(&self) -> BTreeSet<&'a [u8]> {
        self.taken.iter().filter(|(_, taken)| !**taken).map(|(path, _)| *path).collect()
    }
}

fn internal(path: &[u8]) -> &[u8] {
    if path == b"." { b"" } else { path }
}

fn external(path: &[u8]) -> Vec<u8> {
    if path.is_empty() { b".".to_vec() } else { path.to_vec() }
}

fn parent(path: &[u8]) -> Option<&[u8]> {
    if path.is_empty() {
        return None;
    }
    Some(path.iter().rposition(|byte| *byte == b'/').map_or(b"", |slash| &path[..slash]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> Vec<Entry> {
        let paths = [
            (".", true),
            ("a", true),
            ("a/3", false),
            ("a-b", true),
            ("a-b/4", false),
            ("sub", true),
            ("sub/1", false),
            ("sub2", true),
            ("sub2/2", false),
        ];
        let entry = |(path, is_directory): (&str, bool)| Entry { path: path.into(), is_directory };
        paths.into_iter().map(entry).collect()
    }

    fn split_app(slices: &[&[&str]]) -> Vec<Vec<String>> {
        let slices: Vec<Vec<String>> =
            slices.iter().map(|slice| slice.iter().map(ToString::to_string).collect()).collect();
        let layers = split(&app(), &slices).expect("the patterns are valid");
        let text = |path: Vec<u8>| String::from_utf8(path).expect("UTF-8");
        layers.into_iter().map(|layer| layer.into_iter().map(text).collect()).collect()
    }

    #[test]
    fn without_slices_everything_is_in_one_layer() {
        let all = [".", "a", "a-b", "a-b/4", "a/3", "sub", "sub/1", "sub2", "sub2/2"];
        assert_eq!(split_app(&[]), [all]);
    }

    #[test]
    fn directories_come_again_until_all_in_them_is_taken() {
        let layers = split_app(&[&["sub/*"], &["a/3", "sub"]]);
        assert_eq!(layers[0], [".", "sub", "sub/1"]);
        assert_eq!(layers[1], [".", "a", "a/3"]);
        assert_eq!(layers[2], [".", "a-b", "a-b/4", "sub2", "sub2/2"]);
    }

    #[test]
    fn a_directory_that_matches_is_taken_with_all_below_it() {
        assert_eq!(split_app(&[&["s*"]])[0], [".", "sub", "sub/1", "sub2", "sub2/2"]);
        assert_eq!(split_app(&[&["*"]])[1], [""; 0]);
    }

    #[test]
    fn patterns_are_cleaned_and_absolute_ones_match_nothing() {
        assert_eq!(split_app(&[&["./sub//x/../1"]])[0], [".", "sub", "sub/1"]);
        for pattern in ["/workspace/sub", "/sub", "", ".", "../sub", "**/1"] {
            let expected: &[&str] = if pattern == "**/1" { &[".", "sub", "sub/1"] } else { &[] };
            assert_eq!(split_app(&[&[pattern]])[0], expected, "{pattern}");
        }
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let error = split(&app(), &[vec!["a[".to_owned()]]).expect_err("the pattern is bad");
        assert_eq!(error.pattern, "a[");
    }
}
