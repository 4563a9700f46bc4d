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
use crate::test::docker::application::Application;
use crate::test::docker::application::DESCRIPTOR;
use crate::test::docker::application::EXPRESS;
use crate::test::docker::application::FLASK;
use crate::test::docker::pushed::Options;
use crate::test::docker::pushed::Pushed;
use crate::workspace;

mod processes;
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
}

/// Builds with an engine.
struct Place<'a> {
    engine: &'a Engine,
    options: Options,
    syntax: &'a str,
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
    for store in Store::ALL {
        let engine = Engine::start(store)?;
        engine.explaining(|| {
            pushed.log_in(&engine)?;
            let place = Place { engine: &engine, options: pushed.options()?, syntax: &pushed.frontend };
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
            for way in [Way::Frontend, Way::Dockerfile] {
                self.build(&application, way)?;
            }
            applications.push(application);
        }
        Ok(applications)
    }

    fn compare(&self, application: &Application) -> Result<()> {
        let (mut ours, mut theirs) = (Builds::default(), Builds::default());
        for round in 0..ROUNDS {
            application.change(round + 1)?;
            let mut ways = [(Way::Frontend, &mut ours), (Way::Dockerfile, &mut theirs)];
            // Who comes first may pay for what both need.
            if round % 2 == 1 {
                ways.reverse();
            }
            for (way, builds) in &mut ways {
                builds.changed.push(self.build(application, *way)?);
            }
            for (way, builds) in &mut ways {
                builds.unchanged.push(self.build(application, *way)?);
            }
        }
        let name = application.example.name;
        println!("\n{name:34} {:>9} {:>17} {:>11}", "wall", "", "CPU");
        table("no change", &ours.unchanged, &theirs.unchanged, 1.0);
        table("source change", &ours.changed, &theirs.changed, CHANGE_GOAL);
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
        docker.args(["--tag", &format!("{name}-{way:?}").to_lowercase()]);
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
            Way::Dockerfile => {
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

fn dockerfile(name: &str) -> PathBuf {
    workspace::root().join("xtask/bench/docker").join(format!("{name}.Dockerfile"))
}

fn table(what: &str, ours: &[Built], theirs: &[Built], goal: f64) {
    for (who, builds) in [("frontend", ours), ("Dockerfile", theirs)] {
        let walls = || builds.iter().map(|built| built.wall);
        let (least, most) = (walls().min().unwrap_or_default(), walls().max().unwrap_or_default());
        println!(
            "{:34} {:>9} {:>17} {:>11}",
            format!("{what}, {who}"),
            seconds(median(walls())),
            format!("{:.2} to {:.2}", least.as_secs_f64(), most.as_secs_f64()),
            seconds(median(builds.iter().map(|built| built.cpu))),
        );
    }
    let wall = |builds: &[Built]| median(builds.iter().map(|built| built.wall)).as_secs_f64();
    println!("{what}: {:.2} times a Dockerfile; goal: at most {goal:.1}", wall(ours) / wall(theirs));
}

fn middle(builds: &[Built]) -> &Built {
    let wall = median(builds.iter().map(|built| built.wall));
    builds.iter().find(|built| built.wall == wall).expect("it is one of them")
}
