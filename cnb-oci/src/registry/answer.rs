//! The answer to a request.

use std::io::Read as _;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use ureq::Body;
use ureq::BodyReader;
use ureq::http::HeaderMap;
use ureq::http::Method;
use ureq::http::Response;
use ureq::http::Uri;
use ureq::http::header;

use super::error::Error;
use super::location;
use super::transport;

/// What is read of what a registry says about an error.
const MAX_MESSAGE_BODY: u64 = 64 << 10;
/// What of it is shown, in characters.
const MAX_MESSAGE: usize = 1000;

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) method: Method,
    /// Where it came from, after redirects.
    pub(super) uri: Uri,
    pub(super) response: Response<Body>,
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The URL, to be shown.
    pub(super) fn url(&self) -> String {
        location::shown(&self.uri)
    }

    /// The answer, when its status is one of these.
    pub(super) fn expect(self, expected: &[u16]) -> Result<Self, Error> {
        if expected.contains(&self.status()) { Ok(self) } else { Err(self.into_error()) }
    }

    pub(super) fn into_error(self) -> Error {
        let (method, url, status) = (self.method.to_string(), self.url(), self.status());
        let retry_after = self.header(header::RETRY_AFTER).and_then(|value| value.trim().parse().ok());
        let retry_after = retry_after.map(Duration::from_secs);
        let reason = self.response.status().canonical_reason().unwrap_or_default();
        let mut body = Vec::new();
        // What came before a failure is better than nothing.
        let _ = self.response.into_body().into_reader().take(MAX_MESSAGE_BODY).read_to_end(&mut body);
        let said = message(&body);
        let message = if said.is_empty() { reason.to_owned() } else { said };
        Error::Status { method, url, status, message, retry_after, source: None }
    }

    /// An error about this answer.
    pub(super) fn protocol_error(&self, reason: impl Into<String>) -> Error {
        Error::Protocol { method: self.method.to_string(), url: self.url(), reason: reason.into() }
    }

    /// The absolute URL of `Location`. A registry behind a proxy may not know that it is reached through TLS, so
    /// its own URLs have the scheme of `base`.
    pub(super) fn location(&self, base: &Uri) -> Result<Uri, Error> {
        let location =
            self.header(header::LOCATION).ok_or_else(|| self.protocol_error("there is no `Location`"))?;
        let resolved = location::resolve(&self.uri, location);
        let resolved = resolved.ok_or_else(|| self.protocol_error("its `Location` is no URL"))?;
        Ok(location::with_scheme_of(resolved, base))
    }

    /// The whole body, verified to be no longer than `limit` bytes.
    pub(super) fn bytes(self, limit: u64) -> Result<Bytes, Error> {
        let (method, url) = (self.method.to_string(), self.url());
        let mut bytes = Vec::new();
        let mut reader = self.response.into_body().into_reader().take(limit + 1);
        if let Err(source) = reader.read_to_end(&mut bytes) {
            return Err(Error::Connection { method, url, retryable: true, source: source.into() });
        }
        if bytes.len() as u64 > limit { Err(Error::Large { url, limit }) } else { Ok(bytes.into()) }
    }

    pub(super) fn into_reader(self) -> BodyReader<'static> {
        self.response.into_body().into_reader()
    }

    /// Reads what is left, so that the connection can be used again.
    pub(super) fn drain(self) {
        transport::drain(self.response);
    }
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: Value,
    #[serde(default)]
    message: Value,
    #[serde(default)]
    detail: Value,
}

/// What a registry says, in one line. Source: "Error Codes" of the OCI distribution specification; token services
/// use other forms, which are shown as they are.
pub(super) fn message(body: &[u8]) -> String {
    let text = match serde_json::from_slice(body) {
        Ok(Errors { errors }) => errors.iter().map(line).collect::<Vec<_>>().join("; "),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    // Nothing of it may act on a terminal.
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(MAX_MESSAGE).collect()
}

fn line(error: &OneError) -> String {
    let mut parts = [&error.code, &error.message].map(text).to_vec();
    parts.retain(|part| !part.is_empty());
    let line = parts.join(": ");
    let detail = text(&error.detail);
    if detail.is_empty() { line } else { format!("{line} ({detail})") }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => String::new(),
        Value::Object(values) if values.is_empty() => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_registries_say_is_one_line() {
        for (body, expected) in [
            (
                r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"1"}}]}"#,
                r#"MANIFEST_UNKNOWN: manifest unknown ({"Tag":"1"})"#,
            ),
            (
                r#"{"errors":[{"code":"A","message":"b","detail":null},{"code":"C","detail":"d"}]}"#,
                "A: b; C (d)",
            ),
            (r#"{"errors":[{"code":"A","message":"b","detail":[]}]}"#, "A: b"),
            (r#"{"details":"bad token"}"#, r#"{"details":"bad token"}"#),
            ("<h1>\n  502\u{1b}[31m Bad\tGateway</h1>\n", "<h1> 502 [31m Bad Gateway</h1>"),
            ("", ""),
        ] {
            assert_eq!(message(body.as_bytes()), expected);
        }
        assert_eq!(message("x".repeat(5000).as_bytes()).len(), MAX_MESSAGE);
    }
}
