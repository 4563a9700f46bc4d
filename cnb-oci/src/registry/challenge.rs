//! What a registry asks for before it answers.
//!
//! Source: RFC 9110 section 11, and "Token Authentication Specification" of Docker's distribution.

use http_auth::ChallengeParser;
use ureq::http::HeaderMap;
use ureq::http::header::WWW_AUTHENTICATE;

/// An authentication.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Challenge {
    /// No authentication.
    None,
    /// User and password.
    Basic,
    /// A token of a token service.
    Bearer(Bearer),
    /// Another one.
    Unknown(String),
}

/// A token service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Bearer {
    /// Its URL.
    pub(super) realm: String,
    /// The name that it knows the registry by.
    pub(super) service: Option<String>,
    /// What the token must allow.
    pub(super) scope: Option<String>,
}

impl Challenge {
    /// The first that is known. No challenge at all with status 401 means user and password, as in
    /// go-containerregistry.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let texts: Vec<&str> =
            headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).collect();
        let parsed: Vec<Self> = texts.iter().flat_map(|text| parse(text)).collect();
        let known = parsed.into_iter().find(|challenge| !matches!(challenge, Self::Unknown(_)));
        match known {
            Some(challenge) => challenge,
            None if texts.is_empty() => Self::Basic,
            None => Self::Unknown(texts.join(", ").chars().filter(|c| !c.is_control()).collect()),
        }
    }

    /// The challenge of a registry as a whole. What some registries name as the scope there is an example.
    pub(super) fn without_scope(self) -> Self {
        match self {
            Self::Bearer(bearer) => Self::Bearer(Bearer { scope: None, ..bearer }),
            other => other,
        }
    }
}

fn parse(text: &str) -> Vec<Challenge> {
    ChallengeParser::new(text)
        .map_while(Result::ok)
        .map(|challenge| {
            let parameter = |wanted: &str| {
                let found = challenge.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                found.map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                return Challenge::Basic;
            }
            match parameter("realm") {
                Some(realm) if challenge.scheme.eq_ignore_ascii_case("bearer") => {
                    let (service, scope) = (parameter("service"), parameter("scope"));
                    Challenge::Bearer(Bearer { realm, service, scope })
                }
                _ => Challenge::Unknown(challenge.scheme.to_owned()),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_challenge_counts() {
        let bearer = |scope: Option<&str>| {
            Challenge::Bearer(Bearer {
                realm: "https://auth.test/token".to_owned(),
                service: Some("registry".to_owned()),
                scope: scope.map(str::to_owned),
            })
        };
        let cases: [(&[&str], Challenge); 7] = [
            (&[r#"Basic realm="x""#], Challenge::Basic),
            (&[r#"bearer realm="https://auth.test/token",service="registry""#], bearer(None)),
            (
                &[
                    r#"Bearer Realm="https://auth.test/token",service="registry",scope="repository:a:pull,push""#,
                ],
                bearer(Some("repository:a:pull,push")),
            ),
            (&["Negotiate", r#"Basic realm="x""#], Challenge::Basic),
            (
                &[r#"Bearer service="no realm""#],
                Challenge::Unknown(r#"Bearer service="no realm""#.to_owned()),
            ),
            (&["Negotiate"], Challenge::Unknown("Negotiate".to_owned())),
            (&[], Challenge::Basic),
        ];
        for (texts, expected) in cases {
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(WWW_AUTHENTICATE, text.parse().expect("a value"));
            }
            assert_eq!(Challenge::of(&headers), expected, "{texts:?}");
        }
    }
}
