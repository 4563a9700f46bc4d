//! `include` and `exclude`: which files of an application are part of a build.
//!
//! Patterns mean exactly what they mean in a .gitignore file in the directory of the application; above all,
//! what is in a directory that matches cannot be taken out again with `!`. `include` takes what such a file
//! would ignore.

mod pattern;

use ignore::gitignore::Gitignore;
use ignore::gitignore::GitignoreBuilder;

use super::Files;
use crate::backend::Filter;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Located;
use crate::handwritten::Findings;

/// Takes the files that a descriptor asks for.
///
/// ```
/// use cnb_core::backend::Filter;
/// use cnb_core::diagnostic::Located;
/// use cnb_core::project::Files;
/// use cnb_core::project::files::FileFilter;
///
/// let pattern = |text: &str| Located { value: text.to_owned(), ..Located::default() };
/// let filter = FileFilter::new(&Files::Exclude(vec![pattern("*.log")])).expect("there is a pattern");
/// assert!(filter.takes("src/main.rs", false));
/// assert!(!filter.takes("src/x.log", false));
/// ```
#[derive(Debug)]
pub struct FileFilter {
    patterns: Gitignore,
    /// For `include`, where something that matches can be.
    places: Option<Vec<Place>>,
}

impl FileFilter {
    /// The filter for `files`; none if all are taken. Patterns that are not valid match nothing.
    pub fn new(files: &Files) -> Option<Self> {
        let (list, places) = match files {
            Files::All => return None,
            Files::Exclude(list) => (list, None),
            Files::Include(list) => (list, Some(list.iter().filter_map(|p| Place::of(&p.value)).collect())),
        };
        let mut builder = GitignoreBuilder::new("");
        for pattern in list {
            // What is wrong with a pattern was said when the descriptor was read.
            let _ = add(&mut builder, &pattern.value);
        }
        let patterns = builder.build().unwrap_or_else(|_| Gitignore::empty());
        Some(Self { patterns, places })
    }

    /// As git does: a directory that matches stands for everything in it.
    fn matches(&self, path: &str, is_directory: bool) -> bool {
        let matches = |path: &str, is_directory| self.patterns.matched(path, is_directory).is_ignore();
        path.match_indices('/').any(|(end, _)| matches(&path[..end], true)) || matches(path, is_directory)
    }
}

impl Filter for FileFilter {
    fn takes(&self, path: &str, is_directory: bool) -> bool {
        let matches = self.matches(path, is_directory);
        match &self.places {
            None => !matches,
            Some(places) => matches || is_directory && places.iter().any(|place| place.may_be_in(path)),
        }
    }
}

/// Warns of a pattern that is not valid.
pub(super) fn check(findings: &Findings<'_>, pattern: &Located<String>) {
    if let Err(reason) = add(&mut GitignoreBuilder::new(""), &pattern.value) {
        let message = format!("`{}` is not a pattern that can be used: it matches nothing", pattern.value);
        let diagnostic = Diagnostic::warning("invalid-pattern", message);
        findings.report(diagnostic.at(findings.source(), pattern.span, reason));
    }
}

fn add(builder: &mut GitignoreBuilder, pattern: &str) -> Result<(), String> {
    builder.allow_unclosed_class(false);
    let translated = pattern::translate(pattern).ok_or("its brackets are not valid")?;
    builder.add_line(None, &translated).map(drop).map_err(|error| match error {
        ignore::Error::Glob { err, .. } => err,
        other => other.to_string(),
    })
}

/// Where what a pattern matches can be.
#[derive(Debug)]
enum Place {
    /// In any directory.
    Anywhere,
    /// At the end of a path with such parts.
    Path(Vec<String>),
}

impl Place {
    fn of(pattern: &str) -> Option<Self> {
        let pattern = pattern.trim_end();
        if pattern.is_empty() || pattern.starts_with(['#', '!']) {
            return None;
        }
        let pattern = pattern.strip_suffix('/').unwrap_or(pattern);
        if !pattern.contains('/') {
            return Some(Self::Anywhere);
        }
        let parts = pattern.split('/').filter(|part| !part.is_empty());
        Some(Self::Path(parts.map(str::to_owned).collect()))
    }

    fn may_be_in(&self, directory: &str) -> bool {
        let Self::Path(parts) = self else { return true };
        let mut rest = parts.iter();
        for name in directory.split('/') {
            match rest.next() {
                None => return false,
                Some(part) if part.contains("**") => return true,
                Some(part) if !part.contains(['*', '?', '[', '\\']) && part != name => return false,
                Some(_) => {}
            }
        }
        rest.next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;
    use std::process::Stdio;

    use proptest::prop_assert_eq;
    use proptest::test_runner::Config as ProptestConfig;
    use proptest::test_runner::RngAlgorithm;
    use proptest::test_runner::TestRng;
    use proptest::test_runner::TestRunner;

    use super::*;

    fn list(patterns: &[&str]) -> Vec<Located<String>> {
        patterns.iter().map(|text| Located { value: (*text).to_owned(), ..Located::default() }).collect()
    }

    fn exclude(patterns: &[&str]) -> FileFilter {
        FileFilter::new(&Files::Exclude(list(patterns))).expect("a filter")
    }

    /// Patterns, a path (a directory if it ends in `/`), and whether it matches.
    const CASES: &[(&[&str], &str, bool)] = &[
        (&["/build"], "build", true),
        (&["/build"], "a/build", false),
        (&["build"], "a/build", true),
        (&["build"], "a/build/x/y", true),
        (&["/build/"], "build/x", true),
        (&["build/"], "build", false),
        (&["build/"], "build/", true),
        (&["build/"], "a/build/x", true),
        (&["a/b"], "a/b", true),
        (&["a/b"], "x/a/b", false),
        (&["*.log"], "a/b.log", true),
        (&["*.log", "!keep.log"], "a/keep.log", false),
        (&["!keep.log", "*.log"], "a/keep.log", true),
        (&["build/", "!build/keep"], "build/keep", true),
        (&["build/*", "!build/keep"], "build/keep", false),
        (&["build/*", "!build/keep"], "build/other", true),
        (&["**/x"], "x", true),
        (&["**/x"], "a/b/x", true),
        (&["a/**/b"], "a/b", true),
        (&["a/**/b"], "a/x/y/b", true),
        (&["a/**"], "a/x/y", true),
        (&["a/**"], "a/", false),
        (&["a*/b"], "ax/b", true),
        (&["a*/b"], "ax/y/b", false),
        (&["a?c"], "abc", true),
        (&["a?c"], "a/c", false),
        (&["[ab].c"], "b.c", true),
        (&["[!ab].c"], "b.c", false),
        (&["*.{js,ts}"], "a.js", false),
        (&["*.{js,ts}"], "a.{js,ts}", true),
        (&["\\#x"], "#x", true),
        (&["#x"], "#x", false),
        (&["\\!x"], "!x", true),
        (&["x  "], "x", true),
        (&["x\\ "], "x ", true),
        (&[""], "x", false),
        (&["/"], "x", false),
        (&["*"], "a/b", true),
        (&["/*", "!/src"], "src/a", false),
        (&["/*", "!/src"], "other/a", true),
        (&["é*"], "éa", true),
        (&["[]a]x"], "]x", true),
        (&["[a{]x"], "{x", true),
        (&["[a"], "[a", false),
        (&["[[:digit:]]x"], "1x", true),
        (&["[![:alpha:]_]x"], "ax", false),
        (&["[[:nope:]]x"], "nx", false),
        (&["[a\\]]x"], "]x", true),
        (&["[\\a]x"], "ax", true),
        (&["[^]x]"], "^", true),
        (&["[\\^]x"], "^x", true),
        (&["[a-]x"], "-x", true),
        (&["[a-c]x"], "bx", true),
        (&["[]-a]x"], "_x", true),
        (&["[!!]x"], "!x", false),
        (&["a[!x]b"], "a/b", false),
        (&["a[+-9]b"], "a/b", false),
        (&["a[!x]b"], "q/acb", true),
        (&["!a[!x]b"], "acb", false),
        (&["a[/c]b"], "acb", true),
        (&["a[/c]b"], "q/acb", false),
        (&["q/[!x]/"], "q/a/", true),
        (&["[{]}"], "{}", true),
    ];

    #[test]
    fn patterns_mean_what_they_mean_to_git() {
        let git = Git::new();
        for (patterns, path, expected) in CASES {
            assert_eq!(git.ignores(patterns, path), *expected, "git: {patterns:?} {path}");
            let taken = exclude(patterns).takes(path.trim_end_matches('/'), path.ends_with('/'));
            assert_eq!(!taken, *expected, "{patterns:?} {path}");
        }
    }

    #[test]
    fn random_patterns_mean_what_they_mean_to_git() {
        let name = r"([ab*?]{1,2}|\*\*|a?\[[!^]?[]ab!^-]{1,3}\]b?|a\{b|\\a)";
        let pattern = format!("!?/?{name}(/{name}){{0,2}}/?");
        let pattern = proptest::string::string_regex(&pattern).expect("a pattern");
        let patterns = proptest::collection::vec(pattern, 1..4);
        let git = Git::new();
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) };
        let result = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)).run(
            &(patterns, "[ab]{1,2}(/[ab]{1,2}){0,3}/?"),
            |(patterns, path)| {
                let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
                let taken = exclude(&patterns).takes(path.trim_end_matches('/'), path.ends_with('/'));
                prop_assert_eq!(!taken, git.ignores(&patterns, &path));
                Ok(())
            },
        );
        result.unwrap_or_else(|error| panic!("{error}"));
    }

    /// A repository of git, which tests of this repository need.
    struct Git(tempfile::TempDir);

    impl Git {
        fn new() -> Self {
            let git = Self(tempfile::tempdir().expect("a directory"));
            assert_eq!(git.run(&["init", "--quiet"]), Some(0));
            git
        }

        fn ignores(&self, patterns: &[&str], path: &str) -> bool {
            let root = self.0.path();
            fs::write(root.join(".gitignore"), patterns.join("\n")).expect("a file");
            let top = root.join(path.split('/').next().expect("a name"));
            make(&root.join(path.trim_end_matches('/')), path.ends_with('/'));
            let code = self.run(&["check-ignore", "--quiet", "--no-index", "--", path.trim_end_matches('/')]);
            fs::remove_dir_all(&top).or_else(|_| fs::remove_file(&top)).expect("it can be removed");
            match code {
                Some(0 | 1) => code == Some(0),
                other => panic!("git check-ignore: {other:?}"),
            }
        }

        fn run(&self, arguments: &[&str]) -> Option<i32> {
            let mut git = Command::new("git");
            git.current_dir(self.0.path()).args(["-c", "core.excludesFile=/dev/null"]).args(arguments);
            git.env("GIT_CONFIG_NOSYSTEM", "1").stdout(Stdio::null()).stderr(Stdio::null());
            git.status().expect("git runs").code()
        }
    }

    fn make(path: &Path, is_directory: bool) {
        fs::create_dir_all(path.parent().expect("it has a parent")).expect("directories");
        if is_directory {
            fs::create_dir(path).expect("a directory");
        } else {
            fs::write(path, "").expect("a file");
        }
    }

    #[test]
    fn include_takes_what_matches_and_enters_what_may_hold_it() {
        let filter = FileFilter::new(&Files::Include(list(&["/cmd/", "a/b/*.go", "go.mod", "!cmd/x"])));
        let filter = filter.expect("a filter");
        let taken = ["cmd/", "cmd/x", "cmd/y/z", "a/b/x.go", "go.mod", "q/go.mod", "a/", "a/b/", "q/"];
        let refused = ["cmd.go", "a/x.go", "a/b/c/x.go", "README", "q/cmd"];
        for (paths, expected) in [(&taken[..], true), (&refused[..], false)] {
            for path in paths {
                let is_directory = path.ends_with('/');
                assert_eq!(filter.takes(path.trim_end_matches('/'), is_directory), expected, "{path}");
            }
        }
    }

    #[test]
    fn directories_that_cannot_hold_a_match_are_not_entered() {
        let filter = FileFilter::new(&Files::Include(list(&["/src/app/", "doc/*.md"]))).expect("a filter");
        for (directory, expected) in [
            ("src", true),
            ("src/app", true),
            ("src/other", false),
            ("doc", true),
            ("doc/x", false),
            ("q", false),
        ] {
            assert_eq!(filter.takes(directory, true), expected, "{directory}");
        }
    }
}
