//! Where the images are, and the programs that make them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::Way;
use super::dockerfile;
use super::options;
use crate::Result;
use crate::command;
use crate::command::command;
use crate::engine::docker::Engine;
use crate::engine::registry::Registry;
use crate::example;
use crate::example::builder::RUN_IMAGE;
use crate::example::layout;
use crate::test::docker::application::Application;

/// An engine, a registry, and a layout with the run images.
pub(super) struct Place<'a> {
    pub(super) engine: &'a Engine,
    registry: &'a Registry,
    /// A directory of local images and caches.
    directory: PathBuf,
}

impl<'a> Place<'a> {
    /// Brings the builder and its run image to the registry.
    pub(super) fn make(engine: &'a Engine, registry: &'a Registry) -> Result<Self> {
        let place = Self { engine, registry, directory: engine.scratch()?.join("local") };
        fs::create_dir_all(&place.directory)?;
        registry.take(&example::image("builder"), "cnb/builder:latest")?;
        registry.take(&example::image(RUN_IMAGE), "cnb/run:0")?;
        let mut copy = command("skopeo");
        copy.args([
            "copy",
            "--quiet",
            "--insecure-policy",
            &example::image(RUN_IMAGE),
            &place.layout("run-0"),
        ]);
        command::read(&mut copy)?;
        Ok(place)
    }

    /// Another run image: the first with a layer more, with the number of the round in it.
    pub(super) fn make_run_image(&self, round: usize) -> Result<()> {
        let file = self.directory.join("round");
        fs::write(&file, round.to_string())?;
        let tag = format!("run-{round}");
        let mut insert = command("umoci");
        insert.args(["insert", "--image", &format!("{}:run-0", self.layout_directory().display())]);
        insert.args(["--tag", &tag]).arg(&file).arg("/etc/round");
        command::read(&mut insert)?;
        self.registry.take(&self.layout(&tag), &format!("cnb/run:{round}")).map(drop)
    }

    /// Builds, to fill caches.
    pub(super) fn build(&self, application: &Application, way: Way) -> Result<()> {
        command::read(&mut self.build_of(application, way, 0)?).map(drop)
    }

    /// A build of the application in a round.
    pub(super) fn build_of(&self, application: &Application, way: Way, round: usize) -> Result<Command> {
        let name = application.example.name;
        if way == Way::Dockerfile {
            return self.docker_build(application, 0, &tag(name, way, round));
        }
        let mut build = example::cnb();
        build.arg("build").arg(&application.directory).args(["--network", "host", "--json"]);
        build.args(example::bindings::arguments()?);
        if way == Way::Local {
            build.args(["--builder", &example::image("builder"), "--output", &self.layout(name)]);
            build.arg("--cache-dir").arg(self.directory.join("cache"));
        } else {
            let docker = self.engine.docker();
            build.envs(docker.get_envs().filter_map(|(name, value)| Some((name, value?))));
            build.args([
                "--backend",
                "docker",
                "--output",
                &format!("docker-daemon:{}", tag(name, way, round)),
            ]);
            build.args(["--builder", &format!("docker://{}", self.reference("builder:latest"))]);
            build.args(["--run-image", &format!("docker://{}", self.reference("run:0"))]);
        }
        Ok(build)
    }

    /// What puts the image of the application on the run image of a round, in a layout, in the registry, or in the engine.
    pub(super) fn rebase_of(&self, application: &Application, way: Way, round: usize) -> Result<Command> {
        let name = application.example.name;
        let mut rebase = example::cnb();
        match way {
            Way::Local => {
                rebase.args(["rebase", &self.layout(name), "--output", &self.layout("rebased")]);
                rebase.args(["--run-image", &self.layout(&format!("run-{round}"))]);
            }
            Way::BuildKit => {
                let named = |name: &str| format!("docker://{}", self.reference(name));
                rebase.args(["rebase", &named(name), "--output", &named(&format!("{name}:rebased"))]);
                // The image knows the name that the builder declares.
                rebase.args(["--run-image", &named(&format!("run:{round}")), "--force"]);
            }
            Way::Dockerfile => {
                return self.docker_build(application, round, &format!("{name}-rebased:{round}"));
            }
        }
        Ok(rebase)
    }

    /// Brings the image that BuildKit built to the registry.
    pub(super) fn push(&self, application: &Application, round: usize) -> Result<()> {
        let output = format!("docker://{}", self.reference(application.example.name));
        let mut build = self.build_of(application, Way::BuildKit, round)?;
        command::read(build.args(["--output", &output])).map(drop)
    }

    /// The diffIDs of an image.
    pub(super) fn diff_ids(&self, name: &str, way: Way, round: usize) -> Result<Vec<String>> {
        if way == Way::Local {
            let config = layout::config(&self.layout_directory(), name)?;
            return Ok(serde_json::from_value(config["rootfs"]["diff_ids"].clone())?);
        }
        let mut inspect = self.engine.docker();
        inspect.args(["image", "inspect", "--format", "{{json .RootFS.Layers}}", &tag(name, way, round)]);
        Ok(serde_json::from_str(&command::read(&mut inspect)?)?)
    }

    fn docker_build(&self, application: &Application, run_image: usize, name: &str) -> Result<Command> {
        let mut docker = self.engine.docker();
        docker.current_dir(&application.directory);
        docker.args(["build", "--progress=plain", "--network=host", "--provenance=false", "--tag", name]);
        docker.arg("--file").arg(dockerfile(application.example.name));
        let run_image = self.reference(&format!("run:{run_image}"));
        for (argument, value) in [("BUILDER", &self.reference("builder:latest")), ("RUN_IMAGE", &run_image)] {
            docker.args(["--build-arg", &format!("{argument}={value}")]);
        }
        for (id, file) in &options()?.secrets {
            docker.arg("--secret").arg(format!("id={id},src={}", file.display()));
        }
        docker.arg(".");
        Ok(docker)
    }

    fn layout_directory(&self) -> PathBuf {
        self.directory.join("images")
    }

    fn layout(&self, tag: &str) -> String {
        format!("oci:{}:{tag}", self.layout_directory().display())
    }

    /// A reference of the registry.
    fn reference(&self, name: &str) -> String {
        format!("{}/cnb/{name}", self.registry.address())
    }
}

/// What the image of a round is called in the engine. No image loses its name to another one: while containerd removes
/// images, it now and then removes parts of new ones.
fn tag(name: &str, way: Way, round: usize) -> String {
    format!("{name}-{way:?}:{round}").to_lowercase()
}
