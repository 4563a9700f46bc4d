//! A stock `buildkitd`, in namespaces of its own.
//!
//! Nothing of it is here: who has one names it in [`VARIABLE`].

use std::ffi::OsStr;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;

use super::daemon;
use super::daemon::Daemon;
use super::daemon::SHORT;
use super::run;
use crate::Result;
use crate::debian;
use crate::http;

/// Names the program.
pub(crate) const VARIABLE: &str = "CNB_TEST_BUILDKITD";
const SOCKET: &str = "buildkitd.sock";

/// A `buildkitd` that runs. It ends when this is dropped, with all that it keeps.
#[derive(Debug)]
pub(crate) struct Buildkitd {
    daemon: Daemon,
    port: u16,
}

/// Whether somebody named one.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// The program that somebody named, if anybody did.
///
/// # Errors
/// When there is none.
pub(crate) fn named() -> Result<Option<PathBuf>> {
    let Some(program) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return Ok(None) };
    match program.canonicalize() {
        Ok(found) => Ok(Some(found)),
        Err(error) => Err(format!("{VARIABLE}={}: {error}", program.display()).into()),
    }
}

impl Buildkitd {
    /// Starts it with the worker that needs `runc` alone. It may give its network.
    ///
    /// # Errors
    /// When it cannot be started or does not listen; then with what it logged.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        debian::ensure(&["runc"])?;
        let directory = run::create("buildkitd")?;
        let port = http::free_port()?;
        let configuration = format!("{SHORT}/buildkitd.toml");
        fs::write(directory.join("buildkitd.toml"), toml(&directory, port))?;
        let command = [program.as_os_str(), OsStr::new("--config"), OsStr::new(&configuration)];
        let mut daemon = Daemon::start(directory, &[], &command)?;
        daemon.wait("buildkitd", |daemon| UnixStream::connect(daemon.path(SOCKET)).is_ok())?;
        Ok(Self { daemon, port })
    }

    /// Runs a test. When it fails, the end of the daemon's log comes before the error.
    ///
    /// # Errors
    /// Those of the test.
    pub(crate) fn explaining<T>(&self, test: impl FnOnce() -> Result<T>) -> Result<T> {
        test().map_err(|error| self.daemon.explain(&error.to_string()).into())
    }

    /// The address of its socket. Others can use it while this process runs.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.daemon.path(SOCKET).display())
    }

    /// The address where it speaks TLS.
    pub(crate) fn tls_address(&self) -> String {
        format!("tcp://localhost:{}", self.port)
    }

    /// What a client needs there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn certificates(&self) -> Result<PathBuf> {
        daemon::client_certificates(&self.scratch()?)
    }

    /// A place for files of a test, which goes with the daemon.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn scratch(&self) -> Result<PathBuf> {
        self.daemon.scratch()
    }
}

fn toml(directory: &Path, port: u16) -> String {
    let certificate = |name| daemon::certificate(name).display().to_string();
    format!(
        r#"
root = "{SHORT}/data"
insecure-entitlements = ["network.host"]

[grpc]
address = ["unix://{SHORT}/{SOCKET}", "tcp://127.0.0.1:{port}"]

[grpc.tls]
ca = {:?}
cert = {:?}
key = {:?}

[worker.oci]
networkMode = "host"
defaultCgroupParent = "/{}"
"#,
        certificate("ca.pem"),
        certificate("server.pem"),
        certificate("server.key"),
        run::cgroup(directory),
    )
}
