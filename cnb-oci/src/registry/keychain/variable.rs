//! The variable `CNB_REGISTRY_AUTH`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::GeneralPurpose;
use base64::engine::GeneralPurposeConfig;

use super::Credential;
use super::Keychain;
use super::KeychainError;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The credentials of `CNB_REGISTRY_AUTH`: a JSON object with a header value for each registry, `Basic`, `Bearer`
/// or `X-Identity`.
///
/// Source: "Registry Authentication" of the Platform specification; `X-Identity` is the Go lifecycle's.
#[derive(Clone, Debug, Default)]
pub struct AuthVariable(BTreeMap<String, Credential>);

impl AuthVariable {
    /// Reads the value of the variable.
    ///
    /// # Errors
    /// [`KeychainError::Variable`].
    pub fn parse(value: &str) -> Result<Self, KeychainError> {
        let headers: BTreeMap<String, String> =
            serde_json::from_str(value).map_err(|_| invalid("it is no JSON object of strings"))?;
        let parse = |(registry, header): (String, String)| match credential(&header) {
            Some(credential) => Ok((super::docker::host(&registry).to_owned(), credential)),
            None => Err(invalid(format!("the value for {registry} is not a header that is known"))),
        };
        headers.into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }
}

impl Keychain for AuthVariable {
    fn credential(&self, registry: &str, _: &str) -> Result<Credential, KeychainError> {
        Ok(self.0.get(super::docker::host(registry)).cloned().unwrap_or_default())
    }
}

fn credential(header: &str) -> Option<Credential> {
    let (scheme, value) = header.split_once(' ')?;
    let value = value.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => basic(value),
        "bearer" => Some(Credential::Bearer(value.to_owned())),
        "x-identity" => Some(Credential::IdentityToken(value.to_owned())),
        _ => None,
    }
}

fn basic(encoded: &str) -> Option<Credential> {
    let text = String::from_utf8(LENIENT.decode(encoded).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(Credential::basic(username, password))
}

fn invalid(reason: impl Into<String>) -> KeychainError {
    KeychainError::Variable { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_become_credentials() {
        let value = r#"{"a.test":"Basic bWU6c2VjcmV0Og","b.test":"bearer t","c.test":"X-Identity i",
            "docker.io":"Bearer hub"}"#;
        let keychain = AuthVariable::parse(value).expect("valid");
        for (registry, expected) in [
            ("a.test", Credential::basic("me", "secret:")),
            ("b.test", Credential::Bearer("t".to_owned())),
            ("c.test", Credential::IdentityToken("i".to_owned())),
            ("index.docker.io", Credential::Bearer("hub".to_owned())),
            ("d.test", Credential::Anonymous),
        ] {
            assert_eq!(keychain.credential(registry, "app").expect("known"), expected, "{registry}");
        }
    }

    #[test]
    fn what_is_invalid_is_not_quoted() {
        for value in ["secret", r#"{"a":1}"#, r#"{"a":"Digest secret"}"#, r#"{"a":"Basic secret!"}"#] {
            let error = AuthVariable::parse(value).expect_err("invalid").to_string();
            assert!(error.starts_with("CNB_REGISTRY_AUTH is not valid: "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
