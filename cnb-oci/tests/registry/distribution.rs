//! The registry of Debian's package `docker-registry`, for tests.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read as _;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;

use tempfile::TempDir;

/// A registry on a port of its own. It ends when this is dropped.
pub(crate) struct Distribution {
    process: Child,
    /// For example `127.0.0.1:43210`.
    pub(crate) address: String,
    _data: TempDir,
}

impl Distribution {
    /// Starts it and waits until it listens.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// As [`Distribution::start`], with TLS.
    pub(crate) fn start_with_tls(certificate: &Path, key: &Path) -> Self {
        let (certificate, key) = (certificate.display(), key.display());
        Self::start_with(&format!(", tls: {{certificate: '{certificate}', key: '{key}'}}"))
    }

    fn start_with(http: &str) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let config = data.path().join("config.yml");
        fs::write(&config, config_of(data.path(), http)).expect("it can be written");
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`docker-registry` of the Debian package runs");
        let mut log = BufReader::new(process.stderr.take().expect("it is piped"));
        let address = address(&mut log);
        // Nobody reads it any more, but the registry must not wait for that.
        thread::spawn(move || log.read_to_end(&mut Vec::new()));
        Self { process, address, _data: data }
    }

    /// The name of an image in it.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }
}

impl Drop for Distribution {
    fn drop(&mut self) {
        self.process.kill().expect("it is ours");
        self.process.wait().expect("it is ours");
    }
}

fn config_of(data: &Path, http: &str) -> String {
    let data = data.display();
    format!(
        "version: 0.1\nlog: {{level: info}}\nhttp: {{addr: '127.0.0.1:0'{http}}}\n\
         storage: {{filesystem: {{rootdirectory: '{data}/data'}}, delete: {{enabled: true}}}}\n"
    )
}

/// The address that the log tells: `msg="listening on 127.0.0.1:43210"`.
fn address(log: &mut impl BufRead) -> String {
    let mut seen = String::new();
    while log.read_line(&mut seen).expect("its log can be read") > 0 {
        let last = seen.lines().last().unwrap_or_default();
        if let Some((_, rest)) = last.split_once("listening on ") {
            return rest.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect();
        }
    }
    panic!("docker-registry does not listen: {seen}");
}
