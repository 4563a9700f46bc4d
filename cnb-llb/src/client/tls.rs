//! TLS.

use tonic::transport::Certificate;
use tonic::transport::ClientTlsConfig;
use tonic::transport::Endpoint;
use tonic::transport::Identity;

use super::Address;

/// Whom to trust, and who this is. All of it in PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    config: ClientTlsConfig,
}

impl Tls {
    /// Trusts the servers whose certificates this authority signed.
    pub fn new(authority: impl AsRef<[u8]>) -> Self {
        Self { config: ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority)) }
    }

    /// Shows a certificate to the server.
    #[must_use]
    pub fn with_identity(mut self, certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.config = self.config.identity(Identity::from_pem(certificate, key));
        self
    }

    /// Expects the certificate of another name than the host's.
    #[must_use]
    pub fn with_server_name(mut self, name: impl Into<String>) -> Self {
        self.config = self.config.domain_name(name);
        self
    }

    /// The name in the address is what the certificate of the server is for.
    pub(super) fn endpoint(
        self,
        address: &Address,
    ) -> Result<Endpoint, Box<dyn std::error::Error + Send + Sync>> {
        let Address::Tcp(host) = address else {
            return Err("TLS is for tcp:// alone".into());
        };
        Ok(Endpoint::try_from(format!("https://{host}"))?.tls_config(self.config)?)
    }
}
