//! What builds leave for the next: caches, previous images, and what BuildKit itself keeps.

use std::path::Path;

use super::Place;
use super::image::Image;
use super::witness::Witness;
use super::witness::says;
use crate::Result;
use crate::command;
use crate::test::step::timed;

/// Has a layer for the image alone, which it keeps by its metadata, and one for the cache.
const SCRIPT: &str = r#"
kept="$CNB_LAYERS_DIR/kept"
if grep -q wanted "$kept.toml" 2>/dev/null; then
    test ! -e "$kept"
    echo the layer is kept
else
    mkdir "$kept"
    date +%s%N >"$kept/file"
    echo the layer is made
fi
printf '[types]\nlaunch = true\n[metadata]\nversion = "wanted"\n' >"$kept.toml"
download="$CNB_LAYERS_DIR/download"
if test -e "$download/file"; then
    echo nothing to download
else
    mkdir -p "$download"
    echo downloaded >"$download/file"
    echo everything is downloaded
fi
printf '[types]\ncache = true\n' >"$download.toml"
"#;

const MADE: &str = "the layer is made";
const KEPT: &str = "the layer is kept";
const DOWNLOADED: &str = "everything is downloaded";
const NOTHING: &str = "nothing to download";

/// A layer for the image alone comes back from the cache of the project or from a previous image.
pub(super) fn check(place: &Place<'_>) -> Result<()> {
    let witness = Witness::new(place, "caches", SCRIPT)?;
    let mut number = 0;
    let mut layer = |name: &str, arguments: &[&str], said: [&str; 2]| -> Result<String> {
        number += 1;
        witness.change(&number.to_string())?;
        timed(name, || {
            let built = witness.build(place, arguments)?.succeed()?;
            says(&built.progress.output(), &said)?;
            Image::inspect(place.engine, witness.image())?.layer("test/caches", "kept")
        })
    };
    let (one, other) = ("--build-arg=CNB_CACHE_KEY=one", "--build-arg=CNB_CACHE_KEY=other");
    let first = layer("a layer for the image alone", &[one], [MADE, DOWNLOADED])?;
    let second = layer("the layer from the cache", &[one], [KEPT, NOTHING])?;
    is_kept(&first, &second)?;
    let cleared = layer("the cache cleared", &[one, "--build-arg=CNB_CLEAR_CACHE=1"], [MADE, DOWNLOADED])?;
    let read_only = [one, "--build-arg=CNB_CACHE_READ_ONLY=1"];
    layer("a cache that is only read", &read_only, [KEPT, NOTHING])?;
    let untouched = ["--build-arg=CNB_CACHE_KEY=third", "--build-arg=CNB_CACHE_READ_ONLY=1"];
    layer("a new cache that is only read", &untouched, [MADE, DOWNLOADED])?;
    layer("it is still new", &untouched, [MADE, DOWNLOADED])?;
    let after = layer("the cache after that", &[one], [KEPT, NOTHING])?;
    is_kept(&cleared, &after)?;

    let previous = place.pushed.reference("caches");
    command::read(place.engine.docker().args(["tag", witness.image(), &previous]))?;
    command::read(place.engine.docker().args(["push", "--quiet", &previous]))?;
    let context = format!("--build-context=previous-image=docker-image://{previous}");
    let with_context = layer("the layer from a previous image", &[other, &context], [KEPT, DOWNLOADED])?;
    is_kept(&after, &with_context)?;
    let argument = format!("--build-arg=CNB_PREVIOUS_IMAGE={previous}");
    let without_cache = layer("the same without a cache", &[&argument], [KEPT, DOWNLOADED])?;
    is_kept(&after, &without_cache)?;
    let missing = format!("--build-arg=CNB_PREVIOUS_IMAGE={}", place.pushed.missing());
    layer("a previous image that is not there", &[&missing], [MADE, DOWNLOADED])?;

    be_repository(&witness.path("."), "https://example.com/caches.git")?;
    let first = layer("a layer of a repository", &[], [MADE, DOWNLOADED])?;
    let second = layer("the layer from its cache", &[], [KEPT, NOTHING])?;
    is_kept(&first, &second)
}

/// Makes a directory a repository that comes from an address.
fn be_repository(directory: &Path, address: &str) -> Result<()> {
    for arguments in [&["init", "--quiet"][..], &["remote", "add", "origin", address]] {
        command::read(command::command("git").current_dir(directory).args(arguments))?;
    }
    Ok(())
}

fn is_kept(before: &str, after: &str) -> Result<()> {
    if before == after { Ok(()) } else { Err(format!("the layer {before} became {after}").into()) }
}

/// What BuildKit knows of a build goes to the registry.
pub(super) fn write(place: &Place<'_>) -> Result<()> {
    timed("BuildKit's cache into the registry", || {
        let to = format!("--cache-to=type=registry,mode=max,ref={}", place.pushed.reference("cache"));
        shared(place)?.build(place, &[&to])?.succeed().map(drop)
    })
}

/// What another engine built this one does not build, which did nothing yet. What the image does not consist of is in no
/// cache of that kind: which buildpacks take part, and the digests of layers.
pub(super) fn read(place: &Place<'_>) -> Result<()> {
    timed("BuildKit's cache out of the registry", || {
        let from = format!("--cache-from=type=registry,ref={}", place.pushed.reference("cache"));
        let built = shared(place)?.build(place, &[&from])?.succeed()?;
        match built.progress.output() {
            said if said.contains(MADE) => Err(format!("the buildpack ran:\n{said}").into()),
            _ => Ok(()),
        }
    })
}

/// The same application on each engine.
fn shared(place: &Place<'_>) -> Result<Witness> {
    Witness::new(place, "shared", SCRIPT)
}
