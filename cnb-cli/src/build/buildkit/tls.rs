//! TLS to a BuildKit or a Docker Engine at a port: whom to trust, and who this is.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;

use cnb_llb::client::Address;
use cnb_llb::client::InvalidTls;
use cnb_llb::client::Tls;

use super::super::backend::Place;
use super::super::docker_context;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// Set to anything, it says that Docker Engine speaks TLS, and has to show a certificate.
const DOCKER_TLS_VERIFY: &str = "DOCKER_TLS_VERIFY";
/// The directory with the certificates for Docker Engine; that of Docker's configuration when not given.
const DOCKER_CERT_PATH: &str = "DOCKER_CERT_PATH";

/// The names of a file: Docker's and `buildctl`'s, and those of a Kubernetes secret. Source: `resolveTLSFilesFromDir` in
/// `cmd/buildctl/common/common.go` of BuildKit.
type Names = [&'static str; 2];
const AUTHORITY: Names = ["ca.pem", "ca.crt"];
const CERTIFICATE: Names = ["cert.pem", "tls.crt"];
const KEY: Names = ["key.pem", "tls.key"];

/// What the command line says of TLS.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked<'a> {
    pub(super) directory: Option<&'a Path>,
    pub(super) server_name: Option<&'a str>,
}

/// The TLS to a place, in an environment. None where there is none.
pub(super) fn of(
    Place { address, context }: &Place,
    asked: Asked<'_>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Tls>> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Address::Tcp(_) = address {
        return asked.directory.map(|directory| read(directory, asked.server_name)).transpose();
    }
    if asked.directory.is_some() {
        let message = format!(
            "--buildkit-tls is for tcp://HOST:PORT, not for {address}\n  help: TLS of Docker Engine is that of \
             its context, or of {DOCKER_TLS_VERIFY} and {DOCKER_CERT_PATH}"
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    if address.host().is_none() {
        return Ok(None);
    }
    if let Some(context) = context {
        return context.certificates.as_deref().map(|directory| read(directory, None)).transpose();
    }
    if set(DOCKER_TLS_VERIFY).is_none() {
        return Ok(None);
    }
    let of_docker = || docker_context::configuration(set);
    let directory = set(DOCKER_CERT_PATH).map(PathBuf::from).or_else(of_docker).unwrap_or_default();
    read(&directory, None).map(Some)
}

fn read(directory: &Path, server_name: Option<&str>) -> Result<Tls> {
    let (path, authority) = file(directory, AUTHORITY)?.ok_or_else(|| missing(directory, AUTHORITY))?;
    let mut tls = Tls::new(authority).map_err(|error| invalid(&path, &error))?;
    let (certificate, key) = (file(directory, CERTIFICATE)?, file(directory, KEY)?);
    tls = match (certificate, key) {
        (None, None) => tls,
        (None, Some(_)) => return Err(missing(directory, CERTIFICATE)),
        (Some(_), None) => return Err(missing(directory, KEY)),
        (Some((path, certificate)), Some((key_path, key))) => {
            let identified = tls.with_identity(certificate, key);
            identified.map_err(|error| match error {
                InvalidTls::Key(_) => invalid(&key_path, &error),
                error => invalid(&path, &error),
            })?
        }
    };
    match server_name {
        None => Ok(tls),
        Some(name) => tls.with_server_name(name).map_err(|error| Failure::caused(Exit::Usage, &error)),
    }
}

/// The file of the first of these names that there is.
fn file(directory: &Path, names: Names) -> Result<Option<(PathBuf, Vec<u8>)>> {
    for path in names.map(|name| directory.join(name)) {
        match fs::read(&path) {
            Ok(bytes) => return Ok(Some((path, bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                let message = format!("failed to read `{}` for TLS: {error}", path.display());
                return Err(Failure::new(Exit::InvalidInput, message));
            }
        }
    }
    Ok(None)
}

fn missing(directory: &Path, [first, other]: Names) -> Failure {
    let message = format!(
        "there is no `{first}` for TLS in `{}`\n  help: it may be called `{other}` too; `ca.pem` is of whom to trust, \
         `cert.pem` and `key.pem` are of this user",
        directory.display()
    );
    Failure::new(Exit::InvalidInput, message)
}

fn invalid(path: &Path, error: &InvalidTls) -> Failure {
    let failure = Failure::caused(Exit::InvalidInput, error);
    Failure::new(failure.exit, format!("`{}` cannot be used for TLS: {}", path.display(), failure.message))
}

#[cfg(test)]
mod tests {
    use super::super::super::docker_context::Context;
    use super::*;

    /// Certificates of the tests of cnb-llb, by other names. What is here are links to them, which are files once packed.
    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
        let directory = tempfile::tempdir().expect("there is a directory");
        for (name, source) in files {
            fs::copy(from.join(source), directory.path().join(name)).expect(source);
        }
        directory
    }

    fn read_for(address: &str, path: &Path, name: Option<&str>) -> std::result::Result<bool, String> {
        let address: Address = address.parse().expect("it is an address");
        let text = path.display().to_string();
        let variable = |name: &str| match name {
            DOCKER_TLS_VERIFY => Some("1".to_owned()),
            DOCKER_CERT_PATH => Some(text.clone()),
            _ => None,
        };
        let directory = matches!(address, Address::Tcp(_)).then_some(path);
        let tls = of(&address.into(), Asked { directory, server_name: name }, variable);
        tls.map(|tls| tls.is_some()).map_err(|failure| failure.message)
    }

    #[test]
    fn files_have_the_names_of_docker_and_of_secrets() {
        for names in [["ca.pem", "cert.pem", "key.pem"], ["ca.crt", "tls.crt", "tls.key"]] {
            let [authority, certificate, key] = names;
            let all = [(authority, "ca.pem"), (certificate, "client.pem"), (key, "client.key")];
            for files in [&all[..], &all[..1]] {
                let directory = directory(files);
                for address in ["tcp://h:1", "docker://h:1"] {
                    assert_eq!(read_for(address, directory.path(), None), Ok(true), "{address}: {files:?}");
                }
            }
        }
    }

    #[test]
    fn sockets_and_who_asks_for_none_have_no_tls() {
        let of = |address: &str, variable: Option<&str>| {
            let address: Address = address.parse().expect("it is an address");
            let tls = of(&address.into(), Asked::default(), |_| variable.map(ToOwned::to_owned));
            tls.map(|tls| tls.is_some()).map_err(|failure| failure.message)
        };
        assert_eq!(of("docker://", Some("1")), Ok(false));
        assert_eq!(of("unix:///x", Some("1")), Ok(false));
        assert_eq!(of("tcp://h:1", Some("1")), Ok(false), "the variables are for Docker Engine");
        assert_eq!(of("docker://h:1", None), Ok(false));
    }

    #[test]
    fn a_context_has_certificates_of_its_own_or_no_tls() {
        let certificates = directory(&[("ca.pem", "ca.pem")]);
        for (certificates, expected) in [(Some(certificates.path().to_owned()), true), (None, false)] {
            let address: Address = "docker://h:1".parse().expect("it is an address");
            let context = Context { engine: "tcp://h:1".parse().expect("it is an address"), certificates };
            let place = Place { address, context: Some(context) };
            // The variables are for the Docker Engine of DOCKER_HOST.
            let tls = of(&place, Asked::default(), |_| Some("/nowhere".to_owned()));
            let tls = tls.map(|tls| tls.is_some()).map_err(|failure| failure.message);
            assert_eq!(tls, Ok(expected));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let (ca, cert, key) = (("ca.pem", "ca.pem"), ("cert.pem", "client.pem"), ("key.pem", "client.key"));
        let other_key = ("key.pem", "server.key");
        for (files, name, expected) in [
            (&[][..], None, "there is no `ca.pem` for TLS in `"),
            (&[("ca.pem", "client.key")], None, "/ca.pem` cannot be used for TLS: there is no certificate"),
            (&[ca, cert], None, "there is no `key.pem` for TLS"),
            (&[ca, key], None, "there is no `cert.pem` for TLS"),
            (&[ca, ("cert.pem", "client.key"), key], None, "/cert.pem` cannot be used for TLS"),
            (&[ca, cert, other_key], None, "/key.pem` cannot be used for TLS: there is no key in PEM"),
            (&[ca], Some("a b"), "`a b` is no name of a server"),
        ] {
            let directory = directory(files);
            let error = read_for("tcp://h:1", directory.path(), name).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
        let address: Address = "unix:///x".parse().expect("it is an address");
        let asked = Asked { directory: Some(Path::new("/x")), server_name: None };
        let error = of(&address.into(), asked, |_| None).map_err(|failure| failure.message);
        assert!(error.is_err_and(|error| error.contains("--buildkit-tls is for tcp://HOST:PORT")));
    }
}
