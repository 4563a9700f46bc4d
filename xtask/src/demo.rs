//! `cargo xtask demo`: from nothing to an application that answers.

use crate::Result;
use crate::command;
use crate::debian;
use crate::example;
use crate::example::service::Service;

/// Makes the builder, builds the Flask application, starts it and asks it.
///
/// # Errors
/// When a part fails; the message says which and what to do.
pub(crate) fn run() -> Result<()> {
    debian::ensure(&["binutils", "ca-certificates", "mmdebstrap", "runc", "umoci"])?;
    heading("the builder");
    example::builder::make()?;
    heading("the application");
    let mut build = example::cnb();
    build.args(["build", "examples/apps/flask", "--builder", &example::image("builder")]);
    build.args(["--output", &example::image("flask")]).args(example::bindings::arguments()?);
    command::run(&mut build)?;
    heading("the container");
    let service = Service::start("flask")?;
    println!("GET /: {}", service.get("/")?);
    println!("image ID: {}", example::layout::image_id(&example::images(), "flask")?);
    Ok(())
}

fn heading(text: &str) {
    println!("\n=== {text}");
}
