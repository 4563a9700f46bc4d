//! The program `cnb`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use clap::Subcommand;

mod build;
mod builder;
mod exit;
mod inspect;
mod paths;
mod progress;

/// Build OCI images from applications with Cloud Native Buildpacks, fully locally.
#[derive(Debug, Parser)]
#[command(name = "cnb", version, propagate_version = true, after_help = IMAGE_NAMES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Build(build::Args),
    Builder(builder::Args),
    Inspect(inspect::Args),
}

const IMAGE_NAMES: &str = "\
Image names:
  oci:DIRECTORY[:TAG]    an OCI layout directory
  oci-archive:FILE[:TAG] a tar of an OCI layout

Exit codes:
  1 other failure, 2 wrong usage, 3 invalid project.toml, builder.toml or env file, 4 image missing or
  corrupt, 5 the machine lacks something (an OCI runtime, say), 6 disk full, 11 no common Platform API,
  20 no buildpack group passed, 21 the same after errors, 22 detection failed, 42 restoring failed,
  51 a buildpack failed, 52 building failed, 62 writing the image failed, 130 interrupted";

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Build(args) => return build::run(&args),
        Command::Builder(args) => builder::run(&args),
        Command::Inspect(args) => inspect::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            progress::failure(&failure);
            failure.exit.into()
        }
    }
}
