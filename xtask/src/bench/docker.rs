//! `docker build` of the example applications: with the frontend, and with Dockerfiles that do the same.

use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use super::median;
use super::seconds;
use crate::Result;
use crate::debian;
use crate::engine::docker::Engine;
use crate::engine::docker::Store;
use crate::example;
use crate::frontend_image;
use crate::programs;
use crate::static_image;
use crate::test::docker::application::Application;
use crate::test::docker::application::DESCRIPTOR;
use crate::test::docker::application::EXPRESS;
use crate::test::docker::application::FLASK;
use crate::test::docker::pushed::Options;
use crate::test::docker::pushed::Pushed;
use crate::workspace;

pub(super) mod processes;
mod timeline;

use processes::cpu;
use timeline::Timeline;

/// Builds of each kind; the one in the middle counts.
const ROUNDS: usize = 7;
/// What a source change may cost beside a Dockerfile.
const CHANGE_GOAL: f64 = 1.5;
/// Vertices that took longer are shown.
const SHOWN: Duration = Duration::from_millis(5);

/// By what an image is built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Frontend,
    Dockerfile,
    /// A Dockerfile whose first line names a frontend, as most say; one that leaves everything to BuildKit's own.
    DockerfileWithSyntax,
    /// One that also runs a command, which does nothing, after each change: what a change costs anybody who builds.
    DockerfileWithStep,
}

impl Way {
    const ALL: [Self; 4] =
        [Self::Frontend, Self::Dockerfile, Self::DockerfileWithSyntax, Self::DockerfileWithStep];

    fn name(self) -> &'static str {
        match self {
            Self::Frontend => "frontend",
            Self::Dockerfile => "Dockerfile",
            Self::DockerfileWithSyntax => "Dockerfile with # syntax",
            Self::DockerfileWithStep => "Dockerfile with # syntax and a step",
        }
    }
}

/// Builds with an engine.
struct Place<'a> {
    engine: &'a Engine,
    options: Options,
    syntax: &'a str,
    syntax_of_dockerfile: &'a str,
}

/// What a build cost.
struct Built {
    wall: Duration,
    /// CPU time of the engine with all that it runs.
    cpu: Duration,
    timeline: Timeline,
}

/// The builds of one application by one way.
#[derive(Default)]
struct Builds {
    unchanged: Vec<Built>,
    changed: Vec<Built>,
}

/// Measures, and prints a table for each application.
///
/// # Errors
/// When a build fails.
pub(super) fn run() -> Result<()> {
    debian::ensure(&["skopeo"])?;
    example::builder::make()?;
    let pushed = Pushed::new()?;
    let forward = pushed.take(&static_image::name(&forward()?), "cnb/forward:latest")?;
    for store in Store::ALL {
        let engine = Engine::start(store)?;
        engine.explaining(|| {
            pushed.log_in(&engine)?;
            let place = Place {
                engine: &engine,
                options: pushed.options()?,
                syntax: &pushed.frontend,
                syntax_of_dockerfile: &forward,
            };
            println!(
                "\n{} store: the median of {ROUNDS} builds, and the fastest and slowest of them",
                store.name()
            );
            let applications = place.applications()?;
            applications.iter().try_for_each(|application| place.compare(application))
        })?;
    }
    Ok(())
}

impl Place<'_> {
    /// The applications, after their first builds. They come before all others: those have images removed that they take
    /// the names of, and meanwhile containerd now and then removes parts of an image that is new.
    fn applications(&self) -> Result<Vec<Application>> {
        let scratch = self.engine.scratch()?;
        let mut applications = Vec::new();
        for example in [FLASK, EXPRESS] {
            let application = Application::copy(example, &scratch, example.name)?;
            for way in Way::ALL {
                self.build(&application, way)?;
            }
            applications.push(application);
        }
        Ok(applications)
    }

    fn compare(&self, application: &Application) -> Result<()> {
        let mut builds = Way::ALL.map(|way| (way, Builds::default()));
        for round in 0..ROUNDS {
            application.change(round + 1)?;
            // Who comes first may pay for what others need too.
            builds.rotate_left(1);
            for (way, builds) in &mut builds {
                builds.changed.push(self.build(application, *way)?);
            }
            for (way, builds) in &mut builds {
                builds.unchanged.push(self.build(application, *way)?);
            }
        }
        builds.sort_by_key(|(way, _)| Way::ALL.iter().position(|other| other == way));
        println!("\n{:50} {:>9} {:>17} {:>11}", application.example.name, "wall", "", "CPU");
        table("no change", 1.0, builds.each_ref().map(|(way, builds)| (*way, builds.unchanged.as_slice())));
        table(
            "source change",
            CHANGE_GOAL,
            builds.each_ref().map(|(way, builds)| (*way, builds.changed.as_slice())),
        );
        let [(_, ours), ..] = &builds;
        for (what, builds) in [("no change", &ours.unchanged), ("source change", &ours.changed)] {
            println!("\nwhere the time of the frontend goes, {what}: start, end, vertex");
            middle(builds).timeline.print(SHOWN);
        }
        Ok(())
    }

    fn build(&self, application: &Application, way: Way) -> Result<Built> {
        let before = cpu(self.engine)?;
        let start = Instant::now();
        let mut docker = self.command(application, way).stderr(Stdio::piped()).spawn()?;
        let (timeline, rest) = Timeline::read(docker.stderr.take().expect("it was asked for"))?;
        let status = docker.wait()?;
        let wall = start.elapsed();
        if !status.success() {
            return Err(format!("docker build: {status}\n{rest}").into());
        }
        Ok(Built { wall, cpu: cpu(self.engine)?.saturating_sub(before), timeline })
    }

    fn command(&self, application: &Application, way: Way) -> Command {
        let name = application.example.name;
        let mut docker = self.engine.docker();
        docker.current_dir(&application.directory);
        docker.args(["build", "--progress=rawjson", "--network=host", "--provenance=false"]);
        docker.args(["--tag", &self.engine.lasting_name(&format!("{name}-{way:?}").to_lowercase())]);
        match way {
            Way::Frontend => {
                docker.args([
                    "--file",
                    DESCRIPTOR,
                    "--build-arg",
                    &format!("BUILDKIT_SYNTAX={}", self.syntax),
                ]);
                for (name, value) in &self.options.build_args {
                    docker.args(["--build-arg", &format!("{name}={value}")]);
                }
            }
            Way::Dockerfile | Way::DockerfileWithSyntax | Way::DockerfileWithStep => {
                if way == Way::DockerfileWithStep {
                    docker.args(["--target", "with-step"]);
                }
                if way != Way::Dockerfile {
                    docker.args(["--build-arg", &format!("BUILDKIT_SYNTAX={}", self.syntax_of_dockerfile)]);
                }
                docker.arg("--file").arg(dockerfile(name));
                for (argument, option) in [("BUILDER", "builder"), ("RUN_IMAGE", "CNB_RUN_IMAGE")] {
                    let value = self.options.get(option).unwrap_or_default();
                    docker.args(["--build-arg", &format!("{argument}={value}")]);
                }
            }
        }
        for (id, file) in &self.options.secrets {
            docker.arg("--secret").arg(format!("id={id},src={}", file.display()));
        }
        docker.arg(".");
        docker
    }
}

/// An image of the frontend that leaves everything to BuildKit's own for Dockerfiles.
fn forward() -> Result<PathBuf> {
    let layout = programs::directory().join("forward-image");
    let program = programs::example("forward")?;
    static_image::make(&[&program], &layout, &frontend_image::LABELS)?;
    Ok(layout)
}

/// The Dockerfile of an application.
pub(super) fn dockerfile(name: &str) -> PathBuf {
    workspace::root().join("xtask/bench/docker").join(format!("{name}.Dockerfile"))
}

/// What builds of one kind cost by each way, ours first.
fn table(what: &str, goal: f64, ways: [(Way, &[Built]); Way::ALL.len()]) {
    for (way, builds) in ways {
        let walls = || builds.iter().map(|built| built.wall);
        let (least, most) = (walls().min().unwrap_or_default(), walls().max().unwrap_or_default());
        println!(
            "{:50} {:>9} {:>17} {:>11}",
            format!("{what}, {}", way.name()),
            seconds(median(walls())),
            format!("{:.2} to {:.2}", least.as_secs_f64(), most.as_secs_f64()),
            seconds(median(builds.iter().map(|built| built.cpu))),
        );
    }
    let [ours, others @ ..] = ways.map(|(way, builds)| (way, wall(builds).as_secs_f64()));
    let ratio = |(way, theirs): (Way, f64)| format!("{:.2} times {}", ours.1 / theirs, way.name());
    println!("{what}: {}; goal: at most {goal:.1}", others.map(ratio).join(", "));
}

/// The wall time in the middle.
fn wall(builds: &[Built]) -> Duration {
    median(builds.iter().map(|built| built.wall))
}

fn middle(builds: &[Built]) -> &Built {
    builds.iter().find(|built| built.wall == wall(builds)).expect("it is one of them")
}
