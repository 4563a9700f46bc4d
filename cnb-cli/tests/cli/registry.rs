//! Images in registries, as builders, outputs and previous images.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::cache::WAIT;
use crate::distribution::Distribution;
use crate::fixture::Fixture;
use crate::place::Place;
use crate::place::files;
use crate::place::run;
use crate::processes::Running;
use crate::server::Server;

const LAYER: &str = "
mkdir -p $layers/dep
echo content > $layers/dep/file
printf '[types]\\nlaunch = true\\n' > $layers/dep.toml
";

/// Puts a builder into a registry, and its run image; returns the builder's name.
fn builder(registry: &Distribution, place: &Place) -> String {
    let fixture = Fixture::get();
    let from = format!("oci:{}:test/run", fixture.layout().display());
    let to = format!("docker://{}", registry.image("run"));
    let copy =
        Command::new("skopeo").args(["copy", "--quiet", "--dest-tls-verify=false", &from, &to]).status();
    assert!(copy.expect("skopeo is there").success());
    let config = fs::read_to_string(fixture.directory.join("builder.toml")).expect("the fixture has it");
    let config = config.replace("test/run", &registry.image("run"));
    let config = config.replace("\"buildpack\"", "\"../buildpack\"").replace("\"root\"", "\"../root\"");
    place.write("builder.toml", &config);
    let name = format!("docker://{}", registry.image("builder"));
    run(place.cnb().args(["builder", "create", "--cache-dir", "state", &name])).expect(0);
    name
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn an_image_is_built_from_a_registry_into_a_registry() {
    let registry = Distribution::start();
    let place = Place::new(LAYER);
    let builder = builder(&registry, &place);
    let app = format!("docker://{}", registry.image("app:1"));
    let build = |state: &str| {
        let mut build = place.cnb();
        build.args(["build", "app", "--builder", &builder, "--output", &app, "--output", "oci:out:app"]);
        run(build.args(["--cache-dir", state]))
    };
    build("state").expect(0).says("Adding layer 'test/script:dep'");
    let inspected = run(place.cnb().args(["inspect", "--json", &app]));
    inspected.expect(0);
    assert!(inspected.stdout.contains(&place.image_id()), "{}", inspected.stdout);

    // Another machine, on which nothing was built before.
    place.write("app/src", "changed");
    build("other").expect(0).says("Reusing layer 'test/script:dep'").says("Adding layer 'slice-1'");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn layers_that_builds_share_stay_until_all_of_them_have_ended() {
    let registry = Distribution::start();
    let place = Place::new(&format!("{LAYER}{WAIT}"));
    let builder = builder(&registry, &place);
    place.write("other/detect", "exit 0");
    place.write("other/build", LAYER);
    let build = |app: &str| {
        let mut build = place.cnb();
        build.args(["build", app, "--builder", &builder, "--output", &format!("oci:out:{app}")]);
        build.args(["--cache-dir", "machine"]);
        build
    };
    let pulled = || files(&place.path("machine/blobs"));
    let prune = || run(place.cnb().args(["cache", "prune", "--all", "--cache-dir", "machine"]));
    let first = Running::until_output(&mut build("app"), "started");
    let of_builder = pulled();
    assert!(!of_builder.is_empty(), "it was unpacked from them");
    run(&mut build("other")).expect(0);
    let done = prune();
    done.expect(0).says("warning: builds use 1 root file system: they stay").says("of images: they stay");
    let left = pulled();
    assert!(of_builder.iter().all(|blob| left.contains(blob)), "{of_builder:?} {left:?}");
    first.end().expect(0);
    run(place.cnb().args(["inspect", "oci:out:app"])).expect(0);

    prune().expect(0).does_not_say("warning");
    assert_eq!(pulled(), [""; 0].map(PathBuf::from));
    run(build("other").arg("--no-cache")).expect(0);
    assert!(of_builder.iter().all(|blob| pulled().contains(blob)), "they are pulled again");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn an_image_that_a_registry_does_not_have_is_named() {
    let registry = Distribution::start();
    let place = Place::new(LAYER);
    let missing = format!("docker://{}", registry.image("missing"));
    let done = run(place.build_without_builder().args(["--builder", &missing]));
    done.expect(4).says(&registry.image("missing"));
    place.expect_no_image();
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_registry_that_takes_no_image_is_told_before_anything_is_built() {
    let registry = Server::start();
    registry.need_password("me", "secret");
    let place = Place::new("echo built");
    let output = format!("docker://{}", registry.image("app"));
    let done = run(place.build().args(["--output", &output]));
    done.expect(62).says(&format!("the image cannot be written to `{output}")).does_not_say("built");
    done.says(&format!("log in with `docker login {}`", registry.address));
    place.expect_no_image();
}
