//! Which files of the application go into which layer.
//!
//! Source: `layers/slices.go` of the lifecycle. n slices make n + 1 layers: a slice takes what its patterns
//! match and nothing took before, with everything below; the last layer has the rest. A layer also has the
//! directories above its files, again and again until everything in them was taken.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::glob;
use super::glob::BadPattern;

/// The paths of each layer, in their order in the layer: relative to the application directory, `.` for itself.
/// `entries` are the paths of everything below it, directories included.
///
/// # Errors
/// When a pattern is malformed.
pub(super) fn slice(entries: &[String], slices: &[Vec<String>]) -> Result<Vec<Vec<String>>, BadPattern> {
    let mut tree = Tree::new(entries);
    let mut layers = Vec::new();
    for patterns in slices {
        layers.push(tree.take(patterns)?);
    }
    layers.push(tree.rest());
    Ok(layers)
}

struct Tree<'a> {
    /// All paths but the directory itself, in byte order, and whether they were taken.
    taken: BTreeMap<&'a str, bool>,
    children: BTreeMap<&'a str, Vec<&'a str>>,
    root_taken: bool,
}

impl<'a> Tree<'a> {
    fn new(entries: &'a [String]) -> Self {
        let mut children: BTreeMap<&str, Vec<&str>> = BTreeMap::from([(".", Vec::new())]);
        for entry in entries {
            children.entry(parent(entry)).or_default().push(entry);
        }
        let taken = entries.iter().map(|entry| (entry.as_str(), false)).collect();
        Self { taken, children, root_taken: false }
    }

    fn take(&mut self, patterns: &[String]) -> Result<Vec<String>, BadPattern> {
        let mut matched = Vec::new();
        for pattern in patterns {
            let pattern = glob::clean(pattern);
            for path in self.taken.keys() {
                if glob::matches(&pattern, path)? {
                    matched.push(*path);
                }
            }
        }
        let mut files = BTreeSet::new();
        for path in matched {
            self.add(path, &mut files);
        }
        let parents: BTreeSet<&str> = files.iter().flat_map(|path| parents(path)).collect();
        let mut parents: Vec<&str> = parents.into_iter().filter(|parent| !files.contains(parent)).collect();
        parents.sort_by_key(|path| std::cmp::Reverse(depth(path)));
        for path in &parents {
            let all_taken = self.children[path].iter().all(|child| self.taken[child]);
            self.mark(path, all_taken);
        }
        Ok(ordered(files.into_iter().chain(parents)))
    }

    fn add(&mut self, path: &'a str, files: &mut BTreeSet<&'a str>) {
        if self.taken[path] {
            return;
        }
        for child in self.children.get(path).cloned().unwrap_or_default() {
            self.add(child, files);
        }
        files.insert(path);
        self.mark(path, true);
    }

    fn mark(&mut self, path: &'a str, taken: bool) {
        if path == "." {
            self.root_taken = taken;
        } else {
            self.taken.insert(path, taken);
        }
    }

    fn rest(&self) -> Vec<String> {
        let root = (!self.root_taken).then_some(".");
        let rest = self.taken.iter().filter(|(_, taken)| !**taken).map(|(path, _)| *path);
        ordered(root.into_iter().chain(rest))
    }
}

/// The directory itself first, then byte order of the whole path.
fn ordered<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut paths: Vec<&str> = paths.collect();
    paths.sort_by_key(|path| (*path != ".", *path));
    paths.into_iter().map(str::to_owned).collect()
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(parent, _)| parent)
}

fn parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(parent(path)), |path| (*path != ".").then(|| parent(path)))
}

fn depth(path: &str) -> usize {
    if path == "." { 0 } else { path.split('/').count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(slices: &[&[&str]]) -> Vec<String> {
        let entries = ["a", "a-b", "a-b/4", "a/3", "sub", "sub/1", "sub2", "sub2/2"].map(str::to_owned);
        let slices: Vec<Vec<String>> = slices
            .iter()
            .map(|patterns| patterns.iter().map(|pattern| (*pattern).to_owned()).collect())
            .collect();
        let layers = slice(&entries, &slices).expect("patterns");
        layers.iter().map(|paths| paths.join(" ")).collect()
    }

    #[test]
    fn slices_take_what_they_match_and_leave_the_rest() {
        let cases: &[(&[&[&str]], &[&str])] = &[
            (&[], &[". a a-b a-b/4 a/3 sub sub/1 sub2 sub2/2"]),
            (&[&["sub/*"]], &[". sub sub/1", ". a a-b a-b/4 a/3 sub2 sub2/2"]),
            (&[&["sub", "nope"], &["a/3"]], &[". sub sub/1", ". a a/3", ". a-b a-b/4 sub2 sub2/2"]),
            (&[&["*"]], &[". a a-b a-b/4 a/3 sub sub/1 sub2 sub2/2", ""]),
            (&[&["a*"], &["a", "./sub2//"]], &[". a a-b a-b/4 a/3", ". sub2 sub2/2", ". sub sub/1"]),
            (&[&["/workspace/a", "**/1x", ".."]], &["", ". a a-b a-b/4 a/3 sub sub/1 sub2 sub2/2"]),
        ];
        for (slices, expected) in cases {
            assert_eq!(layers(slices), *expected, "{slices:?}");
        }
    }

    #[test]
    fn malformed_patterns_are_errors_as_soon_as_there_is_a_file() {
        let slices = [vec!["[".to_owned()]];
        assert_eq!(slice(&["f".to_owned()], &slices), Err(BadPattern));
        assert_eq!(slice(&[], &slices).map(|layers| layers.len()), Ok(2));
    }
}
