//! The program `cnb`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use clap::Subcommand;

mod age;
mod build;
mod builder;
mod cache;
mod exit;
mod inspect;
mod login;
mod paths;
mod progress;
mod random;
mod rebase;
mod registry;
mod size;
mod text;
mod tips;

/// Build OCI images from applications with Cloud Native Buildpacks, fully locally.
#[derive(Debug, Parser)]
#[command(name = "cnb", version, propagate_version = true, after_help = format!("{IMAGE_NAMES}\n\n{EXIT_CODES}"))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(after_help = IMAGE_NAMES)]
    Build(Box<build::Args>),
    Builder(builder::Args),
    Cache(cache::Args),
    #[command(after_help = IMAGE_NAMES)]
    Inspect(inspect::Args),
    #[command(after_help = IMAGE_NAMES)]
    Rebase(rebase::Args),
}

/// What commands that take names of images say about them.
const IMAGE_NAMES: &str = "\
Image names:
  docker://REFERENCE      an image in a registry
  oci:DIRECTORY[:TAG]     an OCI layout directory
  oci-archive:FILE[:TAG]  a tar of an OCI layout
  docker-archive:FILE[:REFERENCE]
                          what `docker load` reads, for outputs alone
  docker-daemon:REFERENCE an image in Docker Engine's own store, for outputs of
                          --backend docker";

const EXIT_CODES: &str = "\
Exit codes:
    1  a failure without a code of its own
    2  wrong usage
    3  an invalid project.toml, builder.toml, env file or other input that a person wrote
    4  an image is missing or corrupt
    5  the machine lacks something: an OCI runtime, a helper program, a daemon or a registry
    6  disk or memory is used up
   11  lifecycle and program have no Platform API in common
   20  no buildpack group passed, 21 after errors; 22 detection failed otherwise
   42  restoring failed, 51 a buildpack, 52 building, 62 writing the image
   72  the image cannot be on the new run image
  130  interrupted, 143 terminated";

fn main() -> ExitCode {
    let Cli { command } = Cli::try_parse().unwrap_or_else(|error| tips::with_tip(error).exit());
    let result = match command {
        Command::Build(args) => return build::run(&args),
        Command::Builder(args) => builder::run(&args),
        Command::Cache(args) => cache::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Rebase(args) => return rebase::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            progress::failure(&failure);
            failure.exit.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn commands_that_take_names_of_images_say_what_these_are() {
        let mut command = Cli::command();
        command.build();
        for path in [&["build"][..], &["inspect"], &["rebase"], &["builder", "create"]] {
            let found = path.iter().try_fold(&mut command, |command, name| command.find_subcommand_mut(name));
            let help = found.expect("it is there").render_help().to_string();
            assert!(help.contains("\n  docker://REFERENCE "), "{path:?}: {help}");
        }
    }
}
