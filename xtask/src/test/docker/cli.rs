//! The same build from the command line: `cnb build --backend docker`, and `buildkit` with an address.

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;

use super::Made;
use super::Place;
use super::Pushed;
use super::application::Application;
use super::application::FLASK;
use super::image::Image;
use crate::Result;
use crate::command;
use crate::command::command;
use crate::command::read;
use crate::engine::docker::Store;
use crate::example;
use crate::example::layout;
use crate::test::labels;
use crate::test::step::timed;

/// What every image is called where it has a name of its own choice.
const NAME: &str = "cli:1";
const TAG: &str = "cli";

/// Exit codes of `cnb`.
const USAGE: i32 = 2;
const MACHINE: i32 = 5;
const TERMINATED: i32 = 143;

/// A buildpack that does not end.
const ENDLESS: &str = r#"
[[io.buildpacks.pre.group]]
id = "example/endless"
version = "1"

[io.buildpacks.pre.group.script]
api = "0.10"
inline = """
echo it has begun
sleep 600
"""
"#;

/// Builds from the builder in the registry and, where the engine can, from the one in a layout, to everything that the
/// engine can write.
pub(super) fn check(place: &Place<'_>, flask: &Application, made: &Made) -> Result<()> {
    let images = Images::of(place)?;
    match place.store {
        Store::Containerd => {
            let outputs = images.outputs();
            let layout = vec!["--builder".to_owned(), example::image("builder")];
            timed("cnb build --backend docker, from a layout", || {
                images.are_made(flask, "docker", &layout, &outputs)
            })?;
            let address = format!("buildkit=docker://{}", place.engine.socket().display());
            let names = timed("cnb build --backend buildkit=docker://, from a registry", || {
                images.are_made(flask, &address, &images.in_registry()?, &outputs)
            })?;
            is_same(&names, made)?;
            timed("cnb build --backend docker, over TLS", || is_reached_over_tls(&images, flask))?;
            timed("cnb build stopped", || is_stopped(&images))?;
        }
        Store::Classic => {
            let outputs = [format!("docker-daemon:{NAME}")];
            let names = timed("cnb build --backend docker, from a registry", || {
                images.are_made(flask, "docker", &images.in_registry()?, &outputs)
            })?;
            is_same(&names, made)?;
            timed("cnb build says what a classic store cannot do", || is_refused(&images, flask))?;
        }
    }
    timed("cnb build without an engine", || is_unreachable(&images, flask))
}

/// It has the layers that `docker build` gave it.
fn is_same(diff_ids: &[String], made: &Made) -> Result<()> {
    if diff_ids == made.diff_ids { Ok(()) } else { Err("cnb build makes other layers".into()) }
}

/// Where images go.
struct Images<'a> {
    place: &'a Place<'a>,
    directory: PathBuf,
}

impl<'a> Images<'a> {
    fn of(place: &'a Place<'a>) -> Result<Self> {
        let directory = place.scratch.join("cli");
        fs::create_dir_all(directory.join("tmp"))?;
        Ok(Self { place, directory })
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    fn reference(&self) -> String {
        self.place.pushed.missing().replace("missing", "made")
    }

    /// One of each kind.
    fn outputs(&self) -> Vec<String> {
        vec![
            format!("oci:{}:{TAG}", self.path("layout")),
            format!("docker-daemon:{NAME}"),
            format!("oci-archive:{}:{TAG}", self.path("oci.tar")),
            format!("docker://{}", self.reference()),
            format!("docker-archive:{}:loaded:1", self.path("docker.tar")),
        ]
    }

    /// Builder and run image of the registry.
    fn in_registry(&self) -> Result<Vec<String>> {
        let options = self.place.pushed.options()?;
        let named = |name: &str| {
            let (_, value) = options.build_args.iter().find(|(other, _)| other == name).expect("it is set");
            format!("docker://{value}")
        };
        Ok(["--builder".into(), named("builder"), "--run-image".into(), named("CNB_RUN_IMAGE")].into())
    }

    /// `cnb build` for the engine, with the credentials of its `docker`.
    fn build(&self, application: &Application, arguments: &[&str]) -> Result<Command> {
        let mut build = example::cnb();
        let docker = self.place.engine.docker();
        build.envs(docker.get_envs().filter_map(|(name, value)| Some((name, value?))));
        build.env("TMPDIR", self.directory.join("tmp"));
        build.arg("build").arg(&application.directory).args(["--network", "host"]).args(arguments);
        build.args(example::bindings::arguments()?);
        Ok(build)
    }

    /// Builds twice: the second time nothing runs, and all is as it was. Every output has the image. Returns its diffIDs.
    fn are_made(
        &self,
        application: &Application,
        backend: &str,
        from: &[String],
        outputs: &[String],
    ) -> Result<Vec<String>> {
        let mut arguments = vec!["--json", "--backend", backend];
        arguments.extend(from.iter().map(String::as_str));
        arguments.extend(outputs.iter().flat_map(|output| ["--output", output]));
        let first = events(&read(&mut self.build(application, &arguments)?)?)?;
        let second = events(&read(&mut self.build(application, &arguments)?)?)?;
        let of = |events: &[Value], kind: &str| -> Vec<Value> {
            events.iter().filter(|event| event["event"] == kind).cloned().collect()
        };
        if let Some(said) = of(&second, "output").first() {
            return Err(format!("a step ran although nothing changed: {said}").into());
        }
        let exported = of(&first, "exported");
        if exported.len() != outputs.len() || exported != of(&second, "exported") {
            return Err(format!("the second build made others than {exported:?}").into());
        }
        let mut found = Vec::new();
        for (output, event) in outputs.iter().zip(&exported) {
            if event["output"] != **output {
                return Err(format!("{event} comes where {output} should").into());
            }
            found.push(self.diff_ids(output, event)?);
        }
        if found.iter().any(|diff_ids| *diff_ids != found[0]) {
            return Err(format!("the outputs have different images: {found:?}").into());
        }
        if !no_files(&self.directory.join("tmp"))? {
            return Err("temporary files stay".into());
        }
        Ok(found.remove(0))
    }

    /// Checks the labels of an output that was written, and returns its diffIDs.
    fn diff_ids(&self, output: &str, event: &Value) -> Result<Vec<String>> {
        let (transport, rest) = output.split_once(':').expect("it has a transport");
        match transport {
            "oci" => of_layout(&self.directory.join("layout"), event),
            "oci-archive" => {
                let directory = self.directory.join("unpacked");
                fs::create_dir_all(&directory)?;
                let mut tar = command("tar");
                tar.arg("--extract").arg("--file").arg(self.directory.join("oci.tar"));
                read(tar.arg("--directory").arg(&directory))?;
                let diff_ids = of_layout(&directory, event);
                fs::remove_dir_all(&directory)?;
                diff_ids
            }
            "docker" => {
                let reference = rest.trim_start_matches('/');
                read(self.place.engine.docker().args(["pull", reference]))?;
                self.in_engine(reference)
            }
            "docker-archive" => {
                let mut load = self.place.engine.docker();
                read(load.arg("load").arg("--input").arg(self.directory.join("docker.tar")))?;
                self.in_engine("loaded:1")
            }
            _ => self.in_engine(NAME),
        }
    }

    fn in_engine(&self, name: &str) -> Result<Vec<String>> {
        let image = Image::inspect(self.place.engine, name)?;
        image.check(&Pushed::run_image())?;
        read(self.place.engine.docker().args(["image", "rm", name]))?;
        Ok(image.diff_ids)
    }
}

/// The image of a layout is the one that was told.
fn of_layout(directory: &Path, event: &Value) -> Result<Vec<String>> {
    labels::check(directory, TAG, &Pushed::run_image())?;
    if event["image_id"] != *layout::image_id(directory, TAG)? {
        return Err(format!("{} has another image than {event}", directory.display()).into());
    }
    let config = layout::config(directory, TAG)?;
    Ok(serde_json::from_value(config["rootfs"]["diff_ids"].clone())?)
}

fn events(lines: &str) -> Result<Vec<Value>> {
    Ok(lines.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?)
}

/// An engine with a classic store neither reads files nor writes what is not its own: it is said before anything runs.
fn is_refused(images: &Images<'_>, flask: &Application) -> Result<()> {
    let (daemon, builder) = (format!("docker-daemon:{NAME}"), example::image("builder"));
    let from_layout = ["--backend", "docker", "--builder", &builder, "--output", &daemon];
    expect_failure(
        images.build(flask, &from_layout)?,
        USAGE,
        &["classic image store", "docker://REFERENCE"],
    )?;
    let from = images.in_registry()?;
    let outputs = images.outputs();
    for output in outputs.iter().filter(|output| **output != daemon) {
        let mut arguments = vec!["--backend", "docker", "--output", output];
        arguments.extend(from.iter().map(String::as_str));
        let words = ["classic image store", "docker-daemon:", output];
        expect_failure(images.build(flask, &arguments)?, USAGE, &words)?;
    }
    if images.directory.join("layout").exists() { Err("a layout was written".into()) } else { Ok(()) }
}

/// The same engine at a port, for those who show a certificate.
fn is_reached_over_tls(images: &Images<'_>, flask: &Application) -> Result<()> {
    let output = format!("oci:{}:{TAG}", images.path("over-tls"));
    let mut arguments = vec!["--backend", "docker", "--output", &output];
    let from = images.in_registry()?;
    arguments.extend(from.iter().map(String::as_str));
    let variables = images.place.engine.over_tls()?;
    read(images.build(flask, &arguments)?.envs(variables.clone()))?;
    read(images.build(flask, &arguments)?.envs(images.place.engine.context_over_tls()?))?;
    let mut plain = images.build(flask, &arguments)?;
    plain.env("DOCKER_HOST", &variables[0].1);
    expect_failure(plain, MACHINE, &["cannot reach BuildKit at docker://localhost:", "DOCKER_TLS_VERIFY=1"])
}

fn is_unreachable(images: &Images<'_>, flask: &Application) -> Result<()> {
    let (missing, output) = (images.path("missing.sock"), format!("oci:{}", images.path("nothing")));
    for kind in ["docker", "unix"] {
        let backend = format!("buildkit={kind}://{missing}");
        let arguments = ["--backend", &backend, "--builder", "docker://a/b", "--output", &output];
        let words = [&*format!("cannot reach BuildKit at {kind}://{missing}"), "help: start"];
        expect_failure(images.build(flask, &arguments)?, MACHINE, &words)?;
    }
    Ok(())
}

/// Who ends a build finds nothing of it, and the next build finds the cache as it was.
fn is_stopped(images: &Images<'_>) -> Result<()> {
    let flask = Application::copy(FLASK, &images.directory, "stopped")?;
    let outputs = ["oci", "oci-archive"].map(|kind| format!("{kind}:{}-{kind}:app", images.path("stopped")));
    let mut arguments = vec!["--backend", "docker"];
    arguments.extend(outputs.iter().flat_map(|output| ["--output", output]));
    let from = images.in_registry()?;
    arguments.extend(from.iter().map(String::as_str));
    read(&mut images.build(&flask, &arguments)?)?;
    for output in &outputs {
        let path = output.split(':').nth(1).expect("it has a path");
        read(command("rm").args(["-r", path]))?;
    }
    flask.describe("", ENDLESS)?;
    let mut build = images.build(&flask, &arguments)?;
    let ended = stop(build.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?, "it has begun")?;
    if ended != Some(TERMINATED) {
        return Err(format!("a build that was terminated ended with {ended:?}").into());
    }
    let left = outputs.iter().any(|output| Path::new(output.split(':').nth(1).unwrap_or_default()).exists());
    if left || !no_files(&images.directory.join("tmp"))? {
        return Err("a build that was terminated left something".into());
    }
    flask.describe("", "")?;
    flask.change(1)?;
    let output = command::capture(&mut images.build(&flask, &arguments)?)?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() && said.contains(FLASK.unchanged) {
        Ok(())
    } else {
        Err(format!("the build after one that was terminated does not find its cache:\n{said}").into())
    }
}

/// Terminates a program when it says something. Returns its exit code.
fn stop(mut program: Child, text: &str) -> Result<Option<i32>> {
    let output = program.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(output).lines();
    let said = lines.by_ref().map_while(std::io::Result::ok).any(|line| line.contains(text));
    read(command("kill").args(["-TERM", &program.id().to_string()]))?;
    lines.for_each(drop);
    let status = program.wait()?;
    if said { Ok(status.code()) } else { Err(format!("it never said `{text}`").into()) }
}

fn expect_failure(mut build: Command, code: i32, words: &[&str]) -> Result<()> {
    let Output { status, stderr, .. } = command::capture(&mut build)?;
    let said = String::from_utf8_lossy(&stderr);
    if status.code() == Some(code) && words.iter().all(|word| said.contains(word)) {
        return Ok(());
    }
    Err(format!("cnb build ended with {status}, not with {code} and {words:?}:\n{said}").into())
}

fn no_files(directory: &Path) -> Result<bool> {
    Ok(fs::read_dir(directory)?.next().is_none())
}
