//! `docker build` with the frontend.

use std::fs;
use std::process::Output;

use serde_json::Value;

use super::application::Application;
use super::application::DESCRIPTOR;
use super::progress::Progress;
use super::pushed::Options;
use crate::Result;
use crate::command;
use crate::engine::docker::Engine;

/// A build of an application. Its image has the name of the example, unless that is not where it goes to.
#[derive(Debug)]
pub(super) struct Build<'a> {
    pub(super) engine: &'a Engine,
    pub(super) application: &'a Application,
    pub(super) options: Options,
    /// The descriptor, unless it is where `docker build` looks for a Dockerfile.
    pub(super) file: Option<&'static str>,
    /// What `docker build` gets besides.
    pub(super) arguments: Vec<String>,
}

/// What a build that succeeded said.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) progress: Progress,
    /// The digest of the manifest.
    pub(super) manifest: String,
    /// The digest of the config.
    pub(super) config: String,
}

impl<'a> Build<'a> {
    /// A build without provenance, which has the time of the build.
    pub(super) fn new(engine: &'a Engine, application: &'a Application, options: Options) -> Self {
        let arguments = vec!["--provenance=false".to_owned()];
        Self { engine, application, options, file: Some(DESCRIPTOR), arguments }
    }

    /// Builds to the end, whatever that is.
    pub(super) fn run(&self) -> Result<Output> {
        let mut docker = self.engine.docker();
        docker.current_dir(&self.application.directory);
        let name = self.application.example.name;
        docker.args(["build", "--progress=plain", "--network=host", "--tag", name]);
        if !self.arguments.iter().any(|argument| argument.starts_with("--output")) {
            docker.args(["--tag", &self.engine.lasting_name(name)]);
        }
        docker.args(self.file.map(|file| format!("--file={file}")));
        for (name, value) in &self.options.build_args {
            docker.arg("--build-arg").arg(format!("{name}={value}"));
        }
        for (id, file) in &self.options.secrets {
            docker.arg("--secret").arg(format!("id={id},src={}", file.display()));
        }
        command::capture(docker.args(&self.arguments).arg("."))
    }

    /// Builds what has to succeed.
    ///
    /// # Errors
    /// With all that was printed when it does not.
    pub(super) fn succeed(mut self) -> Result<Built> {
        let file = self.engine.scratch()?.join("metadata.json");
        self.arguments.extend(["--metadata-file".to_owned(), file.display().to_string()]);
        let printed = self.print()?;
        let metadata: Value = serde_json::from_slice(&fs::read(file)?)?;
        let digest = |name: &str| match metadata[name].as_str() {
            Some(digest) => Ok(digest.to_owned()),
            None => Err(format!("docker build does not say its {name} but {metadata}")),
        };
        Ok(Built {
            progress: Progress::read(&printed),
            manifest: digest("containerimage.digest")?,
            config: digest("containerimage.config.digest")?,
        })
    }

    /// Builds what has to succeed, whatever it makes, and returns what was printed.
    ///
    /// # Errors
    /// With that when it does not.
    pub(super) fn print(&self) -> Result<String> {
        let output = self.run()?;
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        Err(format!("docker build {}: {}\n{printed}", self.shown(), output.status).into())
    }

    /// Builds what must not succeed, and returns what was printed.
    ///
    /// # Errors
    /// When it succeeds.
    pub(super) fn fail(&self) -> Result<String> {
        let output = self.run()?;
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            return Err(format!("docker build {} does not fail:\n{printed}", self.shown()).into());
        }
        Ok(printed)
    }

    fn shown(&self) -> String {
        self.arguments.join(" ")
    }
}
