//! The builder.

use std::path::Path;

use crate::Result;
use crate::command;
use crate::example;
use crate::programs;

/// The run image that the builder names.
pub(crate) const RUN_IMAGE: &str = "cnb.example/run:bookworm";

/// What the builder consists of.
pub(crate) const CONFIG: &str = "examples/builder/builder.toml";

/// Makes the builder and all it consists of.
///
/// # Errors
/// When a part cannot be made.
pub(crate) fn make() -> Result<()> {
    make_parts()?;
    create(CONFIG, None, &example::image("builder"))
}

/// Makes all that the builder consists of.
///
/// # Errors
/// When a part cannot be made.
pub(crate) fn make_parts() -> Result<()> {
    programs::dist()?;
    example::buildpacks::make()?;
    // builder.toml names the root file system of the build image.
    example::base::make("build")?;
    example::base::make("run").map(drop)
}

/// Makes a builder on the bases of the examples: out of a builder.toml, with a lifecycle or that of `cnb`.
///
/// # Errors
/// When `cnb` refuses it.
pub(crate) fn create(config: &str, lifecycle: Option<&Path>, output: &str) -> Result<()> {
    let run = example::base::make("run")?;
    let mut create = example::cnb();
    create.args(["builder", "create", "--config", config]);
    create.args(["--run-image", &format!("{RUN_IMAGE}={}", run.display())]);
    if let Some(lifecycle) = lifecycle {
        create.arg("--lifecycle").arg(lifecycle);
    }
    command::run(create.arg(output))
}
