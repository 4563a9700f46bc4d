//! Docker Engine with containerd, in namespaces of their own.

use std::fs;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use super::cgroups;
use super::packages;
use super::run;
use crate::Result;
use crate::command::command;
use crate::debian;
use crate::http;
use crate::workspace;

const PATIENCE: Duration = Duration::from_secs(60);
/// How much of each log an error shows.
const LOG_LINES: usize = 30;
/// What an engine sees its directory as. BuildKit makes sockets below it, whose paths have at most 108 bytes (`unix(7)`)
/// however long that of the checkout is.
const SHORT: &str = "/run/engine";
const SOCKET: &str = "docker.sock";

/// Where an engine keeps images.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Store {
    /// In containerd, where BuildKit has merges.
    Containerd,
    /// In Docker Engine's own directory, where BuildKit has no merges.
    Classic,
}

impl Store {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Containerd, Self::Classic];

    /// What it is called here.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            Self::Classic => "classic",
        }
    }
}

/// An engine that runs. It ends when this is dropped, with all containers, images and caches.
#[derive(Debug)]
pub(crate) struct Engine {
    directory: PathBuf,
    /// The directory, open: by its number in this process it has a short path for clients.
    opened: File,
    programs: PathBuf,
    process: Child,
}

impl Engine {
    /// Starts an engine without a bridge: builds and containers need the network `host` or none. Registries on loopback
    /// may speak plain HTTP.
    ///
    /// # Errors
    /// When it cannot be started or does not answer; then with what it logged.
    pub(crate) fn start(store: Store) -> Result<Self> {
        if !debian::is_root() {
            return Err("Docker Engine needs root".into());
        }
        debian::ensure(&["runc"])?;
        let programs = packages::root()?;
        let directory = run::create(store.name())?;
        let opened = File::open(&directory)?;
        fs::write(directory.join("daemon.json"), daemon(&directory, store).to_string())?;
        symlink(programs.join("usr/libexec/docker/cli-plugins"), plugins(&directory)?)?;
        let process = spawn(&directory, &programs)?;
        let mut engine = Self { directory, opened, programs, process };
        engine.wait().map_err(|error| engine.explain(&*error))?;
        Ok(engine)
    }

    /// Runs a test. When it fails, the end of the engine's logs comes before the error.
    ///
    /// # Errors
    /// Those of the test.
    pub(crate) fn explaining<T>(&self, test: impl FnOnce() -> Result<T>) -> Result<T> {
        test().map_err(|error| self.explain(&*error).into())
    }

    /// Where its API is: a unix socket, with BuildKit's at `/grpc`. Others can use the path while this process runs.
    pub(crate) fn socket(&self) -> PathBuf {
        let (pid, number) = (std::process::id(), self.opened.as_raw_fd());
        PathBuf::from(format!("/proc/{pid}/fd/{number}/{SOCKET}"))
    }

    /// The namespace that all its processes are in, as `/proc/PID/ns/pid` has it.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn process_namespace(&self) -> Result<PathBuf> {
        Ok(fs::read_link(format!("/proc/{}/ns/pid_for_children", self.process.id()))?)
    }

    /// A place for files of a test, which goes with the engine.
    pub(crate) fn scratch(&self) -> Result<PathBuf> {
        let scratch = self.directory.join("scratch");
        fs::create_dir_all(&scratch)?;
        Ok(scratch)
    }

    /// Lets `docker` give credentials, base64 of `USER:PASSWORD`, to a registry.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn log_in(&self, registry: &str, credentials: &str) -> Result<()> {
        let auths = json!({ "auths": { registry: { "auth": credentials } } });
        Ok(fs::write(config(&self.directory).join("config.json"), auths.to_string())?)
    }

    /// `docker` for this engine, with no configuration of whoever runs it.
    pub(crate) fn docker(&self) -> Command {
        let mut docker = command(self.programs.join("usr/bin/docker"));
        docker.env("DOCKER_CONFIG", config(&self.directory));
        docker.env("DOCKER_HOST", format!("unix://{}", self.socket().display()));
        // Buildx tells a frontend the repository that it finds around a context: that must not be the one of this checkout.
        docker.env("GIT_CEILING_DIRECTORIES", &self.directory);
        for variable in ["BUILDX_BUILDER", "BUILDX_CONFIG", "DOCKER_BUILDKIT", "DOCKER_CONTEXT"] {
            docker.env_remove(variable);
        }
        docker
    }

    /// `docker buildx`.
    pub(crate) fn buildx(&self) -> Command {
        let mut buildx = self.docker();
        buildx.arg("buildx");
        buildx
    }

    /// `docker compose`.
    pub(crate) fn compose(&self) -> Command {
        let mut compose = self.docker();
        compose.arg("compose");
        compose
    }

    fn wait(&mut self) -> Result<()> {
        let start = Instant::now();
        while !self.is_ready() {
            if let Some(status) = self.process.try_wait()? {
                return Err(format!("Docker Engine ended: {status}").into());
            }
            if start.elapsed() > PATIENCE {
                return Err("Docker Engine does not answer".into());
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        let ping = || -> Result<String> {
            let stream = UnixStream::connect(self.socket())?;
            stream.set_read_timeout(Some(PATIENCE))?;
            http::get(stream, "/_ping")
        };
        ping().is_ok()
    }

    /// An error below the end of each log.
    fn explain(&self, error: &dyn std::error::Error) -> String {
        let logs = ["start.log", "containerd.log", "dockerd.log"].map(|name| {
            let log = fs::read(self.directory.join(name)).unwrap_or_default();
            format!("--- the end of {name}:\n{}\n", end(&String::from_utf8_lossy(&log)))
        });
        format!("with this engine:\n{}---\n{error}", logs.concat())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The end of its input is the end of it, and it has ended when nothing of it runs or is mounted any more.
        drop(self.process.stdin.take());
        if let Err(error) = self.process.wait() {
            eprintln!("cannot end Docker Engine: {error}");
        }
        cgroups::remove(&run::cgroup(&self.directory));
        run::remove(&self.directory);
    }
}

fn end(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

/// The directory of docker's configuration.
fn config(directory: &Path) -> PathBuf {
    directory.join("config")
}

fn plugins(directory: &Path) -> Result<PathBuf> {
    fs::create_dir_all(config(directory))?;
    Ok(config(directory).join("cli-plugins"))
}

/// The configuration of dockerd. What is below `/run` is visible to the engine alone.
fn daemon(directory: &Path, store: Store) -> Value {
    let mut daemon = json!({
        "bridge": "none",
        "builder": { "entitlements": { "network-host": true } },
        "cgroup-parent": format!("/{}", run::cgroup(directory)),
        "containerd": "/run/containerd/containerd.sock",
        "data-root": format!("{SHORT}/data/docker"),
        "exec-root": "/run/docker",
        "features": { "containerd-snapshotter": matches!(store, Store::Containerd) },
        "group": "root",
        "hosts": [format!("unix://{SHORT}/{SOCKET}")],
        "ip6tables": false,
        "iptables": false,
        "pidfile": "/run/docker/pid",
        "userland-proxy": false,
    });
    if matches!(store, Store::Classic) {
        daemon["storage-driver"] = "overlay2".into();
    }
    daemon
}

fn spawn(directory: &Path, programs: &Path) -> Result<Child> {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let own = [programs.join("usr/sbin"), programs.join("usr/bin")];
    let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&inherited)))?;
    let log = File::create(directory.join("start.log"))?;
    let mut unshare = command("unshare");
    unshare.args(["--mount", "--pid", "--fork", "--mount-proc"]);
    unshare.arg(workspace::root().join("xtask/engine/start")).arg(directory).arg(SHORT);
    unshare.env("PATH", path).stdin(Stdio::piped());
    unshare.stdout(log.try_clone()?).stderr(log);
    Ok(unshare.spawn().map_err(|error| format!("cannot run `unshare`: {error}"))?)
}
