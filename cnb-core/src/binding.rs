//! Service bindings: directories of files below `<platform>/bindings`.
//!
//! Source: Service Binding Specification for Kubernetes, "Workload Projection", as RFC 0055 of Buildpacks takes it
//! over: the directory has the name of the binding, each file that of a key, and the file `type` says what it is for.

use std::collections::BTreeMap;

/// A service binding whose files are secrets that whoever asks for the build has, each under an ID.
///
/// ```
/// use cnb_core::binding::SecretBinding;
///
/// let secrets = [("password".to_owned(), "db-password".to_owned())];
/// let binding = SecretBinding::new("db", "postgresql", None, secrets)?;
/// assert_eq!(binding.secrets["password"], "db-password");
/// # Ok::<(), cnb_core::binding::InvalidBinding>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SecretBinding {
    /// Its name.
    pub name: String,
    /// What it is for, for example `postgresql`: no secret.
    pub r#type: String,
    /// Who provides it: no secret.
    pub provider: Option<String>,
    /// The IDs of secrets by the names of files.
    pub secrets: BTreeMap<String, String>,
}

/// Why there can be no such binding.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBinding {
    /// A file cannot be part of it.
    #[error("a file of the binding `{binding}` cannot be called `{file}`")]
    File {
        /// The binding.
        binding: String,
        /// The name of the file.
        file: String,
    },
    /// It cannot have this name.
    #[error("`{0}` is not the name of a binding: it must be that of a directory, not hidden and without `/`")]
    Name(String),
    /// A file has no secret.
    #[error("the file `{file}` of the binding `{binding}` needs the ID of a secret")]
    NoSecret {
        /// The binding.
        binding: String,
        /// The name of the file.
        file: String,
    },
    /// It has no type.
    #[error("the binding `{0}` has no type, which says what it is for")]
    NoType(String),
}

impl SecretBinding {
    /// A binding of a type; of secrets by the names of files.
    pub fn new(
        name: &str,
        r#type: &str,
        provider: Option<&str>,
        secrets: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, InvalidBinding> {
        let binding = || name.to_owned();
        if !is_name(name) {
            return Err(InvalidBinding::Name(binding()));
        }
        if r#type.is_empty() {
            return Err(InvalidBinding::NoType(binding()));
        }
        let provider = provider.filter(|provider| !provider.is_empty()).map(str::to_owned);
        let secrets: BTreeMap<String, String> = secrets.into_iter().collect();
        for (file, id) in &secrets {
            if !is_file(file) || matches!(file.as_str(), TYPE | PROVIDER) {
                return Err(InvalidBinding::File { binding: binding(), file: file.clone() });
            }
            if id.is_empty() {
                return Err(InvalidBinding::NoSecret { binding: binding(), file: file.clone() });
            }
        }
        Ok(Self { name: binding(), r#type: r#type.to_owned(), provider, secrets })
    }
}

/// The file that says what a binding is for.
pub const TYPE: &str = "type";

/// The file that says who provides a binding.
pub const PROVIDER: &str = "provider";

/// Whether a binding can have this name: that of a directory, not hidden.
pub fn is_name(text: &str) -> bool {
    is_file(text) && !text.starts_with('.')
}

/// Whether a file of a binding can have this name. As for Kubernetes, `..` must not be its start.
fn is_file(text: &str) -> bool {
    !text.is_empty() && text != "." && !text.starts_with("..") && !text.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_directory_of_secrets_is_refused() {
        let new = |name, r#type, file: &str, id: &str| {
            let binding = SecretBinding::new(name, r#type, Some(""), [(file.to_owned(), id.to_owned())]);
            binding.map(|binding| binding.provider).map_err(|error| error.to_string())
        };
        assert_eq!(new("db", "t", "f", "i"), Ok(None));
        assert_eq!(new("npm", "npm", ".npmrc", "i"), Ok(None));
        let cases = [
            (new("", "t", "f", "i"), "`` is not the name of a binding"),
            (new("../x", "t", "f", "i"), "`../x` is not the name of a binding"),
            (new("db", "", "f", "i"), "the binding `db` has no type"),
            (new("db", "t", "type", "i"), "a file of the binding `db` cannot be called `type`"),
            (new("db", "t", "..f", "i"), "a file of the binding `db` cannot be called `..f`"),
            (new("db", "t", "a/b", "i"), "a file of the binding `db` cannot be called `a/b`"),
            (new("db", "t", "f", ""), "the file `f` of the binding `db` needs the ID of a secret"),
        ];
        for (result, expected) in cases {
            let error = result.expect_err(expected);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
