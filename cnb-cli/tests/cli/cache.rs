//! What one build leaves for the next.

use std::fs;
use std::path::PathBuf;

use crate::fixture::Fixture;
use crate::layout;
use crate::place::Done;
use crate::place::Place;
use crate::place::files;
use crate::place::run;
use crate::processes::Running;

/// Tells whether the layers of the last build came back: one with its files, of one the metadata alone.
const LAYERS: &str = r#"
[ -f $layers/cached/file ] && echo "cached came back" || echo "cached is new"
mkdir -p $layers/cached
echo content > $layers/cached/file
printf '[types]\ncache = true\nlaunch = true\n' > $layers/cached.toml
if [ -f $layers/kept.toml ]; then
    echo "kept came back"
else
    echo "kept is new"
    mkdir -p $layers/kept
    echo other > $layers/kept/file
fi
printf '[types]\nlaunch = true\n[metadata]\nversion = "1"\n' > $layers/kept.toml
"#;

fn expect_new(done: &Done) {
    done.expect(0).says("cached is new").says("kept is new");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_second_build_uses_every_layer_again() {
    let place = Place::new(LAYERS);
    expect_new(&run(&mut place.build()));
    let first = place.image_id();
    let again = run(place.build().arg("--no-cache"));
    again.expect(0).says("cached came back").says("kept came back").does_not_say("Adding layer");
    for layer in ["test/script:cached", "test/script:kept", "buildpacksio/lifecycle:launcher"] {
        again.says(&format!("Reusing layer '{layer}'"));
    }
    assert_eq!(place.image_id(), first);
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn the_state_is_enough_when_the_image_is_gone() {
    let place = Place::new(LAYERS);
    expect_new(&run(&mut place.build()));
    let first = place.image_id();
    fs::remove_dir_all(place.path("out")).expect("the image is removed");
    run(place.build().arg("--no-cache")).expect(0).says("cached came back").says("kept came back");
    assert_eq!(place.image_id(), first);
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn clearing_the_cache_forgets_everything() {
    let place = Place::new(LAYERS);
    expect_new(&run(&mut place.build()));
    let first = place.image_id();
    expect_new(&run(place.build().arg("--clear-cache")));
    assert_eq!(place.image_id(), first);
    run(place.build().arg("--no-cache")).expect(0).says("cached came back");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn what_is_pruned_is_made_again() {
    let place = Place::new(LAYERS);
    expect_new(&run(&mut place.build()));
    let first = place.image_id();
    let cache =
        |arguments: &[&str]| run(place.cnb().arg("cache").args(arguments).args(["--cache-dir", "state"]));
    let listed = || -> serde_json::Value {
        serde_json::from_str(&cache(&["ls", "--json"]).expect(0).stdout).expect("one JSON object")
    };
    let kept = listed();
    let namespace = &kept["namespaces"][0];
    assert_eq!(namespace["entries"][0]["key"], "image");
    assert!(namespace["layers"][0]["size"].as_u64() > Some(1024), "{kept}");
    cache(&["prune", "--max-size", "1GB"]).expect(0);
    let again = run(place.build().arg("--no-cache"));
    again.expect(0).says("cached came back").says("kept came back");
    cache(&["prune", "--all"]).expect(0);
    assert_eq!(listed()["namespaces"], serde_json::json!([]));
    run(&mut place.build()).expect(0).says("cached is new").says("kept came back");
    assert_eq!(place.image_id(), first);
}

/// More output than fits into pipes: the build goes on when somebody reads it.
pub(crate) const WAIT: &str = r#"
echo started
line=0
while [ $line -lt 8192 ]; do line=$((line + 1)); echo "$line of a log that nobody reads until it has to go on"; done
"#;

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn what_a_build_uses_is_pruned_when_it_has_ended() {
    let place = Place::new(&format!("{LAYERS}{WAIT}"));
    run(&mut place.build()).expect(0).says("kept is new");
    let first = place.image_id();
    // So its layers are those of the state.
    fs::remove_dir_all(place.path("out")).expect("the image is removed");
    let build = Running::until_output(place.build().arg("--no-cache"), "started");
    let mut prune = place.cnb();
    prune.args(["cache", "prune", "--all", "--cache-dir", "state"]);
    let done = run(&mut prune);
    done.expect(0)
        .says("warning: builds use 1 root file system: they stay")
        .says("layers of images: they stay");
    build.end().expect(0);
    assert_eq!(place.image_id(), first);
    run(&mut prune).expect(0).does_not_say("warning");
    for kept in ["root/roots", "blobs", "diffids", "uses"] {
        assert_eq!(files(&place.path("state").join(kept)), [""; 0].map(PathBuf::from), "{kept}");
    }
    run(&mut place.build()).expect(0).says("cached is new").says("kept came back");
    assert_eq!(place.image_id(), first);
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_cache_that_is_only_read_stays_as_it_is() {
    let place = Place::new(LAYERS);
    // Nothing but the cache is there of earlier builds.
    let build = |flags: &[&str]| run(place.build().args(["--previous-image", "oci:none:app"]).args(flags));
    let read_only = ["--cache-read-only"];
    expect_new(&build(&read_only));
    expect_new(&build(&read_only));
    assert!(!place.path("state/store").exists(), "nothing is remembered");
    expect_new(&build(&[]));
    let store = || files(&place.path("state/store"));
    let before = store();
    build(&["--cache-read-only", "--no-cache"]).expect(0).says("cached came back");
    assert_eq!(store(), before);
    run(place.build().args(["--cache-read-only", "--clear-cache"])).expect(2);
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_lost_layer_is_made_again() {
    let place = Place::new(LAYERS);
    expect_new(&run(&mut place.build()));
    let first = place.image_id();
    let name = layout::layer(&place.path("out"), "app", &kept_diff_id(&place));
    for directory in [place.path("out"), place.path("state")] {
        fs::remove_file(layout::blob(&directory, &name)).expect("the blob is there");
    }
    let again = run(&mut place.build());
    again.expect(0).says("warning: the layers of the last build cannot be used again").says("kept is new");
    assert_eq!(place.image_id(), first);
    assert!(layout::blob(&place.path("out"), &name).exists());
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_damaged_layer_is_made_again() {
    let place = Place::new(LAYERS);
    expect_new(&run(&mut place.build()));
    let first = place.image_id();
    let name = layout::layer(&place.path("out"), "app", &kept_diff_id(&place));
    let [out, state] = ["out", "state"].map(|directory| layout::blob(&place.path(directory), &name));
    layout::damage(&out);
    // They may be links to one file.
    fs::remove_file(&state).expect("the blob is there");
    fs::copy(&out, &state).expect("a file");
    let again = run(&mut place.build());
    again.expect(0).says("warning: the layers of the last build cannot be used again").says("kept is new");
    assert_eq!(place.image_id(), first);
    // The image is whole again: a build on top of it finds nothing wrong.
    let last = run(place.build().arg("--no-cache"));
    last.expect(0).says("kept came back").does_not_say("warning");
}

/// The diffID that the label of the image has for the layer `kept`.
fn kept_diff_id(place: &Place) -> String {
    let label = place.inspect()["lifecycle"].clone();
    let layer = &label["buildpacks"][0]["layers"]["kept"]["sha"];
    layer.as_str().unwrap_or_else(|| panic!("no layer in {label}")).to_owned()
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn applications_do_not_share_what_they_keep() {
    let (one, other) = (Place::new(LAYERS), Place::new(LAYERS));
    expect_new(&run(&mut one.build()));
    let mut build = other.cnb();
    build.args(["build", "app", "--output", "oci:out:app", "--builder", &Fixture::get().builder()]);
    expect_new(&run(build.arg("--cache-dir").arg(one.path("state"))));
}
