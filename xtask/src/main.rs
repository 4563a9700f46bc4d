//! The commands of this repository.
//!
//! ```text
//! cargo xtask demo              a builder, an application image, its answer over HTTP
//! cargo xtask dist              the programs, into target/dist
//! cargo xtask frontend-image [REFERENCE]
//!                               the image of the frontend, into target/dist and a registry
//! cargo xtask engine [containerd|classic]
//!                               a Docker Engine and a registry with frontend and builder, to play with
//! cargo xtask buildpacks        the compiled buildpacks of the examples, into target/demo/buildpacks
//! cargo xtask test [STAGE...]   everything that has to hold, or the named stages
//! cargo xtask bench [NAME...]   what builds cost on this machine
//! cargo xtask fuzz [TARGET...] [--minutes N]
//!                               looks for bytes that break what reads them, 10 minutes each target
//! ```

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that people read")]

use std::process::ExitCode;

mod bench;
mod command;
mod debian;
mod demo;
mod engine;
mod example;
mod frontend_image;
mod fuzz;
mod http;
mod machine;
mod play;
mod programs;
mod static_image;
mod test;
mod workspace;

/// What any part of a command fails with: one sentence for the person who runs it.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["bench", names @ ..] => bench::run(names),
        ["demo"] => demo::run(),
        ["dist"] => programs::dist(),
        ["frontend-image"] => frontend_image::run(None),
        ["buildpacks"] => example::buildpacks::make(),
        [.., "help" | "--help" | "-h"] => {
            println!("{}", usage());
            Ok(())
        }
        ["frontend-image", reference] => frontend_image::run(Some(reference)),
        ["engine"] | ["engine", "containerd"] => play::run(engine::docker::Store::Containerd),
        ["engine", "classic"] => play::run(engine::docker::Store::Classic),
        ["fuzz", arguments @ ..] => fuzz::run(arguments),
        ["test", stages @ ..] => test::run(stages),
        _ => Err(usage().into()),
    }
}

fn usage() -> String {
    format!(
        "usage: cargo xtask demo | dist | frontend-image [REFERENCE] | engine [STORE] | buildpacks | bench [NAME...] | \
         fuzz [TARGET...] [--minutes N] | test [STAGE...]\n\nbench:\n{}\n\nstages:\n{}",
        bench::list(),
        test::list()
    )
}
