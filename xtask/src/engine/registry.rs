//! A registry on loopback, without TLS.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;

use serde_json::Value;
use serde_json::json;

use super::packages;
use super::run;
use crate::Result;
use crate::command;
use crate::command::command;
use crate::debian;
use crate::http;

/// A registry that runs. It ends when this is dropped, with all that is in it.
#[derive(Debug)]
pub(crate) struct Registry {
    directory: PathBuf,
    port: u16,
    process: Child,
    account: Option<Account>,
}

/// Who may use a registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    /// `USER:PASSWORD`.
    pub(crate) credentials: &'static str,
    /// `USER:BCRYPT`, with the hash of the password.
    pub(crate) htpasswd: &'static str,
}

impl Registry {
    /// Starts an empty registry on a free port, for anybody.
    ///
    /// # Errors
    /// When it cannot be started or does not listen.
    pub(crate) fn start() -> Result<Self> {
        Self::start_with(None)
    }

    /// Starts an empty registry on a free port, for those who have an account.
    ///
    /// # Errors
    /// When it cannot be started or does not listen.
    pub(crate) fn start_for(account: Account) -> Result<Self> {
        Self::start_with(Some(account))
    }

    fn start_with(account: Option<Account>) -> Result<Self> {
        let programs = packages::root()?;
        let port = http::free_port()?;
        let directory = run::create("registry")?;
        let file = directory.join("registry.yaml");
        let mut configuration = configuration(&directory, port);
        if let Some(account) = account {
            let accounts = directory.join("htpasswd");
            fs::write(&accounts, account.htpasswd)?;
            configuration["auth"] = json!({ "htpasswd": { "realm": "test", "path": accounts } });
        }
        // JSON is YAML too.
        fs::write(&file, configuration.to_string())?;
        let log = File::create(directory.join("registry.log"))?;
        // It ends with this process, also when that is killed.
        let mut serve = command("setpriv");
        serve.args(["--pdeathsig", "KILL"]).arg(programs.join("usr/bin/docker-registry"));
        serve.arg("serve").arg(&file).stdout(log.try_clone()?).stderr(log);
        let process = serve.spawn().map_err(|error| format!("cannot run `setpriv`: {error}"))?;
        let mut registry = Self { directory, port, process, account };
        http::await_listener(port, &mut registry.process).map_err(|error| {
            let log = fs::read_to_string(registry.directory.join("registry.log")).unwrap_or_default();
            format!("the registry does not start: {error}\n{log}")
        })?;
        Ok(registry)
    }

    /// Its host and port, as references of images begin.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Copies an image of another place, as `skopeo` names it, and returns its reference.
    ///
    /// # Errors
    /// When there is no such image or the registry does not take it.
    pub(crate) fn take(&self, image: &str, name: &str) -> Result<String> {
        debian::ensure(&["skopeo"])?;
        let reference = format!("{}/{name}", self.address());
        let mut copy = command("skopeo");
        copy.args(["copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"]);
        copy.args(self.account.map(|account| format!("--dest-creds={}", account.credentials)));
        command::read(copy.arg(image).arg(format!("docker://{reference}")))?;
        Ok(reference)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            eprintln!("cannot end the registry: {error}");
        }
        run::remove(&self.directory);
    }
}

fn configuration(directory: &Path, port: u16) -> Value {
    json!({
        "version": "0.1",
        "log": { "level": "warn" },
        "http": { "addr": format!("127.0.0.1:{port}") },
        "storage": {
            "filesystem": { "rootdirectory": directory.join("data") },
            "delete": { "enabled": true },
        },
    })
}
