//! `cnb-helper tree`: a tree out of parts.

use std::path::Path;

use cnb_core::backend::Filter;
use cnb_core::backend::Result;
use cnb_core::diagnostic::Located;
use cnb_core::helper::TreePart;
use cnb_core::helper::TreePlan;
use cnb_core::project::Files;
use cnb_core::project::files::FileFilter;

use super::files;
use crate::tree;
use crate::tree::Owners;

pub(super) fn make(plan: &TreePlan, owners: Owners) -> Result<()> {
    let draft = files::draft(&plan.to, owners)?;
    for part in &plan.parts {
        match part {
            TreePart::Copy { root, from, to } => {
                let copied = tree::copy(&draft, &files::open(root)?, &[], from, to);
                copied.map_err(|error| error.with("root", root))?;
            }
            TreePart::Load { root, owner, include, exclude } => {
                let filters = Filters::new(include.as_deref(), exclude.as_deref());
                tree::load(&draft, Path::new(root), Some(&filters), *owner)?;
            }
            TreePart::Files(files) => draft.add(&files::read(files)?)?,
        }
    }
    Ok(())
}

/// Takes what all of them take.
#[derive(Debug)]
struct Filters(Vec<FileFilter>);

impl Filters {
    fn new(include: Option<&[String]>, exclude: Option<&[String]>) -> Self {
        let located = |pattern: &String| Located { value: pattern.clone(), ..Located::default() };
        let located = |patterns: &[String]| patterns.iter().map(located).collect();
        let include = include.map(|patterns| Files::Include(located(patterns)));
        let exclude = exclude.map(|patterns| Files::Exclude(located(patterns)));
        Self([include, exclude].into_iter().flatten().filter_map(|files| FileFilter::new(&files)).collect())
    }
}

impl Filter for Filters {
    fn takes(&self, path: &str, is_directory: bool) -> bool {
        self.0.iter().all(|filter| filter.takes(path, is_directory))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::fs::Permissions;
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::fs::symlink;
    use std::time::Duration;
    use std::time::SystemTime;

    use cnb_core::backend::ErrorKind;
    use cnb_core::backend::User;
    use cnb_core::helper::PlanFile;
    use cnb_core::helper::PlanFileKind;
    use tempfile::TempDir;

    use super::*;

    /// Two roots, `in` and `out`, and a file that is in neither.
    struct Bench(TempDir);

    impl Bench {
        fn new() -> Self {
            let bench = Self(TempDir::new().expect("a temporary directory"));
            for name in ["in", "out"] {
                fs::create_dir(bench.0.path().join(name)).expect("a directory");
            }
            fs::write(bench.0.path().join("secret"), "outside").expect("a file");
            bench
        }

        fn root(&self, name: &str) -> String {
            self.0.path().join(name).to_str().expect("UTF-8").to_owned()
        }

        fn write(&self, path: &str, content: &str, mode: u32) {
            let file = self.0.path().join("in").join(path);
            let parent = file.parent().expect("it has a parent");
            fs::create_dir_all(parent).expect("directories");
            fs::set_permissions(parent, Permissions::from_mode(0o755)).expect("a mode");
            fs::write(&file, content).expect("a file");
            fs::set_permissions(&file, Permissions::from_mode(mode)).expect("a mode");
        }

        fn link(&self, path: &str, target: &str) {
            symlink(target, self.0.path().join("in").join(path)).expect("a link");
        }

        fn copy(&self, from: &str, to: &str) -> TreePart {
            TreePart::Copy { root: self.root("in"), from: from.to_owned(), to: to.to_owned() }
        }

        fn load(&self, include: Option<&[&str]>, exclude: Option<&[&str]>) -> TreePart {
            let owned = |patterns: &[&str]| patterns.iter().map(ToString::to_string).collect();
            let (include, exclude) = (include.map(owned), exclude.map(owned));
            TreePart::Load { root: self.root("in"), owner: User::new(7, 8), include, exclude }
        }

        fn content_of(&self, path: &str) -> PlanFile {
            let kind = PlanFileKind::Regular { root: self.root("in"), path: path.to_owned() };
            PlanFile { path: "/new".to_owned(), kind, mode: 0o640, owner: User::ROOT }
        }

        fn make(&self, parts: Vec<TreePart>) -> Result<()> {
            make(&TreePlan { to: self.root("out"), parts }, Owners::Process)
        }

        /// What was made, as `MODE PATH -> TARGET`.
        fn made(&self) -> Vec<String> {
            let mut lines = Vec::new();
            let mut waiting = vec![String::new()];
            while let Some(directory) = waiting.pop() {
                for entry in fs::read_dir(format!("{}{directory}", self.root("out"))).expect("a directory") {
                    let entry = entry.expect("an entry");
                    let path = format!("{directory}/{}", entry.file_name().to_str().expect("UTF-8"));
                    let metadata = entry.metadata().expect("metadata");
                    let link = fs::read_link(entry.path()).map(|target| format!(" -> {}", target.display()));
                    lines.push(format!("{:o} {path}{}", metadata.mode() & 0o7777, link.unwrap_or_default()));
                    if metadata.is_dir() {
                        waiting.push(path);
                    }
                }
            }
            lines.sort_unstable_by_key(|line| line.split_once(' ').expect("a mode").1.to_owned());
            lines
        }

        fn out(&self, path: &str) -> fs::Metadata {
            fs::symlink_metadata(format!("{}/{path}", self.root("out"))).expect("a file")
        }
    }

    #[test]
    fn copies_keep_modes_links_times_and_what_is_one_file() {
        let bench = Bench::new();
        bench.write("d/setuid", "1", 0o4711);
        bench.write("d/other", "2", 0o600);
        bench.link("d/link", "/nowhere");
        let (one, two) = (bench.0.path().join("in/d/setuid"), bench.0.path().join("in/d/a-name"));
        fs::hard_link(&one, two).expect("a hard link");
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_234_567_890_500);
        fs::File::open(&one).expect("a file").set_modified(time).expect("a time");
        fs::set_permissions(bench.0.path().join("in/d"), Permissions::from_mode(0o1770)).expect("a mode");
        bench.make(vec![bench.copy("/d", "/x/y")]).expect("a tree");
        let expected = [
            "755 /x",
            "1770 /x/y",
            "4711 /x/y/a-name",
            "777 /x/y/link -> /nowhere",
            "600 /x/y/other",
            "4711 /x/y/setuid",
        ];
        assert_eq!(bench.made(), expected);
        assert_eq!(bench.out("x/y/a-name").ino(), bench.out("x/y/setuid").ino());
        assert_eq!(bench.out("x/y/a-name").nlink(), 2);
        assert_eq!(bench.out("x/y/setuid").modified().expect("a time"), time);
    }

    #[test]
    fn a_root_is_copied_with_its_mode_and_merged_into_what_is_there() {
        let bench = Bench::new();
        bench.write("d/f", "new", 0o600);
        fs::set_permissions(bench.root("in"), Permissions::from_mode(0o750)).expect("a mode");
        let file = |path: &str| PlanFile { path: path.to_owned(), ..bench.content_of("/d/f") };
        let files = TreePart::Files(vec![file("/d/f"), file("/d/kept")]);
        bench.make(vec![files, bench.copy("/", "/")]).expect("a tree");
        assert_eq!(bench.made(), ["755 /d", "600 /d/f", "640 /d/kept"]);
        assert_eq!(bench.out("").mode() & 0o7777, 0o750);
    }

    #[test]
    fn nothing_leads_out_of_a_root() {
        let outside = Bench::new();
        outside.link("up", "..");
        outside.link("absolute", &outside.root("in"));
        outside.link("file", "../secret");
        let from = |path| outside.make(vec![outside.copy(path, "/x")]);
        for path in ["/up/secret", "/absolute/secret"] {
            assert_eq!(from(path).expect_err(path).kind(), ErrorKind::NotFound, "{path}");
        }
        for path in ["/../secret", "secret", "/./up"] {
            assert_eq!(from(path).expect_err(path).kind(), ErrorKind::InvalidInput, "{path}");
        }
        let content = outside.make(vec![TreePart::Files(vec![outside.content_of("/file")])]);
        assert_eq!(content.expect_err("it is outside").kind(), ErrorKind::NotFound);

        let inside = Bench::new();
        inside.write("f", "1", 0o644);
        inside.link("out", "../../../made");
        let parts = vec![inside.copy("/", "/"), inside.copy("/f", "/out/f")];
        inside.make(parts).expect("a tree");
        assert_eq!(inside.made(), ["644 /f", "755 /made", "644 /made/f", "777 /out -> ../../../made"]);
    }

    #[test]
    fn loading_is_what_git_sees_of_what_the_patterns_take() {
        let bench = Bench::new();
        bench.write("src/a.rs", "", 0o600);
        bench.write("src/a.log", "", 0o600);
        bench.write("run", "", 0o700);
        bench.write("target/x", "", 0o644);
        bench.link("link", "/nowhere");
        for (include, exclude, expected) in [
            (
                None,
                Some(&["*.log", "/target/"][..]),
                &["777 /link -> /nowhere", "755 /run", "755 /src", "644 /src/a.rs"][..],
            ),
            (Some(&["/src/"][..]), None, &["755 /src", "644 /src/a.log", "644 /src/a.rs"]),
            (Some(&["/src/"]), Some(&["*.log"]), &["755 /src", "644 /src/a.rs"]),
            (Some(&[]), None, &[]),
        ] {
            bench.make(vec![bench.load(include, exclude)]).expect("a tree");
            assert_eq!(bench.made(), expected, "{include:?} {exclude:?}");
            fs::remove_dir_all(bench.root("out")).expect("it can be removed");
            fs::create_dir(bench.root("out")).expect("a directory");
        }
    }

    #[test]
    fn a_tree_is_made_in_an_empty_directory() {
        let bench = Bench::new();
        fs::write(format!("{}/there", bench.root("out")), "").expect("a file");
        let error = bench.make(Vec::new()).expect_err("something is there");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let plan = TreePlan { to: bench.root("missing"), parts: Vec::new() };
        assert_eq!(make(&plan, Owners::Process).expect_err("nothing is there").kind(), ErrorKind::NotFound);
    }
}
