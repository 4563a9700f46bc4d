//! Phases that are killed in the middle of their work.

use std::fs;
use std::process::Command;

use crate::build::Build;
use crate::outcome;
use crate::random::Random;
use crate::strace::POINTS;
use crate::strace::kill;

const APP: &str = "images/example.com/app/1";

fn copy(from: &str, to: &str) {
    if fs::exists(to).expect("it can be told") {
        fs::remove_dir_all(to).expect("a directory");
    }
    let status = Command::new("cp").args(["--archive", from, to]).status().expect("cp can be run");
    assert!(status.success());
}

fn export(build: &Build) -> Command {
    build.command(&["export", "-layout", "-launcher", &build.path("cnb/launcher"), "example.com/app:1"])
}

/// Large enough for several writes.
fn change(build: &Build, random: &mut Random) {
    fs::write(build.path("app/index"), random.bytes(3 << 20)).expect("a file");
    build.write("layers/example_a/both/f", "changed");
    build.write("layers/example_a/only/f", "changed");
}

#[test]
#[ignore = "needs strace: run by cargo xtask test faults"]
fn an_export_leaves_the_old_image_or_the_new_one() {
    let mut random = Random::new("export over an image");
    let build = Build::new();
    let layout = build.path(APP);
    build.analyze();
    build.export();
    let old = outcome::image(&layout).expect("an image");
    copy(&build.path("images"), &build.path("old"));
    change(&build, &mut random);
    build.analyze();
    let analyzed = build.read("layers/analyzed.toml");
    build.export();
    let new = outcome::image(&layout).expect("an image");
    let mut olds = 0;
    let reset = || {
        copy(&build.path("old"), &build.path("images"));
        build.write("layers/analyzed.toml", &analyzed);
    };
    let kills = kill(&mut random, &export(&build), &layout, reset, |event| {
        let found = outcome::image(&layout).expect("an image").descriptor.digest;
        assert!(found == old.descriptor.digest || found == new.descriptor.digest, "{event:?}: {found}");
        olds += usize::from(found == old.descriptor.digest);
        build.analyze();
        build.export();
        let found = outcome::image(&layout).expect("an image").descriptor.digest;
        assert_eq!(found, new.descriptor.digest, "{event:?}");
        outcome::expect_nothing_but(&layout, &[&old, &new]);
    });
    assert!(olds > 0, "no kill came in time");
    assert_eq!(kills, POINTS);
}

#[test]
#[ignore = "needs strace: run by cargo xtask test faults"]
fn a_first_export_leaves_the_image_or_none() {
    let mut random = Random::new("first export");
    let build = Build::new();
    let layout = build.path(APP);
    change(&build, &mut random);
    copy(&build.path("images"), &build.path("none"));
    build.analyze();
    let analyzed = build.read("layers/analyzed.toml");
    build.export();
    let new = outcome::image(&layout).expect("an image");
    let mut nones = 0;
    let reset = || {
        copy(&build.path("none"), &build.path("images"));
        build.write("layers/analyzed.toml", &analyzed);
    };
    let kills = kill(&mut random, &export(&build), &layout, reset, |event| {
        match outcome::image(&layout) {
            Some(found) => assert_eq!(found.descriptor, new.descriptor, "{event:?}"),
            None => nones += 1,
        }
        build.analyze();
        build.export();
        let found = outcome::image(&layout).expect("an image");
        assert_eq!(found.descriptor, new.descriptor, "{event:?}");
        outcome::expect_nothing_but(&layout, &[&new]);
    });
    assert!(nones > 0, "no kill came in time");
    assert_eq!(kills, POINTS);
}

#[test]
#[ignore = "needs strace: run by cargo xtask test faults"]
fn a_cache_keeps_its_old_content_or_has_the_new_one() {
    let mut random = Random::new("cache-save");
    let build = Build::new();
    let cache = build.path("cache");
    let arguments = ["cache-save", "-cache-dir", &cache];
    build.run(&arguments);
    let old = outcome::cache(&cache);
    copy(&cache, &build.path("old"));
    change(&build, &mut random);
    build.run(&arguments);
    let new = outcome::cache(&cache);
    assert!(old != new && old.keys().eq(new.keys()));
    let mut olds = 0;
    let reset = || copy(&build.path("old"), &cache);
    kill(&mut random, &build.command(&arguments), &cache, reset, |event| {
        let found = outcome::cache(&cache);
        assert!(found == old || found == new, "{event:?}");
        olds += usize::from(found == old);
        build.run(&arguments);
        assert_eq!(outcome::names(&cache), ["committed"], "{event:?}");
        assert!(outcome::cache(&cache) == new, "{event:?}");
    });
    assert!(olds > 0, "no kill came in time");
}
