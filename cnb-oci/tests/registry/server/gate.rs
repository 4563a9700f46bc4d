//! Who may do something.

use std::net::SocketAddr;

use super::wire::Answer;
use super::wire::Head;

/// What a request must have.
#[derive(Default)]
pub(super) enum Gate {
    #[default]
    Open,
    /// This value of `Authorization`.
    Basic(String),
    /// A token that was given out and has not expired.
    Bearer { realm: String, secret: Option<String>, given: usize, expired: usize },
}

impl Gate {
    pub(super) fn basic(username: &str, password: &str) -> Self {
        Self::Basic(basic(&format!("{username}:{password}")))
    }

    pub(super) fn bearer(address: SocketAddr, secret: Option<&str>) -> Self {
        let (realm, secret) = (format!("http://{address}/token"), secret.map(str::to_owned));
        Self::Bearer { realm, secret, given: 0, expired: 0 }
    }

    pub(super) fn expire(&mut self) {
        if let Self::Bearer { given, expired, .. } = self {
            *expired = *given;
        }
    }

    /// What is answered instead of letting a request pass.
    pub(super) fn answer(&mut self, head: &Head, body: &[u8]) -> Option<Answer> {
        let authorization = head.header("authorization");
        match self {
            Self::Open => None,
            Self::Basic(expected) if authorization == Some(expected) => None,
            Self::Basic(_) => Some(refusal().with("WWW-Authenticate", r#"Basic realm="test""#)),
            Self::Bearer { secret, given, .. } if head.path() == "/token" => {
                let form = String::from_utf8_lossy(body);
                let is_known = secret.as_ref().is_none_or(|secret| {
                    authorization == Some(&basic(secret))
                        || form.contains(&format!("refresh_token={secret}&"))
                });
                if !is_known {
                    return Some(Answer::error(401, "UNAUTHORIZED", "who are you"));
                }
                *given += 1;
                Some(Answer::new(200).with_body("application/json", format!(r#"{{"token":"t{given}"}}"#)))
            }
            Self::Bearer { realm, given, expired, .. } => {
                let number = authorization.and_then(|value| value.strip_prefix("Bearer t")?.parse().ok());
                if number.is_some_and(|number: usize| number > *expired && number <= *given) {
                    return None;
                }
                let challenge = format!(r#"Bearer realm="{realm}",service="test""#);
                Some(refusal().with("WWW-Authenticate", &challenge))
            }
        }
    }
}

fn refusal() -> Answer {
    Answer::error(401, "UNAUTHORIZED", "authentication required")
}

fn basic(secret: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = "Basic ".to_owned();
    for bytes in secret.as_bytes().chunks(3) {
        let bits = (0..3).fold(0, |bits, i| bits << 8 | usize::from(*bytes.get(i).unwrap_or(&0)));
        for digit in 0..4 {
            let is_padding = digit > bytes.len();
            text.push(if is_padding { '=' } else { char::from(DIGITS[bits >> (18 - 6 * digit) & 63]) });
        }
    }
    text
}
