//! Secrets.

use std::collections::BTreeMap;
use std::sync::Arc;

use tonic::Request;
use tonic::Response;
use tonic::Status;

use super::serve::internal;
use crate::pb::secrets::GetSecretRequest;
use crate::pb::secrets::GetSecretResponse;
use crate::pb::secrets::secrets_server;

/// The largest secret that BuildKit takes, in bytes.
const LIMIT: usize = 500 * 1024;

/// Why a secret cannot be had. It is shown to people, so it must hold no secret.
pub type SecretError = Box<dyn std::error::Error + Send + Sync>;

/// Where secrets come from: a map of them by identifier, or something of one's own.
///
/// ```
/// use cnb_llb::session::SecretError;
/// use cnb_llb::session::Secrets;
///
/// struct Directory(std::path::PathBuf);
///
/// #[tonic::async_trait] // The macro of the crate `async-trait` is the same.
/// impl Secrets for Directory {
///     async fn secret(&self, id: &str) -> Result<Option<Vec<u8>>, SecretError> {
///         Ok(if id == "token" { Some(std::fs::read(self.0.join(id))?) } else { None })
///     }
/// }
/// ```
#[tonic::async_trait]
pub trait Secrets: Send + Sync {
    /// The secret of this identifier, if there is one; at most 500 KiB, or BuildKit does not take it.
    ///
    /// # Errors
    /// When nobody can tell. What needs the secret fails then, with this error in words.
    async fn secret(&self, id: &str) -> Result<Option<Vec<u8>>, SecretError>;
}

#[tonic::async_trait]
impl Secrets for BTreeMap<String, Vec<u8>> {
    async fn secret(&self, id: &str) -> Result<Option<Vec<u8>>, SecretError> {
        Ok(self.get(id).cloned())
    }
}

pub(crate) struct SecretStore(Option<Arc<dyn Secrets>>);

impl SecretStore {
    pub(crate) fn new(secrets: Option<Arc<dyn Secrets>>) -> Self {
        Self(secrets)
    }
}

#[tonic::async_trait]
impl secrets_server::Secrets for SecretStore {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.into_inner().id;
        let found = match &self.0 {
            Some(secrets) => secrets.secret(&id).await.map_err(|error| internal(error.as_ref()))?,
            None => None,
        };
        match found {
            Some(data) if data.len() > LIMIT => {
                Err(Status::invalid_argument(format!("secret {id} is larger than {LIMIT} bytes")))
            }
            Some(data) => Ok(Response::new(GetSecretResponse { data })),
            None => Err(Status::not_found(format!("secret {id} not found"))),
        }
    }
}
