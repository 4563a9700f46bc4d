//! Starts an image with the OCI runtime and asks it over HTTP.

use std::fs;
use std::io::Read as _;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use crate::Result;
use crate::command;
use crate::command::command;
use crate::debian;
use crate::example;

const PATIENCE: Duration = Duration::from_secs(60);

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
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        configure(&bundle, port)?;
        let id = format!("cnb-example-{tag}-{port}");
        let mut run = command("runc");
        run.args(["run", "--bundle"]).arg(&bundle).arg(&id);
        let mut service = Self { id, port, runtime: run.spawn()? };
        service.wait()?;
        Ok(service)
    }

    /// The body of the answer to `GET path`.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer is not HTTP")?;
        let status = head.lines().next().unwrap_or_default();
        if status.contains(" 200 ") { Ok(body.trim_end().to_owned()) } else { Err(status.into()) }
    }

    fn wait(&mut self) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = self.runtime.try_wait()? {
                return Err(format!("the container ended: {status}").into());
            }
            if start.elapsed() > PATIENCE {
                return Err("the container does not listen".into());
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
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
