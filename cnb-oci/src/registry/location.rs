//! URLs that registries answer with, and those of their parts.

use std::fmt::Write as _;

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use ureq::http::Method;
use ureq::http::Uri;

use super::error::Error;

/// What needs no escape in a query: the unreserved characters of RFC 3986.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A `Location` against the URL that it is the answer to, RFC 3986 section 5.2. There are no dot segments in
/// what registries send.
pub(super) fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let text = if location.starts_with("http://") || location.starts_with("https://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{}{location}", base.path())
    } else if location.is_empty() || location.split('/').next().is_some_and(|first| first.contains(':')) {
        return None;
    } else {
        let directory = base.path().rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{scheme}://{authority}{directory}/{location}")
    };
    text.parse().ok()
}

/// The URL with more parameters, for a request.
pub(super) fn with_query(method: &Method, uri: &Uri, parameters: &[(&str, &str)]) -> Result<Uri, Error> {
    let mut text = uri.to_string();
    for (name, value) in parameters {
        let separator = if text.contains('?') { '&' } else { '?' };
        write!(text, "{separator}{}", pair(name, value)).expect("writing to a string cannot fail");
    }
    text.parse().map_err(|_| Error::Protocol {
        method: method.to_string(),
        url: shown(uri),
        reason: "the registry's URL is too long".to_owned(),
    })
}

/// The URL with the scheme of `base`, if both are of the same host.
pub(super) fn with_scheme_of(uri: Uri, base: &Uri) -> Uri {
    if uri.scheme() == base.scheme() || uri.authority() != base.authority() {
        return uri;
    }
    let mut parts = uri.into_parts();
    parts.scheme = base.scheme().cloned();
    Uri::from_parts(parts).expect("it has all its parts")
}

/// Parameters in a body, `application/x-www-form-urlencoded`.
pub(super) fn form(parameters: &[(&str, &str)]) -> String {
    parameters.iter().map(|(name, value)| pair(name, value)).collect::<Vec<_>>().join("&")
}

/// A URL that can be shown: without query and user.
pub(super) fn shown(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let port = uri.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}://{}{port}{}", uri.host().unwrap_or_default(), uri.path())
}

/// Whether both are the same scheme, host and port; a port that is missing is that of the scheme.
pub(super) fn is_same_origin(a: &Uri, b: &Uri) -> bool {
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    a.scheme() == b.scheme() && host(a) == host(b) && port(a) == port(b)
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or(match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    })
}

fn pair(name: &str, value: &str) -> String {
    format!("{}={}", utf8_percent_encode(name, QUERY), utf8_percent_encode(value, QUERY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().expect(text)
    }

    #[test]
    fn locations_are_resolved() {
        let base = uri("https://registry.test:5000/v2/app/blobs/uploads/?mount=x");
        for (location, expected) in [
            ("/v2/app/1?_state=a%3D", "https://registry.test:5000/v2/app/1?_state=a%3D"),
            ("https://other.test/x?y=z#f", "https://other.test/x?y=z"),
            ("//other.test/x", "https://other.test/x"),
            ("1?a=b", "https://registry.test:5000/v2/app/blobs/uploads/1?a=b"),
            ("?a=b", "https://registry.test:5000/v2/app/blobs/uploads/?a=b"),
        ] {
            assert_eq!(resolve(&base, location), Some(uri(expected)), "{location}");
        }
        for location in ["", "ftp://other.test/x", "file:/etc/passwd", "https://", "/a b"] {
            assert_eq!(resolve(&base, location), None, "{location}");
        }
    }

    #[test]
    fn parameters_are_escaped_and_never_shown() {
        let with = |base: &str, parameters: &[_]| with_query(&Method::PUT, &uri(base), parameters);
        let long = format!("https://r.test/u?{}", "x".repeat(65_500));
        let error = with(&long, &[("digest", "sha256:ab")]).expect_err("too long").to_string();
        assert!(error.starts_with("PUT https://r.test/u: "), "{error}");
        let with = with("https://r.test/u?_state=a%3D", &[("digest", "sha256:ab"), ("x", "&=")]);
        let with = with.expect("a URL");
        assert_eq!(with.to_string(), "https://r.test/u?_state=a%3D&digest=sha256%3Aab&x=%26%3D");
        assert_eq!(shown(&with), "https://r.test/u");
        assert_eq!(shown(&uri("http://me:secret@r.test:1/u")), "http://r.test:1/u");
        assert_eq!(form(&[("a", "b c"), ("d", "é")]), "a=b%20c&d=%C3%A9");
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        let a = uri("https://r.test/a");
        for (b, same) in [
            ("https://R.test:443/b", true),
            ("http://r.test/a", false),
            ("https://r.test:444/a", false),
            ("https://other.test/a", false),
        ] {
            assert_eq!(is_same_origin(&a, &uri(b)), same, "{b}");
        }
    }

    #[test]
    fn a_registry_has_one_scheme() {
        let base = uri("https://r.test:5000");
        for (location, expected) in [
            ("http://r.test:5000/u?s=1", "https://r.test:5000/u?s=1"),
            ("http://other.test/u", "http://other.test/u"),
        ] {
            assert_eq!(with_scheme_of(uri(location), &base), uri(expected));
        }
    }
}
