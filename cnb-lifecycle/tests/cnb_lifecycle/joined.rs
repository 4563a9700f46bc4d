//! Builds on a backend whose chains have one container.

use async_trait::async_trait;
use cnb_core::event::Event;
use cnb_core::event::NoEvents;
use cnb_core::memory::Process;
use cnb_core::memory::Program;
use cnb_lifecycle::platform;
use cnb_lifecycle::platform::Error;
use cnb_lifecycle::platform::Until;
use futures_lite::future::block_on;

use crate::counted::Counted;
use crate::fixture;
use crate::fixture::request;
use crate::fixture::text;
use crate::fixture::write;
use crate::seen::Seen;

const GROUP: &str = "[[group]]\nid = \"x/a\"\nversion = \"1\"\napi = \"0.10\"\n";
const EXTENSION: &str = "[[group-extensions]]\nid = \"x/tools\"\nversion = \"2\"\napi = \"0.10\"\n";

/// A lifecycle whose detector changes what it should not, with one buildpack that does nothing.
#[derive(Debug)]
struct Lifecycle {
    group: String,
}

#[async_trait]
impl Program for Lifecycle {
    async fn run(&self, process: &mut Process<'_>) -> i32 {
        let argv = process.argv().to_vec();
        match argv[0].rsplit('/').next().expect("a path has a last name") {
            "detector" => {
                write(process, "/layers/group.toml", &self.group);
                write(process, "/layers/plan.toml", "");
                write(process, "/workspace/left", "by detection");
                0
            }
            "builder" => {
                assert_eq!(text(process, "/workspace/app.txt"), "app");
                assert!(process.read("/workspace/left").is_err(), "detection changes nothing");
                write(
                    process,
                    "/layers/config/metadata.toml",
                    "[[buildpacks]]\nid = \"x/a\"\nversion = \"1\"\n",
                );
                0
            }
            "lifecycle" if argv[1] == "detect-finish" => {
                if text(process, "/layers/group.toml").contains("extensions") { 102 } else { 0 }
            }
            "restorer" | "lifecycle" => 0,
            other => panic!("nobody runs {other}"),
        }
    }
}

fn backend(joined: bool, more: &str) -> Counted {
    let lifecycle = Lifecycle { group: format!("{GROUP}{more}") };
    let mut backend = Counted::new(fixture::backend(lifecycle, Vec::new()));
    backend.joined = joined;
    backend
}

#[test]
fn detection_and_building_are_one_chain_that_makes_the_same_image() {
    let build = |joined| {
        let seen = Seen::default();
        let built = block_on(platform::build(&backend(joined, ""), &request("memory:app"), &seen));
        let events = seen.0.into_inner().expect("no holder panics").into_iter();
        let phases: Vec<String> = events
            .filter_map(|event| match event {
                Event::PhaseFinished { phase, .. } => Some(phase),
                _ => None,
            })
            .collect();
        (built.expect("it builds").config, phases)
    };
    let ((one, apart), (other, together)) = (build(false), build(true));
    assert_eq!(one, other);
    assert_eq!(apart, ["analyze", "detect", "restore", "build", "cache", "export"]);
    assert_eq!(together, ["analyze", "detect", "detect-finish", "restore", "build", "cache", "export"]);
}

#[test]
fn extensions_are_refused_by_name() {
    let until = |until| {
        block_on(platform::build_until(&backend(true, EXTENSION), &request("memory:app"), until, &NoEvents))
    };
    let whole =
        block_on(platform::build(&backend(true, EXTENSION), &request("memory:app"), &NoEvents)).map(drop);
    for failed in [whole, until(Until::Build).map(drop), until(Until::Detect).map(drop)] {
        assert!(matches!(&failed, Err(Error::Extensions(name)) if name == "x/tools@2"), "{failed:?}");
    }
}
