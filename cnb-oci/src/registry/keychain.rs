//! Who is asking: credentials for registries.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use cnb_core::reference::Reference;

mod docker;
mod variable;

pub use docker::DockerConfig;
pub use variable::AuthVariable;

/// Knows credentials.
pub trait Keychain: fmt::Debug + Send + Sync {
    /// The credential for a repository, for example `library/ubuntu` of `index.docker.io`. The repository is empty
    /// when the credential for all of the registry is asked for.
    ///
    /// # Errors
    /// When there may be one, but it cannot be read.
    fn credential(&self, registry: &str, repository: &str) -> Result<Credential, KeychainError>;
}

/// What proves who is asking. Its `Debug` does not show secrets.
#[derive(Clone, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Credential {
    /// Nothing.
    #[default]
    Anonymous,
    /// For the registry itself, or for its token service.
    Basic {
        /// The user.
        username: String,
        /// The password, or a token that is used like one.
        password: String,
    },
    /// A token that the registry takes as it is.
    Bearer(String),
    /// A refresh token of OAuth 2, for the token service.
    IdentityToken(String),
}

impl Credential {
    /// User and password.
    pub fn basic(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { username: username.into(), password: password.into() }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Basic { .. } => "Basic(..)",
            Self::Bearer(_) => "Bearer(..)",
            Self::IdentityToken(_) => "IdentityToken(..)",
        })
    }
}

/// Knows no credentials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anonymous;

impl Keychain for Anonymous {
    fn credential(&self, _: &str, _: &str) -> Result<Credential, KeychainError> {
        Ok(Credential::Anonymous)
    }
}

/// Several keychains: the first that knows a credential wins.
///
/// ```
/// use cnb_oci::registry::keychain::AuthVariable;
/// use cnb_oci::registry::keychain::Chain;
/// use cnb_oci::registry::keychain::Credential;
/// use cnb_oci::registry::keychain::DockerConfig;
/// use cnb_oci::registry::keychain::Keychain as _;
///
/// let variable = AuthVariable::parse(r#"{"registry.test": "Bearer abc"}"#)?;
/// let keychain = Chain::new().with(variable).with(DockerConfig::new("/nonexistent"));
/// assert_eq!(keychain.credential("registry.test", "app")?, Credential::Bearer("abc".to_owned()));
/// assert_eq!(keychain.credential("other.test", "app")?, Credential::Anonymous);
/// # Ok::<(), cnb_oci::registry::keychain::KeychainError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Chain(Vec<Arc<dyn Keychain>>);

impl Chain {
    /// No keychain.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a keychain, asked after those before it.
    #[must_use]
    pub fn with(mut self, keychain: impl Keychain + 'static) -> Self {
        self.0.push(Arc::new(keychain));
        self
    }
}

impl Keychain for Chain {
    fn credential(&self, registry: &str, repository: &str) -> Result<Credential, KeychainError> {
        for keychain in &self.0 {
            let credential = keychain.credential(registry, repository)?;
            if credential != Credential::Anonymous {
                return Ok(credential);
            }
        }
        Ok(Credential::Anonymous)
    }
}

/// Credentials that were looked up beforehand, for programs that give up the right to read them.
///
/// A repository that was not looked up gets the credential of its registry, if something of that registry was.
#[derive(Clone, Debug, Default)]
pub struct Resolved(BTreeMap<(String, String), Credential>);

impl Resolved {
    /// Looks up the credentials for images.
    ///
    /// # Errors
    /// As the keychain's.
    pub fn new<'r>(
        keychain: &dyn Keychain,
        images: impl IntoIterator<Item = &'r Reference>,
    ) -> Result<Self, KeychainError> {
        let mut credentials = BTreeMap::new();
        for image in images {
            for repository in ["", image.repository()] {
                let key = (image.registry().to_owned(), repository.to_owned());
                if let Entry::Vacant(entry) = credentials.entry(key) {
                    let (registry, repository) = entry.key();
                    let credential = keychain.credential(registry, repository)?;
                    entry.insert(credential);
                }
            }
        }
        Ok(Self(credentials))
    }
}

impl Keychain for Resolved {
    fn credential(&self, registry: &str, repository: &str) -> Result<Credential, KeychainError> {
        let find = |repository: &str| self.0.get(&(registry.to_owned(), repository.to_owned()));
        Ok(find(repository).or_else(|| find("")).cloned().unwrap_or_default())
    }
}

/// Why a credential cannot be read. It contains no secrets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeychainError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A credential helper fails.
    #[error("cannot get the credential for {registry} that {} refers to: {reason}", path.display())]
    Helper {
        /// The config that names the helper.
        path: PathBuf,
        /// The registry.
        registry: String,
        /// What the helper did.
        reason: String,
    },
    /// A config is not one.
    #[error("{} is no valid Docker config: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// The variable is not what it has to be.
    #[error("CNB_REGISTRY_AUTH is not valid: {reason}")]
    Variable {
        /// Why not.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Named;

    impl Keychain for Named {
        fn credential(&self, registry: &str, repository: &str) -> Result<Credential, KeychainError> {
            Ok(Credential::Bearer(format!("{registry}/{repository}")))
        }
    }

    #[test]
    fn what_was_resolved_is_what_is_known() {
        let image: Reference = "registry.test/team/app".parse().expect("a name");
        let resolved = Resolved::new(&Named, [&image]).expect("it cannot fail");
        let bearer = |text: &str| Credential::Bearer(text.to_owned());
        for (registry, repository, expected) in [
            ("registry.test", "team/app", bearer("registry.test/team/app")),
            ("registry.test", "other", bearer("registry.test/")),
            ("other.test", "team/app", Credential::Anonymous),
        ] {
            assert_eq!(resolved.credential(registry, repository).expect("known"), expected);
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = || "secret".to_owned();
        for credential in [
            Credential::basic(secret(), secret()),
            Credential::Bearer(secret()),
            Credential::IdentityToken(secret()),
        ] {
            assert!(!format!("{credential:?}").contains("secret"));
        }
    }
}
