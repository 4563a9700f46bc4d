//! An engine to play with: `docker build` with the frontend and the example builder, in the shell of a developer.

use std::fmt::Write as _;
use std::io;
use std::io::Read as _;

use crate::Result;
use crate::engine::docker::Engine;
use crate::engine::docker::Store;
use crate::engine::registry::Registry;
use crate::example;
use crate::example::builder::RUN_IMAGE;
use crate::frontend_image;
use crate::static_image;

/// Starts an engine and a registry, says how to use them, and ends them when standard input does.
///
/// # Errors
/// When they cannot be started.
pub(crate) fn run(store: Store) -> Result<()> {
    example::builder::make()?;
    let registry = Registry::start()?;
    let frontend = registry.take(&static_image::name(&frontend_image::make()?), "cnb/frontend:0.2")?;
    let builder = registry.take(&example::image("builder"), "cnb/builder:latest")?;
    let run = registry.take(&example::image(RUN_IMAGE), "cnb/run:bookworm")?;
    let engine = Engine::start(store)?;
    let mut bindings = String::new();
    for name in example::bindings::names()? {
        let variable = name.to_uppercase().replace('-', "_");
        let mut binding = format!("CNB_BINDING_{variable}=type={name}");
        for file in example::bindings::files(&name)? {
            let key = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            write!(binding, ",{key}={name}-{key}")?;
            write!(bindings, " --secret id={name}-{key},src={}", file.display())?;
        }
        write!(bindings, " --build-arg {binding}")?;
    }
    let docker = engine.docker();
    for (name, value) in docker.get_envs() {
        if let Some(value) = value {
            println!("export {}={}", name.display(), value.display());
        }
    }
    println!("export DOCKER={}", docker.get_program().display());
    println!("export OPTIONS='--build-arg BUILDKIT_SYNTAX={frontend} --build-arg builder={builder}");
    println!("  --build-arg CNB_RUN_IMAGE={run} --network=host{bindings}'");
    println!("# for example: $DOCKER build $OPTIONS -t app -f project.toml examples/apps/flask");
    println!("# they end at the end of standard input");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
