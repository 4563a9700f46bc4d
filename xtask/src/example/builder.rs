//! The builder.

use crate::Result;
use crate::command;
use crate::example;
use crate::programs;

/// The run image that the builder names.
pub(crate) const RUN_IMAGE: &str = "cnb.example/run:bookworm";

/// Makes the builder and all it consists of.
///
/// # Errors
/// When a part cannot be made.
pub(crate) fn make() -> Result<()> {
    programs::dist()?;
    example::buildpacks::make()?;
    // builder.toml names the root file system of the build image.
    example::base::make("build")?;
    let run = example::base::make("run")?;
    let mut create = example::cnb();
    create.args(["builder", "create", "--config", "examples/builder/builder.toml"]);
    create.args(["--run-image", &format!("{RUN_IMAGE}={}", run.display()), &example::image("builder")]);
    command::run(&mut create)
}
