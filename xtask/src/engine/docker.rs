//! Docker Engine with containerd, in namespaces of their own.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use super::daemon;
use super::daemon::Daemon;
use super::daemon::SHORT;
use super::packages;
use super::run;
use crate::Result;
use crate::command::command;
use crate::command::read;
use crate::debian;
use crate::http;

const PATIENCE: Duration = Duration::from_secs(60);
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
    daemon: Daemon,
    programs: PathBuf,
    /// Where it listens with TLS.
    port: u16,
    /// How many names [`Engine::lasting_name`] gave.
    names: AtomicUsize,
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
        let port = http::free_port()?;
        fs::write(directory.join("daemon.json"), configuration(&directory, store, port).to_string())?;
        symlink(programs.join("usr/libexec/docker/cli-plugins"), plugins(&directory)?)?;
        let path = [programs.join("usr/sbin"), programs.join("usr/bin")];
        let mut daemon = Daemon::start(directory, &path, &[])?;
        daemon.wait("Docker Engine", is_ready)?;
        Ok(Self { daemon, programs, port, names: AtomicUsize::default() })
    }

    /// Runs a test. When it fails, the end of the engine's logs comes before the error.
    ///
    /// # Errors
    /// Those of the test.
    pub(crate) fn explaining<T>(&self, test: impl FnOnce() -> Result<T>) -> Result<T> {
        test().map_err(|error| self.daemon.explain(&error.to_string()).into())
    }

    /// Where its API is: a unix socket, with BuildKit's at `/grpc`. Others can use the path while this process runs.
    pub(crate) fn socket(&self) -> PathBuf {
        self.daemon.path(SOCKET)
    }

    /// What has to be in an environment so that its API is reached at a port, over TLS.
    ///
    /// # Errors
    /// When the certificates cannot be written.
    pub(crate) fn over_tls(&self) -> Result<[(&'static str, String); 3]> {
        let certificates = daemon::client_certificates(&self.scratch()?)?;
        Ok([
            ("DOCKER_HOST", format!("tcp://localhost:{}", self.port)),
            ("DOCKER_TLS_VERIFY", "1".to_owned()),
            ("DOCKER_CERT_PATH", certificates.display().to_string()),
        ])
    }

    /// As [`Engine::over_tls`], through a context that `docker` makes.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn context_over_tls(&self) -> Result<[(&'static str, String); 2]> {
        const NAME: &str = "over-tls";
        let certificates = daemon::client_certificates(&self.scratch()?)?;
        let certificate = |file: &str| certificates.join(file).display().to_string();
        let endpoint = format!(
            "host=tcp://localhost:{},ca={},cert={},key={}",
            self.port,
            certificate("ca.pem"),
            certificate("cert.pem"),
            certificate("key.pem")
        );
        read(self.docker().args(["context", "create", NAME, "--docker", &endpoint]))?;
        Ok([("DOCKER_HOST", String::new()), ("DOCKER_CONTEXT", NAME.to_owned())])
    }

    /// The namespace that all its processes are in, as `/proc/PID/ns/pid` has it.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn process_namespace(&self) -> Result<PathBuf> {
        self.daemon.process_namespace()
    }

    /// A place for files of a test, which goes with the engine.
    pub(crate) fn scratch(&self) -> Result<PathBuf> {
        self.daemon.scratch()
    }

    /// Lets `docker` give credentials, base64 of `USER:PASSWORD`, to a registry.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn log_in(&self, registry: &str, credentials: &str) -> Result<()> {
        let auths = json!({ "auths": { registry: { "auth": credentials } } });
        Ok(fs::write(config(&self.daemon.directory).join("config.json"), auths.to_string())?)
    }

    /// A name for what a build makes that no later build takes. containerd removes an image that lost its last name, and
    /// now and then with it what the image that took the name has as well and is about to be unpacked on.
    pub(crate) fn lasting_name(&self, repository: &str) -> String {
        format!("{repository}:{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// `docker` for this engine, with no configuration of whoever runs it.
    pub(crate) fn docker(&self) -> Command {
        let mut docker = command(self.programs.join("usr/bin/docker"));
        docker.env("DOCKER_CONFIG", config(&self.daemon.directory));
        docker.env("DOCKER_HOST", format!("unix://{}", self.socket().display()));
        // Buildx tells a frontend the repository that it finds around a context: that must not be the one of this checkout.
        docker.env("GIT_CEILING_DIRECTORIES", &self.daemon.directory);
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
}

fn is_ready(daemon: &Daemon) -> bool {
    let ping = || -> Result<String> {
        let stream = UnixStream::connect(daemon.path(SOCKET))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        http::get(stream, "/_ping")
    };
    ping().is_ok()
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
fn configuration(directory: &Path, store: Store, port: u16) -> Value {
    let certificate = |name| daemon::certificate(name).display().to_string();
    let mut daemon = json!({
        "bridge": "none",
        "builder": { "entitlements": { "network-host": true } },
        "cgroup-parent": format!("/{}", run::cgroup(directory)),
        "containerd": "/run/containerd/containerd.sock",
        "data-root": format!("{SHORT}/data/docker"),
        "exec-root": "/run/docker",
        "features": { "containerd-snapshotter": matches!(store, Store::Containerd) },
        "group": "root",
        "hosts": [format!("unix://{SHORT}/{SOCKET}"), format!("tcp://127.0.0.1:{port}")],
        "ip6tables": false,
        "iptables": false,
        "pidfile": "/run/docker/pid",
        "tlscacert": certificate("ca.pem"),
        "tlscert": certificate("server.pem"),
        "tlskey": certificate("server.key"),
        "tlsverify": true,
        "userland-proxy": false,
    });
    if matches!(store, Store::Classic) {
        daemon["storage-driver"] = "overlay2".into();
    }
    daemon
}
