//! Volume caches that are damaged, or were made to do harm: a build loses layers, never more.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use cnb_cache::volume::METADATA;
use serde_json::Value;
use tar::EntryType;

use crate::build::Build;
use crate::outcome;

/// Where the layer that is damaged goes.
const LAYER: &str = "layers/example_a/only";

/// A build whose layers are in the cache alone, and a file that nobody may change.
fn cached() -> Build {
    let build = Build::new();
    build.run(&["cache-save", "-cache-dir", &build.path("cache")]);
    build.forget_layers();
    build.write("elsewhere/x/sbom.cdx.json", "mine");
    build
}

/// Restores, and returns what was said. Nothing is anywhere but in `<layers>`; the next export makes the image and
/// a cache that is whole again.
fn restore(build: &Build, code: i32, case: &str) -> String {
    let before = outside(build);
    let cache = build.path("cache");
    let output = build.lifecycle(&["restore", "-cache-dir", &cache]);
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{case}: {said}");
    assert_eq!(outside(build), before, "{case}: {said}");

    build.forget_layers();
    build.write(&format!("{LAYER}/f"), "new");
    build.write(&format!("{LAYER}.toml"), "[types]\ncache = true\n");
    build.analyze();
    build.export_with(&["-cache-dir", &cache]);
    assert!(outcome::image(&build.path("images/example.com/app/1")).is_some(), "{case}");
    assert_eq!(outcome::cache(&cache).into_keys().collect::<Vec<_>>(), ["example/a:only"], "{case}");
    assert_eq!(outcome::names(&cache), ["committed", "staging"], "{case}: outcome::cache has opened it");
    assert_eq!(build.read("elsewhere/x/sbom.cdx.json"), "mine", "{case}");
    said
}

/// All names and sizes below the directory of the build, without `<layers>` and the cache.
fn outside(build: &Build) -> String {
    let find = ["-not", "-path", "./layers/*", "-not", "-path", "./cache/*", "-printf", "%p %y %s %m %l\n"];
    let output = Command::new("find").arg(".").args(find).current_dir(build.path("")).output();
    let output = output.expect("find can be run");
    assert!(output.status.success(), "{output:?}");
    let mut lines: Vec<String> =
        String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect();
    lines.sort();
    lines.join("\n")
}

fn metadata(build: &Build) -> Value {
    serde_json::from_str(&build.read(&format!("cache/committed/{METADATA}"))).expect("JSON")
}

fn set_metadata(build: &Build, metadata: &Value) {
    build.write(&format!("cache/committed/{METADATA}"), &metadata.to_string());
}

/// The entry of the layer in the metadata.
fn layer<'m>(metadata: &'m mut Value, name: &str) -> &'m mut Value {
    &mut metadata["buildpacks"][0]["layers"][name]
}

/// The tar of the layer.
fn tar(build: &Build) -> String {
    let sha = layer(&mut metadata(build), "only")["sha"].as_str().expect("text").to_owned();
    build.path(&format!("cache/committed/{sha}.tar"))
}

/// Puts a tar with these entries, and the right digest, into the cache as one of its layers.
fn poison(build: &Build, name: &str, entries: &[(&str, EntryType, &str)]) {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let path = path.replace("<layer>", &build.path(&format!("layers/example_a/{name}")));
        let content = content.replace("<elsewhere>", &build.path("elsewhere"));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o755);
        let content = match kind {
            EntryType::Regular => content.as_str(),
            EntryType::Directory => "",
            _ => {
                header.set_link_name_literal(&content).expect("a short name");
                ""
            }
        };
        header.set_size(content.len() as u64);
        // The crate refuses absolute names; layers of the lifecycle have them.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes()).expect("memory");
    }
    let bytes = builder.into_inner().expect("memory");
    let sha = cnb_oci::digest(&bytes).to_string();
    fs::write(build.path(&format!("cache/committed/{sha}.tar")), bytes).expect("a file");
    let mut metadata = metadata(build);
    *layer(&mut metadata, name) = serde_json::json!({"sha": sha, "data": null, "cache": true});
    set_metadata(build, &metadata);
}

#[test]
fn damage_costs_layers() {
    type Damage = fn(&Build);
    const SKIPPED: &str = "Warning: Skipping restore for layer example/a:only: ";
    let cases: &[(&str, Damage, &str)] = &[
        (
            "a flipped bit",
            |build| {
                let mut bytes = fs::read(tar(build)).expect("a file");
                bytes[600] ^= 1;
                fs::write(tar(build), bytes).expect("a file");
            },
            "expected layer contents to have SHA",
        ),
        (
            "a truncated layer",
            |build| fs::write(tar(build), "").expect("a file"),
            "expected layer contents to have SHA",
        ),
        (
            "a missing layer",
            |build| fs::remove_file(tar(build)).expect("a file"),
            "failed to find cache layer with SHA",
        ),
        (
            "a directory for a layer",
            |build| {
                let tar = tar(build);
                fs::remove_file(&tar).expect("a file");
                fs::create_dir(&tar).expect("a directory");
            },
            "is no file",
        ),
        ("a pipe for a layer", |build| make_pipe(&tar(build)), "is no file"),
        (
            "another digest",
            |build| {
                let mut metadata = metadata(build);
                layer(&mut metadata, "only")["sha"] = format!("sha256:{}", "0".repeat(64)).into();
                set_metadata(build, &metadata);
            },
            "failed to find cache layer with SHA 'sha256:0000",
        ),
        (
            "a path for a digest",
            |build| {
                let mut metadata = metadata(build);
                layer(&mut metadata, "only")["sha"] = "../../elsewhere/x".into();
                set_metadata(build, &metadata);
            },
            "failed to find cache layer with SHA '../../elsewhere/x'",
        ),
    ];
    for (case, damage, reason) in cases {
        let build = cached();
        damage(&build);
        let said = restore(&build, 0, case);
        let warning = said.lines().find(|line| line.starts_with(SKIPPED));
        assert!(warning.is_some_and(|warning| warning.contains(reason)), "{case}: {said}");
        assert!(said.contains("Restoring data for \"example/a:both\" from cache"), "{case}: {said}");
    }
}

#[test]
fn metadata_that_cannot_be_read_is_an_empty_cache() {
    type Damage = fn(&str);
    let cases: &[(&str, Damage)] = &[
        ("truncated", |path| {
            let text = fs::read_to_string(path).expect("a file");
            fs::write(path, &text[..text.len() / 2]).expect("a file");
        }),
        ("empty", |path| fs::write(path, "").expect("a file")),
        ("a directory", |path| {
            fs::remove_file(path).expect("a file");
            fs::create_dir(path).expect("a directory");
        }),
        ("a pipe", make_pipe),
    ];
    for (case, damage) in cases {
        let build = cached();
        damage(&build.path(&format!("cache/committed/{METADATA}")));
        let said = restore(&build, 0, case);
        assert!(!said.contains("Restoring"), "{case}: {said}");
    }
}

#[test]
fn layers_stay_in_their_directory() {
    use EntryType as Type;
    type Case<'a> = (&'a str, &'a [(&'a str, Type, &'a str)], i32, &'a str);
    const OUTSIDE: &str = "is outside of the layers";
    const UNKNOWN: &str = "unknown file type in tar";
    let cases: &[Case<'_>] = &[
        ("a path elsewhere", &[("/tmp/cnb-escaped", Type::Regular, "x")], 0, OUTSIDE),
        ("a path upwards", &[("<layer>/../../../escaped", Type::Regular, "x")], 0, OUTSIDE),
        ("the layer of another", &[("<layer>/../both/f", Type::Regular, "x")], 0, OUTSIDE),
        (
            "a file through a link",
            &[
                ("<layer>", Type::Directory, ""),
                ("<layer>/s", Type::Symlink, "<elsewhere>"),
                ("<layer>/s/escaped", Type::Regular, "x"),
            ],
            0,
            OUTSIDE,
        ),
        (
            "a directory through links",
            &[
                ("<layer>", Type::Directory, ""),
                ("<layer>/s", Type::Symlink, "t"),
                ("<layer>/t", Type::Symlink, "<elsewhere>"),
                ("<layer>/s/escaped/y", Type::Directory, ""),
            ],
            0,
            OUTSIDE,
        ),
        (
            "a layer that is a link",
            &[("<layer>", Type::Symlink, "<elsewhere>"), ("<layer>/escaped", Type::Regular, "x")],
            0,
            OUTSIDE,
        ),
        (
            "a file over a link",
            &[
                ("<layer>", Type::Directory, ""),
                ("<layer>/s", Type::Symlink, "<elsewhere>/x/sbom.cdx.json"),
                ("<layer>/s", Type::Regular, "yours"),
            ],
            42,
            "failed to write",
        ),
        ("a hard link", &[("<layer>/h", Type::Link, "<elsewhere>/x/sbom.cdx.json")], 42, UNKNOWN),
        ("a pipe", &[("<layer>/p", Type::Fifo, "")], 42, UNKNOWN),
        ("a device", &[("<layer>/d", Type::Char, "")], 42, UNKNOWN),
    ];
    for (case, entries, code, reason) in cases {
        let build = cached();
        poison(&build, "only", entries);
        let said = restore(&build, *code, case);
        assert!(said.contains(reason), "{case}: {said}");
    }
    assert!(!fs::exists("/tmp/cnb-escaped").expect("it can be told"));
}

#[test]
fn an_sbom_does_not_follow_a_layer_that_is_a_link() {
    let build = cached();
    let entries = [("<layer>", EntryType::Symlink, "<elsewhere>/x/sbom.cdx.json")];
    poison(&build, "only.sbom.cdx.json", &entries);
    let said = restore(&build, 42, "");
    assert!(said.contains("only.sbom.cdx.json: too many levels of symbolic links"), "{said}");
}

#[test]
fn names_of_layers_stay_in_the_directory_of_their_buildpack() {
    let build = cached();
    let mut metadata = metadata(&build);
    let entry = layer(&mut metadata, "only").clone();
    let names = ["../../elsewhere/x", "..", ".", "", "a/b", "../escaped"];
    for name in names {
        *layer(&mut metadata, name) = entry.clone();
    }
    set_metadata(&build, &metadata);
    let said = restore(&build, 0, "");
    for name in names {
        assert!(said.contains(&format!("Ignoring \"example/a:{name}\"")), "{name}: {said}");
    }
}

#[test]
fn a_cache_behind_a_link_is_read_but_not_changed() {
    let build = cached();
    fs::rename(build.path("cache/committed"), build.path("elsewhere/cache")).expect("renamed");
    symlink(build.path("elsewhere/cache"), build.path("cache/committed")).expect("a link");
    let said = restore(&build, 0, "");
    assert!(said.contains("Restoring data for \"example/a:only\" from cache"), "{said}");
    assert!(outcome::names(&build.path("elsewhere/cache")).len() > 2);
}

fn make_pipe(path: &str) {
    fs::remove_file(path).expect("a file");
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo can be run").success());
}
