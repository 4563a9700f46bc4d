//! Credentials for registries.

use std::fmt;
use std::sync::Arc;

use tonic::Request;
use tonic::Response;
use tonic::Status;

use super::serve::internal;
use crate::pb::filesync;
use crate::pb::filesync::auth_server;

/// Who to be at a registry.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Credentials {
    /// The name; empty if `secret` is an identity token.
    pub username: String,
    /// The password or identity token.
    pub secret: String,
}

/// Why credentials cannot be had. It is shown to people, so it must hold no secret.
pub type KeychainError = Box<dyn std::error::Error + Send + Sync>;

/// Where credentials come from.
///
/// ```
/// use cnb_llb::session::Credentials;
/// use cnb_llb::session::Keychain;
/// use cnb_llb::session::KeychainError;
///
/// struct Own(String);
///
/// #[tonic::async_trait] // The macro of the crate `async-trait` is the same.
/// impl Keychain for Own {
///     async fn credentials(&self, host: &str) -> Result<Option<Credentials>, KeychainError> {
///         let own = Credentials { username: "me".to_owned(), secret: self.0.clone() };
///         Ok((host == "registry.example.com").then_some(own))
///     }
/// }
/// ```
#[tonic::async_trait]
pub trait Keychain: Send + Sync {
    /// Who to be at a registry, for example `localhost:5000`; none to be nobody. The host of Docker Hub is
    /// `registry-1.docker.io`.
    ///
    /// # Errors
    /// When nobody can tell. What needs the registry fails then, with this error in words.
    async fn credentials(&self, host: &str) -> Result<Option<Credentials>, KeychainError>;
}

pub(crate) struct Auth(Option<Arc<dyn Keychain>>);

impl Auth {
    pub(crate) fn new(keychain: Option<Arc<dyn Keychain>>) -> Self {
        Self(keychain)
    }
}

/// BuildKit gets the tokens: that it may is what a client says that has no authority of its own.
#[tonic::async_trait]
impl auth_server::Auth for Auth {
    async fn credentials(
        &self,
        request: Request<filesync::CredentialsRequest>,
    ) -> Result<Response<filesync::CredentialsResponse>, Status> {
        let host = request.into_inner().host;
        let found = match &self.0 {
            Some(keychain) => keychain.credentials(&host).await.map_err(|error| internal(error.as_ref()))?,
            None => None,
        };
        let Credentials { username, secret } = found.unwrap_or_default();
        Ok(Response::new(filesync::CredentialsResponse { username, secret }))
    }

    async fn fetch_token(
        &self,
        _: Request<filesync::FetchTokenRequest>,
    ) -> Result<Response<filesync::FetchTokenResponse>, Status> {
        Err(no_tokens())
    }

    async fn get_token_authority(
        &self,
        _: Request<filesync::GetTokenAuthorityRequest>,
    ) -> Result<Response<filesync::GetTokenAuthorityResponse>, Status> {
        Err(no_tokens())
    }

    async fn verify_token_authority(
        &self,
        _: Request<filesync::VerifyTokenAuthorityRequest>,
    ) -> Result<Response<filesync::VerifyTokenAuthorityResponse>, Status> {
        Err(no_tokens())
    }
}

fn no_tokens() -> Status {
    Status::unavailable("client side tokens disabled")
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}
