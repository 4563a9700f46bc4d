//! Credentials of this machine, for a BuildKit that asks for them.

use std::sync::Arc;

use async_trait::async_trait;
use cnb_llb::session::Credentials;
use cnb_llb::session::Keychain;
use cnb_llb::session::KeychainError;
use cnb_oci::registry::keychain;
use cnb_oci::registry::keychain::Credential;

use super::work::on_thread;

/// What the environment says, asked when BuildKit asks.
#[derive(Clone, Debug)]
pub(super) struct OfEnvironment(pub(super) Arc<dyn keychain::Keychain>);

#[async_trait]
impl Keychain for OfEnvironment {
    async fn credentials(&self, host: &str) -> Result<Option<Credentials>, KeychainError> {
        let (keychain, registry) = (Arc::clone(&self.0), host.to_owned());
        let found = on_thread(move || keychain.credential(&registry, "")).await??;
        match found {
            Credential::Anonymous => Ok(None),
            Credential::Basic { username, password } => Ok(Some(Credentials { username, secret: password })),
            Credential::IdentityToken(secret) => Ok(Some(Credentials { username: String::new(), secret })),
            _ => Err(format!("BuildKit cannot use the credential for {host}: it takes no tokens").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use cnb_oci::registry::keychain::AuthVariable;

    use super::*;

    #[tokio::test]
    async fn credentials_are_those_that_buildkit_takes() {
        // `me:secret`
        let value = r#"{"a.test":"Basic bWU6c2VjcmV0","b.test":"X-Identity t","c.test":"Bearer x"}"#;
        let keychain = OfEnvironment(Arc::new(AuthVariable::parse(value).expect("it is valid")));
        for (host, expected) in [("a.test", Some(("me", "secret"))), ("b.test", Some(("", "t"))), ("d", None)]
        {
            let found = keychain.credentials(host).await.expect(host);
            let found = found.as_ref().map(|found| (found.username.as_str(), found.secret.as_str()));
            assert_eq!(found, expected, "{host}");
        }
        let error = keychain.credentials("c.test").await.expect_err("it is a token").to_string();
        assert!(error.contains("the credential for c.test"), "{error}");
    }
}
