//! TLS.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// Whom to trust, and who this is. All of it in PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    authorities: Arc<RootCertStore>,
    config: ClientConfig,
    server_name: Option<ServerName<'static>>,
}

pub(super) type Stream = tokio_rustls::client::TlsStream<TcpStream>;

/// What certificates, keys and names cannot be used for TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTls {
    /// There is no certificate of an authority.
    #[error("there is no certificate of an authority in PEM")]
    Authority(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// There is no certificate to show.
    #[error("there is no certificate in PEM")]
    Certificate(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// There is no key, or it is not that of the certificate.
    #[error("there is no key in PEM that is that of the certificate")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No server can have the name.
    #[error("`{0}` is no name of a server")]
    ServerName(String),
}

impl Tls {
    /// Trusts the servers whose certificates one of these authorities signed.
    ///
    /// # Errors
    /// When there is no certificate of an authority among them.
    pub fn new(authorities: impl AsRef<[u8]>) -> Result<Self, InvalidTls> {
        let mut store = RootCertStore::empty();
        for certificate in certificates(authorities.as_ref(), InvalidTls::Authority)? {
            store.add(certificate).map_err(|error| InvalidTls::Authority(Some(error.into())))?;
        }
        let authorities = Arc::new(store);
        let config = trusting(&authorities).with_no_client_auth();
        Ok(Self { authorities, config, server_name: None })
    }

    /// Shows a certificate to the server, with those between it and the authority.
    ///
    /// # Errors
    /// When there is no certificate, or no key that is that of the first one.
    pub fn with_identity(
        self,
        certificate: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, InvalidTls> {
        let chain = certificates(certificate.as_ref(), InvalidTls::Certificate)?;
        let key =
            PrivateKeyDer::from_pem_slice(key.as_ref()).map_err(|error| InvalidTls::Key(error.into()))?;
        let config = trusting(&self.authorities).with_client_auth_cert(chain, key);
        Ok(Self { config: config.map_err(|error| InvalidTls::Key(error.into()))?, ..self })
    }

    /// Expects the certificate of another name than the host's.
    ///
    /// # Errors
    /// When it is neither a name nor an address that a server can have.
    pub fn with_server_name(self, name: &str) -> Result<Self, InvalidTls> {
        Ok(Self { server_name: Some(server_name(name)?), ..self })
    }

    /// A connection for a protocol of a name that ALPN has, over one to `HOST:PORT`. The certificate of the server has to be
    /// for that host, unless another name was given.
    pub(super) async fn over(&self, stream: TcpStream, host: &str, protocol: &[u8]) -> io::Result<Stream> {
        let mut config = self.config.clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => server_name(without_port(host)).map_err(io::Error::other)?,
        };
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

type Builder =
    tokio_rustls::rustls::ConfigBuilder<ClientConfig, tokio_rustls::rustls::client::WantsClientCert>;

fn trusting(authorities: &Arc<RootCertStore>) -> Builder {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has ciphers for them")
        .with_root_certificates(Arc::clone(authorities))
}

fn certificates(
    pem: &[u8],
    invalid: impl Fn(Option<Box<dyn std::error::Error + Send + Sync>>) -> InvalidTls,
) -> Result<Vec<CertificateDer<'static>>, InvalidTls> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Err(error) => Err(invalid(Some(error.into()))),
        Ok(found) if found.is_empty() => Err(invalid(None)),
        Ok(found) => Ok(found),
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, InvalidTls> {
    ServerName::try_from(name.to_owned()).map_err(|_| InvalidTls::ServerName(name.to_owned()))
}

/// An IPv6 address with a port has brackets.
fn without_port(host: &str) -> &str {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHORITY: &str = include_str!("../../tests/tls/ca.pem");
    const CERTIFICATE: &str = include_str!("../../tests/tls/client.pem");
    const KEY: &str = include_str!("../../tests/tls/client.key");
    const OTHER_KEY: &str = include_str!("../../tests/tls/server.key");

    #[test]
    fn what_is_wrong_is_said() {
        let tls = || Tls::new(AUTHORITY).expect("it is an authority");
        assert!(matches!(Tls::new("no PEM"), Err(InvalidTls::Authority(None))));
        assert!(matches!(Tls::new(KEY), Err(InvalidTls::Authority(None))));
        assert!(matches!(tls().with_identity("", KEY), Err(InvalidTls::Certificate(None))));
        assert!(matches!(tls().with_identity(CERTIFICATE, ""), Err(InvalidTls::Key(_))));
        assert!(matches!(tls().with_identity(CERTIFICATE, OTHER_KEY), Err(InvalidTls::Key(_))));
        assert!(matches!(tls().with_server_name("a b"), Err(InvalidTls::ServerName(_))));
        assert!(tls().with_identity(CERTIFICATE, KEY).is_ok());
    }

    #[test]
    fn hosts_are_without_ports() {
        for (host, expected) in [("a.b:1", "a.b"), ("[::1]:1", "::1"), ("127.0.0.1:1", "127.0.0.1")] {
            assert_eq!(without_port(host), expected);
            assert!(server_name(expected).is_ok(), "{expected}");
        }
    }
}
