//! Starts an image with the OCI runtime and asks it over HTTP.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;

use serde_json::Value;

use crate::Result;
use crate::command;
use crate::command::command;
use crate::debian;
use crate::example;
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
        unpack(tag, &bundle)?;
        let port = http::free_port()?;
        configure(&bundle, port)?;
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

fn unpack(tag: &str, bundle: &PathBuf) -> Result<()> {
    if bundle.exists() {
        fs::remove_dir_all(bundle)?;
    }
    fs::create_dir_all(bundle.parent().expect("it is below the directory of the examples"))?;
    let image = format!("{}:{tag}", example::images().display());
    command::read(command("umoci").args(["unpack", "--image", &image]).arg(bundle)).map(drop)
}

/// The network of this machine, a port to listen on, and no terminal.
fn configure(bundle: &Path, port: u16) -> Result<()> {
    let file = bundle.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&file)?)?;
    config["process"]["terminal"] = false.into();
    let env = config["process"]["env"].as_array_mut().ok_or("the bundle has no environment")?;
    env.push(format!("PORT={port}").into());
    let namespaces = config["linux"]["namespaces"].as_array_mut().ok_or("the bundle has no namespaces")?;
    namespaces.retain(|namespace| namespace["type"] != "network");
    Ok(fs::write(file, serde_json::to_vec(&config)?)?)
}
