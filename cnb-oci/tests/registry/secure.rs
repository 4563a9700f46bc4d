//! TLS, by Debian's `docker-registry` with a certificate of `openssl`.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use cnb_core::backend::ErrorKind;
use cnb_oci::registry::Options;
use tempfile::TempDir;

use crate::client::Client;
use crate::client::name;
use crate::distribution::Distribution;

/// A certificate authority, and a certificate for 127.0.0.1 with its key.
struct Certificates(TempDir);

impl Certificates {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let make = |arguments: &str| {
            let mut openssl = Command::new("openssl");
            openssl.args(arguments.split(' ')).current_dir(directory.path());
            let output = openssl.output().expect("`openssl` of the Debian package runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        let common = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
        make(&format!("{common} -subj /CN=ca -keyout ca.key -out ca.pem"));
        let leaf = "-addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE";
        make(&format!(
            "{common} -subj /CN=leaf {leaf} -CA ca.pem -CAkey ca.key -keyout key.pem -out leaf.pem"
        ));
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn authority(&self) -> Vec<u8> {
        std::fs::read(self.path("ca.pem")).expect("it was made")
    }

    fn server(&self) -> Distribution {
        let (certificate, key): (&Path, &Path) = (&self.path("leaf.pem"), &self.path("key.pem"));
        Distribution::start_with_tls(certificate, key)
    }
}

#[test]
#[ignore = "needs docker-registry and openssl: run by cargo xtask test local"]
fn certificates_are_checked_unless_told_otherwise() {
    let certificates = Certificates::new();
    let server = certificates.server();
    let app = name(&server.image("app:1"));
    let trusting = Client::with(Options::new().with_ca_certificates(&certificates.authority()));
    let careless = Client::with(Options::new().with_insecure(server.image("app")));
    for client in [trusting, careless] {
        let pushed = client.registry.put_manifest(&app, "application/vnd.oci.image.index.v1+json", INDEX);
        pushed.expect("it is written");
        assert!(client.registry.manifest(&app).expect("it is read").is_some());
    }

    let another = Client::with(Options::new().with_insecure(server.image("other")));
    for client in [Client::new(), another] {
        let error = client.registry.manifest(&app).expect_err("nobody knows the certificate");
        let source = std::error::Error::source(&error).expect("a reason").to_string();
        assert!(error.to_string().starts_with("GET https://"), "{error}");
        assert!(source.contains("UnknownIssuer"), "{source}");
        assert_eq!((error.kind(), client.waits()), (ErrorKind::Unavailable, vec![]));
    }
}

#[test]
fn certificates_that_are_none_are_refused() {
    let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    let error = cnb_oci::registry::Registry::new(Options::new().with_ca_certificates(broken));
    assert_eq!(error.expect_err("not valid").to_string(), "the CA certificates cannot be used");
}

const INDEX: &[u8] =
    br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
