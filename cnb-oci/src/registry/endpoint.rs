//! Where a registry is, and what it asks for first.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use ureq::http::Method;
use ureq::http::Uri;

use super::Registry;
use super::access::Access;
use super::challenge::Challenge;
use super::error::Error;
use super::get_or_make;
use super::transport::Request;

/// A registry that has answered.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// Scheme and authority.
    pub(super) base: Uri,
    /// Whether its certificate must be valid.
    pub(super) is_verified: bool,
    challenge: Mutex<Challenge>,
}

impl Endpoint {
    /// What it asks for.
    pub(super) fn challenge(&self) -> Challenge {
        self.lock().clone()
    }

    /// Remembers what is asked for by a registry that asked for nothing at first.
    pub(super) fn learn(&self, challenge: &Challenge) {
        let mut known = self.lock();
        if *known == Challenge::None {
            *known = challenge.clone().without_scope();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Challenge> {
        self.challenge.lock().expect("nothing panics while it holds this lock")
    }
}

impl Registry {
    /// The registry of a repository: asked what it wants once.
    pub(super) fn endpoint(&self, access: &Access) -> Result<Arc<Endpoint>, Error> {
        let Access { registry, repository, .. } = access;
        let image = format!("{registry}/{repository}");
        let is_insecure = self.shared.options.insecure.iter().any(|prefix| image.starts_with(prefix));
        get_or_make(&self.shared.endpoints, (registry.clone(), is_insecure), || {
            self.find(registry, is_insecure, is_insecure || is_private(registry))
        })
    }

    /// A URL of a repository.
    pub(super) fn url(&self, access: &Access, path: &str) -> Result<Uri, Error> {
        let base = &self.endpoint(access)?.base;
        parse_url(
            base.scheme_str().unwrap_or_default(),
            &access.registry,
            &format!("{}/{path}", access.repository),
        )
    }

    fn find(&self, registry: &str, is_insecure: bool, may_be_plain: bool) -> Result<Endpoint, Error> {
        let secure = self.ping("https", registry, !is_insecure);
        match secure {
            Err(Error::Connection { .. }) if may_be_plain => match self.ping("http", registry, false) {
                // A server that speaks TLS says so with 400: then the first error tells more.
                Err(error @ Error::Status { status, .. }) if status != 400 => Err(error),
                Err(_) => secure,
                found => found,
            },
            found => found,
        }
    }

    fn ping(&self, scheme: &str, registry: &str, is_verified: bool) -> Result<Endpoint, Error> {
        let challenge = Mutex::new(Challenge::None);
        let endpoint = Endpoint { base: parse_url(scheme, registry, "")?, is_verified, challenge };
        let request = Request::new(Method::GET, endpoint.base.clone());
        let answer = self.follow(&endpoint, &request, None)?.expect(&[200, 401])?;
        if answer.status() == 401 {
            endpoint.learn(&Challenge::of(answer.headers()));
        }
        answer.drain();
        Ok(endpoint)
    }
}

fn parse_url(scheme: &str, registry: &str, path: &str) -> Result<Uri, Error> {
    format!("{scheme}://{registry}/v2/{path}").parse().map_err(|source: ureq::http::uri::InvalidUri| {
        Error::Setting { what: "the name of the registry", source: source.into() }
    })
}

/// Whether the name is one of this machine or of a private network. Source: `pkg/name/registry.go` of
/// go-containerregistry.
fn is_private(registry: &str) -> bool {
    let Ok(uri) = format!("http://{registry}").parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    match host.parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_loopback(),
        Err(_) => match host.rsplit_once('.') {
            Some((_, last)) => matches!(last, "local" | "localhost"),
            None => host == "localhost",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_names_may_be_plain() {
        for (registry, expected) in [
            ("localhost", true),
            ("localhost:5000", true),
            ("a.localhost:5000", true),
            ("nas.local", true),
            ("127.0.0.1:5000", true),
            ("127.9.9.9", true),
            ("[::1]:5000", true),
            ("10.1.2.3:80", true),
            ("172.16.0.1", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("8.8.8.8", false),
            ("[fe80::1]", false),
            ("registry.test", false),
            ("local", false),
            ("notlocalhost", false),
            ("localhost.test", false),
            ("index.docker.io", false),
        ] {
            assert_eq!(is_private(registry), expected, "{registry}");
        }
    }
}
