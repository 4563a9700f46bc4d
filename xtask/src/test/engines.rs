//! What everything on BuildKit is tested with: Docker Engine with either store, and a registry; and what talks to BuildKit.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use super::rust::ignored_tests;
use super::step::timed;
use crate::Result;
use crate::command;
use crate::command::command;
use crate::command::read;
use crate::engine;
use crate::engine::buildkitd;
use crate::engine::buildkitd::Buildkitd;
use crate::engine::container::Container;
use crate::engine::docker::Engine;
use crate::engine::docker::Store;
use crate::engine::registry::Registry;
use crate::frontend_image;
use crate::programs;
use crate::static_image;
use crate::workspace;

mod stock;

const DOCKERFILE: &str = "FROM scratch\nCOPY busybox /\nCOPY index.html /www/\nRUN [\"/busybox\", \"true\"]\n\
                          ENTRYPOINT [\"/busybox\"]\n";
const ANSWER: &str = "built by a real engine";

/// Each engine builds, pushes, pulls and runs; and client, session and gateway of cnb-llb work with it. They and `cnb build`
/// do with the `buildkitd` that somebody named, too.
pub(super) fn run() -> Result<()> {
    let registry = timed("registry started", Registry::start)?;
    let frontend = timed("frontend pushed", || frontend(&registry))?;
    let suite = timed("probe and helper made", || Suite::make(&registry))?;
    for store in Store::ALL {
        println!("{}:", store.name());
        let engine = timed("started", || Engine::start(store))?;
        engine.explaining(|| check(&engine, store, &registry))?;
        engine.explaining(|| timed("build with a frontend", || builds_with(&engine, &frontend)))?;
        let address = format!("docker://{}", engine.socket().display());
        engine.explaining(|| talks(&address, Some(store), &frontend, &suite))?;
        timed("ended", || {
            drop(engine);
            Ok(())
        })?;
    }
    let Some(program) = buildkitd::named()? else { return Ok(()) };
    println!("{}:", program.display());
    let daemon = timed("started", || Buildkitd::start(&program))?;
    daemon.explaining(|| {
        talks(&daemon.address(), None, &frontend, &suite)?;
        stock::check(&daemon)
    })
}

fn check(engine: &Engine, store: Store, registry: &Registry) -> Result<()> {
    let version = read(engine.docker().args(["version", "--format", "{{.Server.Version}}"]))?;
    println!("  Docker Engine {}, {}", version.trim_end(), read(engine.buildx().arg("version"))?.trim_end());
    let context = context(&engine.scratch()?)?;
    let image = format!("{}/test/engines:latest", registry.address());
    timed("build", || read(build(&mut engine.docker(), &["--tag", &image]).arg(&context)))?;
    timed("push", || read(engine.docker().args(["push", &image])))?;
    read(engine.docker().args(["image", "rm", &image]))?;
    timed("pull", || read(engine.docker().args(["pull", &image])))?;
    timed("run", || answers(engine, &image))?;
    timed("run an image of ours", || {
        let layout = engine.scratch()?.join("image");
        let image = format!("{}/test/ours:latest", registry.address());
        static_image::make(&[&engine::busybox()?], &layout, &["a=label"])?;
        static_image::push(&layout, &image)?;
        read(engine.docker().args(["run", "--rm", "--network=none", &image, "true"]))
    })?;
    timed("compose build", || composes(engine, &context))?;
    match store {
        Store::Containerd => timed("build into a layout", || exports_layout(engine, &context)),
        // BuildKit of Docker Engine refuses it without containerd's store.
        Store::Classic => Ok(()),
    }
}

/// The tests of cnb-llb that need an engine: a BuildKit at an address, and which store it has if it is Docker Engine's.
fn talks(address: &str, store: Option<Store>, frontend: &str, suite: &Suite) -> Result<()> {
    let mut tests = ignored_tests(&["engines"]);
    if let Some(Store::Classic) = store {
        println!("  without layouts: without containerd's store, this BuildKit neither reads nor makes them");
        tests.args(["--skip", "layouts"]);
    }
    tests.env("CNB_TEST_BUILDKIT", address);
    tests.env("CNB_TEST_BUSYBOX", engine::busybox()?).env("CNB_TEST_FRONTEND", frontend);
    tests.env("CNB_TEST_PROBE", &suite.probe).env("CNB_TEST_HELPER", &suite.helper);
    command::run(&mut tests)
}

/// `docker build` runs the frontend that the first line names, and shows where it finds an error.
fn builds_with(engine: &Engine, frontend: &str) -> Result<()> {
    let context = engine.scratch()?.join("frontend");
    fs::create_dir_all(&context)?;
    let file = context.join("files.txt");
    let output = format!("type=local,dest={}", context.join("out").display());
    let build = |text: &str| {
        fs::write(&file, format!("# syntax={frontend}\n{text}"))?;
        let mut build = engine.buildx();
        build.args(["build", "--progress=plain", "--output", &output, "--file"]).arg(&file).arg(&context);
        command::capture(&mut build)
    };
    if !build("/a one\n")?.status.success() || fs::read(context.join("out/a"))? != b"one" {
        return Err("the frontend does not build".into());
    }
    let failed = build("nothing\n")?;
    let shown = String::from_utf8_lossy(&failed.stderr);
    if failed.status.success() || !shown.contains("files.txt:2") || !shown.contains(">>> nothing") {
        return Err(format!("the error of the frontend is shown as:\n{shown}").into());
    }
    Ok(())
}

/// What the suite of backends needs.
struct Suite {
    /// The reference of an image of the probe.
    probe: String,
    /// The directory that has the helper.
    helper: PathBuf,
}

impl Suite {
    fn make(registry: &Registry) -> Result<Self> {
        let layout = workspace::target().join("engines/probe");
        static_image::make(&[programs::probe()?.as_path()], &layout, &[])?;
        let probe = format!("{}/test/probe:latest", registry.address());
        static_image::push(&layout, &probe)?;
        programs::dist()?;
        Ok(Self { probe, helper: programs::directory() })
    }
}

/// Puts the example frontend of cnb-llb into a registry. Returns its reference.
fn frontend(registry: &Registry) -> Result<String> {
    let program = programs::example("frontend")?;
    let layout = workspace::target().join("engines/frontend");
    static_image::make(&[&program], &layout, &frontend_image::LABELS)?;
    let reference = format!("{}/test/frontend:latest", registry.address());
    static_image::push(&layout, &reference)?;
    Ok(reference)
}

fn context(scratch: &Path) -> Result<PathBuf> {
    let context = scratch.join("context");
    fs::create_dir_all(&context)?;
    fs::write(context.join("Dockerfile"), DOCKERFILE)?;
    fs::write(context.join("index.html"), ANSWER)?;
    fs::copy(engine::busybox()?, context.join("busybox"))?;
    Ok(context)
}

fn build<'a>(docker: &'a mut Command, arguments: &[&str]) -> &'a mut Command {
    docker.args(["build", "--network=host"]).args(arguments)
}

/// A container of the image answers over HTTP.
fn answers(engine: &Engine, image: &str) -> Result<()> {
    let arguments = &["httpd", "-f", "-h", "/www", "-p", "127.0.0.1:{port}"];
    let answer = Container { image, env: &[], arguments }.answer(engine, "/")?;
    if answer == ANSWER { Ok(()) } else { Err("the container answers something else".into()) }
}

fn exports_layout(engine: &Engine, context: &Path) -> Result<()> {
    let archive = engine.scratch()?.join("image.tar");
    let output = format!("type=oci,dest={}", archive.display());
    read(build(&mut engine.buildx(), &["--output", &output]).arg(context))?;
    let entries = read(command("tar").arg("--list").arg("--file").arg(archive))?;
    if entries.lines().any(|entry| entry == "index.json") { Ok(()) } else { Err("no OCI layout".into()) }
}

fn composes(engine: &Engine, context: &Path) -> Result<()> {
    let file = engine.scratch()?.join("compose.yaml");
    // JSON is YAML too.
    let service = json!({ "image": "composed", "build": { "context": context, "network": "host" } });
    fs::write(&file, json!({ "services": { "service": service } }).to_string())?;
    read(engine.compose().arg("--file").arg(file).arg("build"))?;
    read(engine.docker().args(["image", "inspect", "composed"])).map(drop)
}
