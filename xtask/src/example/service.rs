//! Starts an image with the OCI runtime and asks it over HTTP.

use std::process::Child;

use crate::Result;
use crate::command;
use crate::command::command;
use crate::debian;
use crate::example;
use crate::example::bundle;
use crate::http;

/// A container that listens. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    id: String,
    port: u16,
    runtime: Child,
}

impl Service {
    /// Starts the image with a tag in the layout of the examples.
    ///
    /// # Errors
    /// When the container does not start or does not listen.
    pub(crate) fn start(tag: &str) -> Result<Self> {
        debian::ensure(&["runc", "umoci"])?;
        let bundle = example::directory().join("bundle").join(tag);
        bundle::unpack(&example::images(), tag, &bundle)?;
        let port = http::free_port()?;
        let mut config = bundle::config(&bundle)?;
        bundle::add_env(&mut config, format!("PORT={port}"))?;
        bundle::write(&bundle, &config)?;
        let id = format!("cnb-example-{tag}-{port}");
        let mut run = command("runc");
        run.args(["run", "--bundle"]).arg(&bundle).arg(&id);
        let mut service = Self { id, port, runtime: run.spawn()? };
        http::await_listener(port, &mut service.runtime)?;
        Ok(service)
    }

    /// The body of the answer to `GET path`.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        http::get_from(self.port, path)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let delete = command::capture(command("runc").args(["delete", "--force", &self.id]));
        if let Err(error) = delete.and_then(|_| Ok(self.runtime.wait()?)) {
            eprintln!("cannot end the container {}: {error}", self.id);
        }
    }
}
