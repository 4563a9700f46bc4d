//! A Cloud Native Buildpack that turns the lines of a `Procfile` into process types.

use std::fs;
use std::io;

use libcnb::Buildpack;
use libcnb::build::BuildContext;
use libcnb::build::BuildResult;
use libcnb::build::BuildResultBuilder;
use libcnb::buildpack_main;
use libcnb::data::launch::LaunchBuilder;
use libcnb::detect::DetectContext;
use libcnb::detect::DetectResult;
use libcnb::detect::DetectResultBuilder;
use libcnb::generic::GenericMetadata;
use libcnb::generic::GenericPlatform;

mod procfile;

const FILE: &str = "Procfile";

struct ProcfileBuildpack;

/// Why there are no process types.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read {FILE}")]
    Read(#[source] io::Error),
    #[error(transparent)]
    Parse(#[from] procfile::Error),
}

impl Buildpack for ProcfileBuildpack {
    type Platform = GenericPlatform;
    type Metadata = GenericMetadata;
    type Error = Error;

    fn detect(&self, context: DetectContext<Self>) -> libcnb::Result<DetectResult, Error> {
        if context.app_dir.join(FILE).is_file() {
            DetectResultBuilder::pass().build()
        } else {
            DetectResultBuilder::fail().build()
        }
    }

    fn build(&self, context: BuildContext<Self>) -> libcnb::Result<BuildResult, Error> {
        let text = fs::read_to_string(context.app_dir.join(FILE)).map_err(Error::Read)?;
        let processes = procfile::processes(&text).map_err(Error::Parse)?;
        for process in &processes {
            println!("{}: {}", process.r#type, process.args.join(" "));
        }
        BuildResultBuilder::new().launch(LaunchBuilder::new().processes(processes).build()).build()
    }

    fn on_error(&self, error: libcnb::Error<Error>) {
        match error {
            libcnb::Error::BuildpackError(Error::Read(cause)) => eprintln!("cannot read {FILE}: {cause}"),
            libcnb::Error::BuildpackError(error) => eprintln!("{error}"),
            error => eprintln!("{error}"),
        }
    }
}

impl From<Error> for libcnb::Error<Error> {
    fn from(error: Error) -> Self {
        Self::BuildpackError(error)
    }
}

buildpack_main!(ProcfileBuildpack);
