//! Whole builds on the backend in memory, with phases that do what a test needs.

use async_trait::async_trait;
use cnb_core::backend::Backend as _;
use cnb_core::backend::ImageRequest;
use cnb_core::event::Event;
use cnb_core::event::Stream;
use cnb_core::labels::lifecycle;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_core::memory::Memory;
use cnb_core::memory::Process;
use cnb_core::memory::Program;
use cnb_lifecycle::platform;
use cnb_lifecycle::platform::BuildRequest;
use cnb_lifecycle::platform::Built;
use cnb_lifecycle::platform::Error;
use futures_lite::future::block_on;
use serde_json::Value;

use crate::fixture;
use crate::fixture::name;
use crate::fixture::request;
use crate::fixture::text;
use crate::fixture::write;
use crate::seen::Seen;

const METADATA: &str = "[[buildpacks]]\nid = \"x/dep\"\nversion = \"1\"\napi = \"0.10\"\n\n[[processes]]\ntype = \"web\"\n\
                        command = [\"run\"]\nargs = []\ndirect = true\nbuildpack-id = \"x/dep\"\n";

/// The lifecycle of these tests: one buildpack that makes a launch layer, and keeps it when it made it before.
#[derive(Debug)]
struct Lifecycle {
    /// What the detector ends with.
    detect: i32,
}

#[async_trait]
impl Program for Lifecycle {
    async fn run(&self, process: &mut Process<'_>) -> i32 {
        let argv = process.argv().to_vec();
        match argv[0].rsplit('/').next().expect("a path has a last name") {
            "detector" => {
                let group = "[[group]]\nid = \"x/dep\"\nversion = \"1\"\napi = \"0.10\"\n";
                write(process, "/layers/group.toml", group);
                write(process, "/layers/plan.toml", "");
                self.detect
            }
            "restorer" => {
                assert!(process.read("/platform/bindings/db/key").is_err(), "the restorer needs no secrets");
                if process.read("/cache/saved").is_ok() {
                    process.print(Stream::Stdout, b"found the cache\n");
                }
                let analyzed = text(process, "/layers/analyzed.toml");
                if analyzed.contains("x/dep") {
                    write(process, "/layers/x_dep/libs.toml", "[metadata]\nknown = true\n");
                }
                0
            }
            "builder" => {
                assert_eq!(text(process, "/platform/env/MODE"), "fast");
                assert_eq!(text(process, "/platform/bindings/db/key"), "geheim");
                assert_eq!(text(process, "/workspace/app.txt"), "app");
                let kept = process.read("/layers/x_dep/libs.toml").is_ok();
                if !kept {
                    write(process, "/layers/x_dep/libs/lib.so", "library");
                }
                write(
                    process,
                    "/layers/x_dep/libs.toml",
                    "[types]\nlaunch = true\n[metadata]\nknown = true\n",
                );
                write(process, "/layers/config/metadata.toml", METADATA);
                0
            }
            "lifecycle" => {
                assert_eq!(argv[1], "cache-save");
                write(process, "/cache/saved", "yes");
                0
            }
            other => panic!("nobody runs {other}"),
        }
    }
}

fn backend(detect: i32) -> Memory {
    fixture::backend(Lifecycle { detect }, Vec::new())
}

impl Seen {
    fn phases(&self) -> Vec<String> {
        let events = self.0.lock().expect("no holder panics");
        let finished = events.iter().filter_map(|event| match event {
            Event::PhaseFinished { phase, success } => Some(format!("{phase} {success}")),
            _ => None,
        });
        finished.collect()
    }

    fn reused(&self, layer: &str) -> Option<bool> {
        let events = self.0.lock().expect("no holder panics");
        events.iter().find_map(|event| match event {
            Event::Layer { id, reused, .. } if id == layer => Some(*reused),
            _ => None,
        })
    }

    fn found_the_cache(&self) -> bool {
        let events = self.0.lock().expect("no holder panics");
        let said = |event: &Event| matches!(event, Event::Output { bytes, .. } if &bytes[..] == b"found the cache\n");
        events.iter().any(said)
    }

    fn warnings(&self) -> usize {
        let events = self.0.lock().expect("no holder panics");
        events.iter().filter(|event| matches!(event, Event::Warning { .. })).count()
    }
}

fn build(backend: &Memory, request: &BuildRequest) -> (Built, Seen) {
    let seen = Seen::default();
    let built = block_on(platform::build(backend, request, &seen)).expect("it builds");
    (built, seen)
}

fn label(built: &Built) -> String {
    let config: Value = serde_json::from_slice(&built.config).expect("JSON");
    config["config"]["Labels"][lifecycle::LABEL].as_str().expect("the label").to_owned()
}

#[test]
fn a_build_makes_an_image_whose_labels_name_its_layers() {
    let backend = backend(0);
    let (built, seen) = build(&backend, &request("memory:app"));
    assert_eq!(
        seen.phases(),
        ["analyze true", "detect true", "restore true", "build true", "cache true", "export true"]
    );
    assert_eq!(seen.reused("x/dep:libs"), Some(false));

    let config: Value = serde_json::from_slice(&built.config).expect("JSON");
    let metadata: LifecycleMetadata = serde_json::from_str(&label(&built)).expect("a label");
    let layer = metadata.layer("x/dep", "libs").expect("the layer");
    let diff_ids = config["rootfs"]["diff_ids"].as_array().expect("a list");
    assert!(diff_ids.iter().any(|digest| digest == layer.sha.as_str()));
    assert!(metadata.run_image.reference.starts_with("example.com/run@sha256:"), "a name, never a place");
    assert!(!built.config.windows(6).any(|window| window == b"geheim"), "secrets stay out");

    let image = block_on(backend.resolve(ImageRequest::new(name("memory:app")))).expect("an image");
    assert_eq!(image.config, built.config);
    let library = block_on(backend.read(&image.root, "/layers/x_dep/libs/lib.so")).expect("the library");
    assert_eq!(&library[..], b"library");
}

#[test]
fn a_cache_that_is_only_read_stays_as_it_is() {
    let backend = backend(0);
    let mut untrusted = request("memory:app");
    untrusted.cache_read_only = true;
    let without = ["analyze true", "detect true", "restore true", "build true", "export true"];
    for _ in 0..2 {
        let (_, seen) = build(&backend, &untrusted);
        assert_eq!(seen.phases(), without);
        assert!(!seen.found_the_cache(), "nobody kept anything");
    }
    build(&backend, &request("memory:app"));
    let (_, seen) = build(&backend, &untrusted);
    assert_eq!(seen.phases(), without);
    assert!(seen.found_the_cache(), "it can be read");
}

#[test]
fn a_kept_layer_comes_from_the_last_image() {
    let backend = backend(0);
    let (first, _) = build(&backend, &request("memory:app"));
    let (second, seen) = build(&backend, &request("memory:app"));
    assert_eq!(second.config, first.config);
    assert_eq!(seen.reused("x/dep:libs"), Some(true));
    assert_eq!(seen.reused("buildpacksio/lifecycle:launcher"), Some(true));
}

#[test]
fn without_an_image_the_label_of_the_last_build_is_enough() {
    let backend = backend(0);
    let (first, _) = build(&backend, &request("memory:app"));
    let mut again = request("memory:other");
    again.last_label = Some(label(&first));
    let (second, seen) = build(&backend, &again);
    assert_eq!(second.config, first.config);
    assert_eq!(seen.reused("x/dep:libs"), Some(true));
}

#[test]
fn a_last_build_whose_layers_are_gone_is_told_and_forgotten() {
    let (first, _) = build(&backend(0), &request("memory:app"));
    // The other backend never had the layers.
    let mut again = request("memory:app");
    again.last_label = Some(label(&first));
    let (second, seen) = build(&backend(0), &again);
    assert_eq!((second.config, seen.warnings()), (first.config, 1));
    assert_eq!(seen.reused("x/dep:libs"), Some(false));
}

#[test]
fn the_exit_code_of_a_phase_ends_the_build() {
    let seen = Seen::default();
    let failed = block_on(platform::build(&backend(20), &request("memory:app"), &seen));
    assert!(matches!(&failed, Err(Error::Phase { phase, code: 20 }) if phase == "detect"), "{failed:?}");
    assert_eq!(seen.phases(), ["analyze true", "detect false"]);
}
