//! What reads answers of registries and is in no interface, for the fuzz targets of the repository. It may change with any
//! release.

use ureq::http::HeaderMap;
use ureq::http::HeaderValue;
use ureq::http::Method;
use ureq::http::Uri;
use ureq::http::header::WWW_AUTHENTICATE;

use super::answer;
use super::challenge::Challenge;
use super::location;

/// The token service and the scope that the values of `WWW-Authenticate` name, if they name one.
pub fn challenge<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<(String, Option<String>)> {
    let mut headers = HeaderMap::new();
    for value in values.into_iter().filter_map(|value| HeaderValue::from_bytes(value).ok()) {
        headers.append(WWW_AUTHENTICATE, value);
    }
    match Challenge::of(&headers) {
        Challenge::Bearer(bearer) => Some((bearer.realm, bearer.scope)),
        _ => None,
    }
}

/// What a person reads of the body of an answer that is an error.
pub fn message(body: &[u8]) -> String {
    answer::message(body)
}

/// Where a `Location` leads to that was the answer of a URL, and how both are shown with a secret added to it.
pub fn location(base: &str, location: &str, secret: &str) -> Option<[String; 2]> {
    let base: Uri = base.parse().ok()?;
    let uri = location::with_scheme_of(location::resolve(&base, location)?, &base);
    let with_secret = location::with_query(&Method::PUT, &uri, &[("secret", secret)]).ok()?;
    Some([uri.to_string(), location::shown(&with_secret)])
}
