//! HTTP requests, one answer each.

use std::io;
use std::io::Read;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use rustls::crypto::ring;
use ureq::Agent;
use ureq::Body;
use ureq::SendBody;
use ureq::http::HeaderMap;
use ureq::http::HeaderValue;
use ureq::http::Method;
use ureq::http::Response;
use ureq::http::Uri;
use ureq::http::header;
use ureq::tls::Certificate;
use ureq::tls::PemItem;
use ureq::tls::RootCerts;
use ureq::tls::TlsConfig;

use super::error::Error;
use super::location;
use super::options::Options;
use super::options::Proxy;

/// The time in which a connection must be there.
const CONNECT: Duration = Duration::from_secs(30);
/// The time for which nothing may happen: registries need long to put large blobs in their place.
const STALLED: Duration = Duration::from_secs(600);
/// What is read of an answer for nothing but the next request on the connection.
const DRAINED: u64 = 64 << 10;

/// A request that can be made any number of times.
#[derive(Clone, Debug)]
pub(super) struct Request<'b> {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: &'b [u8],
}

impl Request<'_> {
    pub(super) fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: HeaderMap::new(), body: &[] }
    }

    pub(super) fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// What is sent with a request.
pub(super) enum Content<'c> {
    /// Nothing, not even its length.
    Nothing,
    /// As many bytes as said.
    Sized(&'c mut dyn Read, u64),
    /// Bytes up to the end.
    Chunked(&'c mut dyn Read),
}

/// Connections with and without TLS. The certificates of the system are read when the first one needs them.
#[derive(Debug)]
pub(super) struct Transport {
    plain: Agent,
    verified: OnceLock<Agent>,
    unverified: OnceLock<Agent>,
    user_agent: String,
    https_proxy: Option<ureq::Proxy>,
    ca_certificates: Vec<Certificate<'static>>,
}

impl Transport {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let ca_certificates = certificates(&options.ca_certificates)
            .map_err(|source| Error::Setting { what: "the CA certificates", source: source.into() })?;
        let proxy = |url: &Option<String>| {
            url.as_ref().map(|url| proxy(url, &options.proxy)).transpose().map_err(|source| Error::Setting {
                what: "the proxy",
                // The error of the library has no part of the URL.
                source: source.into(),
            })
        };
        let https_proxy = proxy(&options.proxy.https)?;
        let plain = agent(&options.user_agent, proxy(&options.proxy.http)?, tls(&[], true));
        let user_agent = options.user_agent.clone();
        let (verified, unverified) = Default::default();
        Ok(Self { plain, verified, unverified, user_agent, https_proxy, ca_certificates })
    }

    /// Makes a request. Every answer is a success: redirects are not followed, errors not told apart.
    pub(super) fn send(
        &self,
        request: &Request<'_>,
        content: Content<'_>,
        is_verified: bool,
    ) -> Result<Response<Body>, Error> {
        let failed = |source: ureq::Error| Error::Connection {
            method: request.method.to_string(),
            url: location::shown(&request.uri),
            retryable: is_temporary(&source),
            source: source.into(),
        };
        let mut http = ureq::http::Request::new(());
        *http.method_mut() = request.method.clone();
        *http.uri_mut() = request.uri.clone();
        *http.headers_mut() = request.headers.clone();
        let agent = self.agent(&request.uri, is_verified);
        let answered = match content {
            Content::Nothing => agent.run(http),
            Content::Chunked(reader) => agent.run(http.map(|()| SendBody::from_reader(reader))),
            Content::Sized(reader, size) => {
                http.headers_mut().insert(header::CONTENT_LENGTH, size.into());
                agent.run(http.map(|()| SendBody::from_reader(reader)))
            }
        };
        answered.map_err(failed)
    }

    fn agent(&self, uri: &Uri, is_verified: bool) -> &Agent {
        if uri.scheme_str() != Some("https") {
            return &self.plain;
        }
        let slot = if is_verified { &self.verified } else { &self.unverified };
        slot.get_or_init(|| {
            let tls = if is_verified { verified(&self.ca_certificates) } else { tls(&[], false) };
            agent(&self.user_agent, self.https_proxy.clone(), tls)
        })
    }
}

/// Reads what is left of an answer, so that its connection can be used again.
pub(super) fn drain(response: Response<Body>) {
    // When it fails, there is a new connection.
    let _ = io::copy(&mut response.into_body().into_reader().take(DRAINED), &mut io::sink());
}

fn agent(user_agent: &str, proxy: Option<ureq::Proxy>, tls: TlsConfig) -> Agent {
    Agent::config_builder()
        .user_agent(user_agent)
        .proxy(proxy)
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(CONNECT))
        .timeout_per_read(Some(STALLED))
        .timeout_per_write(Some(STALLED))
        .build()
        .into()
}

fn verified(more: &[Certificate<'static>]) -> TlsConfig {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a certificate of the system cannot be read");
    }
    let system = found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned());
    let roots: Vec<_> = system.chain(more.iter().cloned()).collect();
    tls(&roots, true)
}

fn tls(roots: &[Certificate<'static>], is_verified: bool) -> TlsConfig {
    TlsConfig::builder()
        // Named here, because a process-wide default would be global state.
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(roots))
        .disable_verification(!is_verified)
        .build()
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, ureq::Error> {
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    };
    ureq::tls::parse_pem(pem).filter_map(certificate).collect()
}

/// The proxy of a URL. As in Go, a host without a dot in front stands for what is below it, too, and this machine
/// needs no proxy.
fn proxy(url: &str, options: &Proxy) -> Result<ureq::Proxy, ureq::Error> {
    let parsed = ureq::Proxy::new(url)?;
    let mut builder = ureq::Proxy::builder(parsed.protocol()).host(parsed.host()).port(parsed.port());
    if let Some(username) = parsed.username() {
        builder = builder.username(username);
    }
    if let Some(password) = parsed.password() {
        builder = builder.password(password);
    }
    for host in options.no_proxy.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        builder = builder.no_proxy(host);
        if !host.starts_with(['.', '*']) {
            builder = builder.no_proxy(&format!(".{host}"));
        }
    }
    ["localhost", "127.0.0.1", "::1"].into_iter().fold(builder, ureq::ProxyBuilder::no_proxy).build()
}

/// Whether the same request may have an answer later. Certificates do not change, names may. Where nobody listens is a
/// mistake more often than a restart, and whoever made it does not want to wait; the Go lifecycle does not try again either.
fn is_temporary(error: &ureq::Error) -> bool {
    use io::ErrorKind as E;
    match error {
        ureq::Error::Io(error) => {
            !matches!(error.kind(), E::ConnectionRefused | E::InvalidData | E::InvalidInput)
        }
        ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_)
        | ureq::Error::Protocol(_) => true,
        _ => false,
    }
}
