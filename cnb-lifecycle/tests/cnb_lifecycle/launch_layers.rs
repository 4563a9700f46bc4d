//! `lifecycle cache-recall`, `cache-complete` and `cache-save -launch-cache`.

use std::fs;

use crate::build::Build;

/// A build whose layers were kept, and then forgotten.
fn kept() -> Build {
    let build = Build::new();
    for directory in ["cache", "launch"] {
        fs::create_dir_all(build.path(directory)).expect("a directory");
    }
    let (cache, launch) = (build.path("cache"), build.path("launch"));
    let said = build.run(&["cache-save", "-cache-dir", &cache, "-launch-cache", &launch]);
    assert!(said.contains("Adding cache layer 'example/a:kept'"), "{said}");
    build.forget_layers();
    fs::write(build.path("layers/analyzed.toml"), "[run-image]\nreference = \"run@sha256:1\"\n")
        .expect("a file");
    build
}

fn recall(build: &Build) -> String {
    let (cache, launch) = (build.path("cache"), build.path("launch"));
    build.run(&["cache-recall", "-cache-dir", &cache, "-launch-cache", &launch])
}

#[test]
fn without_a_previous_image_nothing_is_lost() {
    let build = kept();
    recall(&build);
    let analyzed = build.read("layers/analyzed.toml");
    assert!(analyzed.contains("run@sha256:1") && analyzed.contains("v = 3.0"), "{analyzed}");
    let cache = build.path("cache");
    let said = build.run(&["restore", "-cache-dir", &cache]);
    for line in [
        "Restoring metadata for \"example/a:kept\" from app image",
        "Restoring data for \"example/a:both\" from cache",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(!build.exists("layers/example_a/kept"), "its metadata alone is back");

    // The buildpack keeps it.
    let file = build.read("layers/example_a/kept.toml");
    fs::write(build.path("layers/example_a/kept.toml"), format!("[types]\nlaunch = true\n{file}"))
        .expect("a file");
    let launch = build.path("launch");
    let said = build.run(&["cache-complete", "-launch-cache", &launch]);
    assert!(said.contains("Reusing layer 'example/a:kept'"), "{said}");
    assert_eq!(build.read("layers/example_a/kept/f"), "kept");
}

#[test]
fn layers_are_left_as_archives_for_those_who_want_that() {
    let build = kept();
    build.write("layers/example_a/kept.toml", "[types]\nlaunch = true\n");
    let (cache, launch) = (build.path("cache"), build.path("launch"));
    build.run(&["cache-complete", "-launch-cache", &launch, "-archives"]);
    let tar = fs::read(build.path("layers/example_a/kept")).expect("a file");
    let in_cache = || {
        let entries = fs::read_dir(build.path("launch/committed")).expect("a directory");
        let mut tars = entries.map(|entry| fs::read(entry.expect("an entry").path()).expect("a file"));
        tars.any(|other| other == tar)
    };
    assert!(in_cache(), "it is that of the cache");
    let said = build.run(&["cache-save", "-cache-dir", &cache, "-launch-cache", &launch]);
    assert!(said.contains("Reusing cache layer 'example/a:kept'"), "{said}");
    assert!(in_cache(), "the cache still has it");
}

#[test]
fn a_layer_that_is_damaged_is_not_recalled() {
    let build = kept();
    for entry in fs::read_dir(build.path("launch/committed")).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "tar") {
            let mut bytes = fs::read(&path).expect("a file");
            bytes[600] ^= 1;
            fs::write(&path, bytes).expect("a file");
        }
    }
    let said = recall(&build);
    assert!(said.contains("Forgetting layer example/a:kept"), "{said}");
    assert!(!build.read("layers/analyzed.toml").contains("v = 3.0"));
}

#[test]
fn layers_of_the_previous_image_come_from_its_root() {
    let build = kept();
    let layers = build.path("layers");
    let place = format!("previous{layers}/example_a/kept");
    build.write(&format!("{place}/f"), "of the image");
    build.write("layers/example_a/kept.toml", "[types]\nlaunch = true\n");
    let (launch, previous) = (build.path("launch"), build.path("previous"));
    for caches in [&["-launch-cache", launch.as_str()][..], &[]] {
        build.run(&[&["cache-complete", "-previous-dir", &previous], caches].concat());
        assert_eq!(build.read("layers/example_a/kept/f"), "of the image");
        fs::remove_dir_all(build.path("layers/example_a/kept")).expect("it is there");
    }
}

#[test]
fn a_layer_that_nobody_has_is_an_error() {
    let build = kept();
    build.write("layers/example_a/unknown.toml", "[types]\nlaunch = true\n");
    let launch = build.path("launch");
    let failed = build.lifecycle(&["cache-complete", "-launch-cache", &launch]);
    assert_eq!(failed.status.code(), Some(1));
    let said = format!("{failed:?}");
    assert!(said.contains("cannot reuse 'example/a:unknown'"), "{said}");
    assert_eq!(build.lifecycle(&["cache-complete"]).status.code(), Some(3), "it needs a launch cache");
}
