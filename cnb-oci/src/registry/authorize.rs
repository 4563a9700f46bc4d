//! Requests say who is asking, to the registry and to nobody else.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ureq::http::HeaderValue;
use ureq::http::Method;
use ureq::http::header::AUTHORIZATION;
use ureq::http::header::WWW_AUTHENTICATE;

use super::Registry;
use super::access::Access;
use super::answer::Answer;
use super::challenge::Challenge;
use super::endpoint::Endpoint;
use super::error::Error;
use super::get_or_make;
use super::keychain::Credential;
use super::location;
use super::requester::Requester;
use super::transport::Content;
use super::transport::Request;

/// More redirects than registries need.
const MAX_REDIRECTS: usize = 10;

impl Registry {
    /// Makes a request. Where the registry does not accept the token any more, once more with a new one.
    pub(super) fn send_once(&self, access: &Access, request: &Request<'_>) -> Result<Answer, Error> {
        let endpoint = self.endpoint(access)?;
        let authorization = self.authorization(&endpoint, &endpoint.challenge(), access, None)?;
        let answer = self.follow(&endpoint, request, authorization.as_ref())?;
        let is_challenge = answer.status() == 401 && answer.headers().contains_key(WWW_AUTHENTICATE);
        if !is_challenge || !location::is_same_origin(&answer.uri, &endpoint.base) {
            return Ok(answer);
        }
        let challenge = Challenge::of(answer.headers());
        match self.authorization(&endpoint, &challenge, access, authorization.as_ref()) {
            Ok(Some(renewed)) if Some(&renewed) != authorization.as_ref() => {
                endpoint.learn(&challenge);
                answer.drain();
                self.follow(&endpoint, request, Some(&renewed))
            }
            // What the registry says of it is more to the point.
            Ok(_) | Err(Error::Challenge { .. }) => Ok(answer),
            Err(error) => Err(error),
        }
    }

    /// Makes a request and follows redirects. Only the first host gets the header `Authorization`.
    pub(super) fn follow(
        &self,
        endpoint: &Endpoint,
        request: &Request<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, Error> {
        let mut request = request.clone();
        let origin = request.uri.clone();
        for _ in 0..MAX_REDIRECTS {
            request.headers.remove(AUTHORIZATION);
            if let Some(authorization) =
                authorization.filter(|_| location::is_same_origin(&request.uri, &origin))
            {
                request.headers.insert(AUTHORIZATION, authorization.clone());
            }
            let answer = self.send_bytes(endpoint, &request)?;
            let is_redirect = matches!(answer.status(), 301 | 302 | 303 | 307 | 308);
            if !is_redirect || !matches!(request.method, Method::GET | Method::HEAD) {
                return Ok(answer);
            }
            request.uri = answer.location(&endpoint.base)?;
            answer.drain();
        }
        let (method, url) = (request.method.to_string(), location::shown(&origin));
        Err(Error::Protocol { method, url, reason: "there are too many redirects".to_owned() })
    }

    fn send_bytes(&self, endpoint: &Endpoint, request: &Request<'_>) -> Result<Answer, Error> {
        let mut body = request.body;
        let size = body.len() as u64;
        let content = match request.method {
            Method::GET | Method::HEAD | Method::DELETE => Content::Nothing,
            _ => Content::Sized(&mut body, size),
        };
        self.send_content(endpoint, request, content)
    }

    /// Makes a request with any content; there are no redirects.
    pub(super) fn send_content(
        &self,
        endpoint: &Endpoint,
        request: &Request<'_>,
        content: Content<'_>,
    ) -> Result<Answer, Error> {
        let response = self.shared.transport.send(request, content, endpoint.is_verified)?;
        Ok(Answer { method: request.method.clone(), uri: request.uri.clone(), response })
    }

    /// The value of the header `Authorization` for a challenge, another one than `stale` where there is one.
    pub(super) fn authorization(
        &self,
        endpoint: &Endpoint,
        challenge: &Challenge,
        access: &Access,
        stale: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, Error> {
        let credential = self.credential(access)?;
        match challenge {
            Challenge::None | Challenge::Basic => Ok(direct(&credential)),
            Challenge::Bearer(_) if matches!(*credential, Credential::Bearer(_)) => Ok(direct(&credential)),
            Challenge::Bearer(bearer) => self.token(endpoint, bearer, access, &credential, stale).map(Some),
            Challenge::Unknown(challenge) => {
                Err(Error::Challenge { registry: access.registry.clone(), challenge: challenge.clone() })
            }
        }
    }

    /// Says in the error of a refusal who was refused.
    pub(super) fn with_requester(&self, access: &Access, mut error: Error) -> Error {
        if let Error::Status { status: 401 | 403, source: source @ None, .. } = &mut error
            && let Ok(credential) = self.credential(access)
        {
            *source = Some(Box::new(Requester {
                registry: access.registry.clone(),
                repository: access.repository.clone(),
                is_anonymous: *credential == Credential::Anonymous,
            }));
        }
        error
    }

    fn credential(&self, access: &Access) -> Result<std::sync::Arc<Credential>, Error> {
        let key = (access.registry.clone(), access.repository.clone());
        get_or_make(&self.shared.credentials, key, || {
            let credential = self.shared.options.keychain.credential(&access.registry, &access.repository);
            credential.map_err(|source| Error::Keychain { registry: access.registry.clone(), source })
        })
    }
}

/// The header for a credential that needs no token service.
pub(super) fn direct(credential: &Credential) -> Option<HeaderValue> {
    match credential {
        Credential::Anonymous | Credential::IdentityToken(_) => None,
        Credential::Basic { username, password } => {
            secret("Basic", &BASE64_STANDARD.encode(format!("{username}:{password}")))
        }
        Credential::Bearer(token) => secret("Bearer", token),
    }
}

/// A header that is not shown; none when the value cannot be one.
pub(super) fn secret(scheme: &str, value: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("{scheme} {value}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}
