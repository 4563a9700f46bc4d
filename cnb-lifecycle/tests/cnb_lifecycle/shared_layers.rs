//! `lifecycle cache-fill` and `cache-save -shared-cache`: layers that projects share, and what they must not do.

use std::fs;
use std::sync::Arc;

use cnb_cache::store::Buildpack;
use cnb_cache::store::CacheStore as _;
use cnb_cache::store::Entry;
use cnb_cache::store::FileStore;
use cnb_cache::store::NamespaceInfo;
use cnb_cache::store::NewEntry;
use cnb_cache::store::Writer;
use cnb_core::backend::CacheId;
use cnb_core::digest::Digest;
use tar::EntryType;

use crate::build::Build;
use crate::outcome;

const LAYER: &str = "example/a:only";
const BUILDER: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const TOLD: &str = r#"{"data":null,"build":false,"launch":false,"cache":true}"#;

/// A build of a project whose layers are shared, and of another one that has none.
struct Projects(Build);

impl Projects {
    fn new() -> Self {
        let build = Build::new();
        for directory in ["cache", "other", "shared", "elsewhere"] {
            fs::create_dir_all(build.path(directory)).expect("a directory");
        }
        let projects = Self(build);
        let said = projects.save("cache");
        assert!(said.contains("Sharing layer 'example/a:only'"), "{said}");
        projects.0.forget_layers();
        projects
    }

    fn save(&self, volume: &str) -> String {
        let (cache, shared) = (self.0.path(volume), self.0.path("shared"));
        let writer = ["-cache-writer", "project=id:one", "-builder-digest", BUILDER];
        self.0.run(&[&["cache-save", "-cache-dir", &cache, "-shared-cache", &shared], &writer[..]].concat())
    }

    /// Fills the volume of the other one, and restores what is in it.
    fn fill(&self) -> String {
        let (cache, shared) = (self.0.path("other"), self.0.path("shared"));
        let said = self.0.run(&["cache-fill", "-cache-dir", &cache, "-shared-cache", &shared]);
        self.0.run(&["restore", "-cache-dir", &cache]);
        said
    }

    fn store(&self) -> FileStore {
        FileStore::new(self.0.path("shared"), Arc::new(|| 1))
    }

    fn entries(&self) -> Vec<Entry> {
        self.store().entries(&layers().id).expect("an index")
    }

    fn put(&self, key: &str, writer: Writer, data: &str, tar: &[u8]) {
        let new = NewEntry::new(key, writer).with_data(data);
        self.store().put_in(&layers(), new, &mut &*tar).expect("it is written");
    }

    /// The file that has the content of the one entry.
    fn blob(&self) -> String {
        let [entry] = &self.entries()[..] else { panic!("one layer is shared") };
        self.0.path(&format!("shared/blobs/sha256/{}", entry.digest.hex()))
    }

    fn expect_nothing(&self, case: &str) {
        assert!(outcome::cache(&self.0.path("other")).is_empty(), "{case}");
        assert!(!self.0.exists("layers/example_a/only"), "{case}");
        assert_eq!(outcome::names(&self.0.path("elsewhere")), [""; 0], "{case}");
    }
}

fn layers() -> NamespaceInfo {
    NamespaceInfo::new(CacheId::new("layers").expect("a name"), "")
}

fn buildpack() -> Writer {
    Writer::of("project=id:one").with_buildpack("example/a", "1")
}

/// A tar with these entries; `<layer>` stands for the directory of the layer.
fn tar(build: &Build, entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let path = path.replace("<layer>", &build.path("layers/example_a/only"));
        let path = path.replace("<elsewhere>", &build.path("elsewhere"));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o755);
        let mut content = *content;
        if *kind != EntryType::Regular {
            header
                .set_link_name_literal(content.replace("<elsewhere>", &build.path("elsewhere")))
                .expect("it fits");
            content = "";
        }
        header.set_size(content.len() as u64);
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes()).expect("memory");
    }
    builder.into_inner().expect("memory")
}

#[test]
fn layers_that_are_in_the_cache_alone_come_to_other_projects() {
    let projects = Projects::new();
    let [entry] = &projects.entries()[..] else { panic!("what is in the image is not shared") };
    assert_eq!((entry.key.as_str(), entry.writer.namespace.as_str()), (LAYER, "project=id:one"));
    assert_eq!(entry.writer.builder.as_ref().map(Digest::as_str), Some(BUILDER));
    let made_by = Buildpack { id: "example/a".to_owned(), version: "1".to_owned() };
    assert_eq!(entry.writer.buildpack, Some(made_by));

    let said = projects.fill();
    assert!(said.contains("Using shared layer 'example/a:only'"), "{said}");
    assert_eq!(projects.0.read("layers/example_a/only/f"), "only");
    assert_eq!(projects.0.read("layers/example_a/only.toml"), "[metadata]\n  what = \"cache\"\n");
    assert!(!projects.0.exists("layers/example_a/both"), "it is in the image of the other");
    assert_eq!(outcome::cache(&projects.0.path("other")).into_keys().collect::<Vec<_>>(), [LAYER]);
    let said = projects.fill();
    assert!(!said.contains("shared layer"), "it has one now: {said}");
}

#[test]
fn what_a_project_has_stays_its_own() {
    let projects = Projects::new();
    projects.put(LAYER, buildpack(), TOLD, &tar(&projects.0, &[("<layer>/f", EntryType::Regular, "theirs")]));
    let cache = projects.0.path("cache");
    let before = outcome::cache(&cache);
    let said =
        projects.0.run(&["cache-fill", "-cache-dir", &cache, "-shared-cache", &projects.0.path("shared")]);
    assert!(!said.contains("shared layer"), "{said}");
    assert_eq!(outcome::cache(&cache), before);

    // A group with one more buildpack takes the layers of that one, and keeps all others with the SBOM.
    let more = "[[group]]\nid = 'example/b'\nversion = '1'\napi = '0.10'\n";
    projects.0.write("layers/group.toml", &format!("{}{more}", projects.0.read("layers/group.toml")));
    let directory = projects.0.path("layers/example_b/x/f");
    let tar = tar(&projects.0, &[(&directory, EntryType::Regular, "theirs")]);
    projects.put("example/b:x", Writer::of("two").with_buildpack("example/b", "2"), TOLD, &tar);
    projects.0.run(&["cache-fill", "-cache-dir", &cache, "-shared-cache", &projects.0.path("shared")]);
    let mut after = outcome::cache(&cache);
    assert_eq!(after.remove("example/b:x"), Some(tar));
    assert_eq!(after, before);
    assert!(before.contains_key("sbom"));
}

#[test]
fn a_layer_that_did_not_change_is_not_written_again() {
    let projects = Projects::new();
    let number = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(projects.blob()).expect("a file"));
    let index = || fs::read(projects.0.path("shared/ns/layers/index.json")).expect("an index");
    let (before, before_index) = (number(), index());
    let cache = projects.0.path("cache");
    projects.0.run(&["restore", "-cache-dir", &cache]);
    projects.0.write("layers/example_a/only.toml", "[types]\ncache = true\n[metadata]\nwhat = 'cache'\n");
    let said = projects.save("cache");
    assert!(said.contains("Reusing cache layer") && !said.contains("Sharing"), "{said}");
    assert_eq!((number(), index()), (before, before_index));

    projects.0.write("layers/example_a/only/f", "changed");
    let said = projects.save("cache");
    assert!(said.contains("Sharing layer 'example/a:only'"), "{said}");
    let shared = outcome::names(&projects.0.path("shared/blobs/sha256"));
    assert_eq!(shared.len(), 1, "what nobody names is removed: {shared:?}");
}

#[test]
fn a_damaged_content_is_told_and_made_good() {
    type Damage = fn(&str);
    let cases: &[(&str, Damage)] = &[
        ("a flipped bit", |path| {
            let mut bytes = fs::read(path).expect("a file");
            bytes[600] ^= 1;
            fs::write(path, bytes).expect("a file");
        }),
        ("a link", |path| {
            fs::rename(path, format!("{path}.x")).expect("renamed");
            std::os::unix::fs::symlink(format!("{path}.x"), path).expect("a link");
        }),
        ("truncated", |path| fs::write(path, "").expect("a file")),
        ("missing", |path| fs::remove_file(path).expect("a file")),
    ];
    for (case, damage) in cases {
        let projects = Projects::new();
        damage(&projects.blob());
        let said = projects.fill();
        let is_told = said.contains("Warning: Skipping shared layer 'example/a:only': ");
        // What is not there with that size is no entry any more.
        assert_eq!(is_told, *case == "a flipped bit", "{case}: {said}");
        projects.expect_nothing(case);

        // The same layer, made anew.
        projects.0.write("layers/example_a/only/f", "only");
        projects.0.write("layers/example_a/only.toml", "[types]\ncache = true\n[metadata]\nwhat = 'cache'\n");
        let said = projects.save("other");
        assert!(said.contains("Sharing layer 'example/a:only'"), "{case}: {said}");
        fs::remove_dir_all(projects.0.path("other")).expect("a directory");
        fs::create_dir(projects.0.path("other")).expect("a directory");
        projects.0.forget_layers();
        projects.fill();
        assert_eq!(projects.0.read("layers/example_a/only/f"), "only", "{case}");
    }
}

#[test]
fn an_index_that_lies_gives_nothing() {
    let whole = |projects: &Projects| tar(&projects.0, &[("<layer>/f", EntryType::Regular, "x")]);
    let launch = TOLD.replace("\"launch\":false", "\"launch\":true");
    let project = TOLD.replace("\"cache\":true", "\"cache\":false");
    let cases = [
        (LAYER, buildpack(), "no JSON", "is not that of a layer"),
        (LAYER, buildpack(), &launch, "is that of a layer which is not shared"),
        (LAYER, buildpack(), &project, "is that of a layer which is not shared"),
        (LAYER, Writer::of("nobody"), TOLD, "is not that of a layer"),
        (LAYER, Writer::of("two").with_buildpack("example/b", "1"), TOLD, "is not that of a layer"),
        ("example/a:../../elsewhere/x", buildpack(), TOLD, "has a name that no layer has"),
        ("example/a:", buildpack(), TOLD, "has a name that no layer has"),
        // This one has the content of another layer.
        ("example/a:another", buildpack(), TOLD, "is outside of the layers"),
    ];
    for (key, writer, data, expected) in cases {
        let projects = Projects::new();
        projects.store().remove(&layers().id, None).expect("it is removed");
        projects.put(key, writer, data, &whole(&projects));
        let said = projects.fill();
        let warning = said.lines().find(|line| line.starts_with("Warning: Skipping shared layer"));
        assert!(warning.is_some_and(|warning| warning.contains(expected)), "{key}: {said}");
        projects.expect_nothing(key);
    }
    for text in ["garbage", "", r#"{"version":7,"entries":[]}"#] {
        let projects = Projects::new();
        projects.0.write("shared/ns/layers/index.json", text);
        let said = projects.fill();
        assert!(said.contains("Warning: Skipping shared layers: the index "), "{text}: {said}");
        projects.expect_nothing(text);
    }
}

#[test]
fn a_tar_that_leaves_its_layer_does_not_even_reach_the_volume() {
    use EntryType as Type;
    type Case<'a> = &'a [(&'a str, Type, &'a str)];
    let cases: &[Case<'_>] = &[
        &[("<elsewhere>/x", Type::Regular, "x")],
        &[("<layer>/../../../elsewhere/x", Type::Regular, "x")],
        &[("<layer>/../both/f", Type::Regular, "x")],
        &[("<layer>", Type::Symlink, "<elsewhere>"), ("<layer>/x", Type::Regular, "x")],
        &[("<layer>/s", Type::Symlink, "<elsewhere>"), ("<layer>/s/x", Type::Regular, "x")],
        &[("<layer>/s", Type::Symlink, "<elsewhere>/x"), ("<layer>/s", Type::Regular, "x")],
        &[("<layer>/h", Type::Link, "<elsewhere>/x")],
        &[("<layer>/d", Type::Char, "")],
    ];
    for entries in cases {
        let projects = Projects::new();
        projects.put(LAYER, buildpack(), TOLD, &tar(&projects.0, entries));
        let said = projects.fill();
        let is_told =
            said.contains("Warning: Skipping shared layer 'example/a:only': its contents cannot be used: ");
        assert!(is_told, "{entries:?}: {said}");
        projects.expect_nothing(&format!("{entries:?}"));
    }
}

#[test]
fn without_its_directories_it_does_nothing() {
    let build = Build::new();
    let cache = build.path("cache");
    for arguments in [&["cache-fill", "-cache-dir", &cache][..], &["cache-fill", "-shared-cache", &cache]] {
        assert_eq!(build.lifecycle(arguments).status.code(), Some(3), "{arguments:?}");
    }
}
