//! Tokens of token services.
//!
//! Source: "Token Authentication Specification" and "OAuth 2 Token Authentication" of Docker's distribution.

use std::sync::Arc;
use std::sync::PoisonError;

use serde::Deserialize;
use ureq::http::HeaderValue;
use ureq::http::Method;
use ureq::http::Uri;
use ureq::http::header::CONTENT_TYPE;

use super::Registry;
use super::access::Access;
use super::answer::Answer;
use super::authorize::direct;
use super::authorize::secret;
use super::challenge::Bearer;
use super::endpoint::Endpoint;
use super::error::Error;
use super::keychain::Credential;
use super::location;
use super::slot;
use super::transport::Request;

/// The longest answer of a token service, in bytes.
const MAX_TOKEN: u64 = 64 << 10;

/// The value of the header `Authorization`; its `Debug` does not show it.
#[derive(Debug)]
pub(super) struct Token(HeaderValue);

/// A token service, and what it is asked for.
struct Service<'s> {
    realm: Uri,
    name: Option<&'s str>,
    scopes: Vec<&'s str>,
}

impl Registry {
    /// A token for a bearer challenge: the one that is there, unless it is `stale`. Threads that need the same
    /// one wait for each other.
    pub(super) fn token(
        &self,
        endpoint: &Endpoint,
        challenge: &Bearer,
        access: &Access,
        credential: &Credential,
        stale: Option<&HeaderValue>,
    ) -> Result<HeaderValue, Error> {
        let slot = slot(&self.shared.tokens, (access.registry.clone(), access.scopes.clone()));
        let mut token = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = token.as_ref().filter(|token| Some(&token.0) != stale) {
            return Ok(token.0.clone());
        }
        *token = None;
        let service = service(endpoint, challenge, access)?;
        let made = self.fetch(endpoint, &service, credential)?;
        *token = Some(Arc::new(Token(made.clone())));
        Ok(made)
    }

    fn fetch(
        &self,
        endpoint: &Endpoint,
        service: &Service<'_>,
        credential: &Credential,
    ) -> Result<HeaderValue, Error> {
        let answer = match credential {
            Credential::IdentityToken(token) => {
                let answer = self.exchange(endpoint, service, token)?;
                // Token services need not know OAuth 2.
                if matches!(answer.status(), 404 | 405) { self.ask(endpoint, service, None)? } else { answer }
            }
            credential => self.ask(endpoint, service, direct(credential).as_ref())?,
        };
        let answer = answer.expect(&[200])?;
        let no_token = answer.protocol_error("there is no token in it");
        let url = answer.url();
        let document: Document = serde_json::from_slice(&answer.bytes(MAX_TOKEN)?)
            .map_err(|source| Error::Json { url, source })?;
        let text =
            [document.token, document.access_token].into_iter().flatten().find(|text| !text.is_empty());
        text.and_then(|text| secret("Bearer", &text)).ok_or(no_token)
    }

    fn ask(
        &self,
        endpoint: &Endpoint,
        service: &Service<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, Error> {
        let name = service.name.map(|name| ("service", name));
        let scopes = service.scopes.iter().map(|&scope| ("scope", scope));
        let parameters: Vec<_> = name.into_iter().chain(scopes).collect();
        let uri = location::with_query(&Method::GET, &service.realm, &parameters)?;
        self.follow(endpoint, &Request::new(Method::GET, uri), authorization)
    }

    fn exchange(&self, endpoint: &Endpoint, service: &Service<'_>, token: &str) -> Result<Answer, Error> {
        let scope = service.scopes.join(" ");
        let mut parameters = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", &self.shared.options.user_agent),
            ("scope", &scope),
        ];
        parameters.extend(service.name.map(|name| ("service", name)));
        let body = location::form(&parameters);
        let request = Request { body: body.as_bytes(), ..Request::new(Method::POST, service.realm.clone()) };
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        self.follow(endpoint, &request.with_header(CONTENT_TYPE, form), None)
    }
}

/// What a challenge points to. A registry with TLS may not send credentials through the open.
fn service<'s>(endpoint: &Endpoint, challenge: &'s Bearer, access: &'s Access) -> Result<Service<'s>, Error> {
    let Bearer { realm, service, scope } = challenge;
    let is_allowed = |realm: &Uri| match realm.scheme_str() {
        Some("https") => true,
        Some("http") => endpoint.base.scheme_str() == Some("http"),
        _ => false,
    };
    let realm = realm.parse().ok().filter(is_allowed).ok_or_else(|| Error::Challenge {
        registry: access.registry.clone(),
        challenge: "a token service without TLS".to_owned(),
    })?;
    let mut scopes: Vec<&str> = access.scopes.iter().map(String::as_str).collect();
    // Some token services look at the first alone, and the registry knows best what it needs.
    if let Some(scope) = scope.as_deref().filter(|scope| !scope.is_empty() && !scopes.contains(scope)) {
        scopes.insert(0, scope);
    }
    Ok(Service { realm, name: service.as_deref(), scopes })
}

#[derive(Deserialize)]
struct Document {
    token: Option<String>,
    access_token: Option<String>,
}
