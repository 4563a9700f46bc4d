//! As whom something was asked for.

use std::fmt;

/// Who was refused by a registry, as the cause of [`Error::Status`](super::Error::Status). It says no secrets.
///
/// Programs that know where their credentials come from can say what to do, whatever happened around the refusal:
///
/// ```
/// use cnb_oci::registry::Requester;
///
/// fn help(error: &(dyn std::error::Error + 'static)) -> Option<String> {
///     let who = Requester::of(error)?;
///     who.is_anonymous.then(|| format!("log in to {} first", who.registry))
/// }
/// # assert_eq!(help(&std::fmt::Error), None);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Requester {
    /// The registry, for example `index.docker.io`; its token service may be what refused.
    pub registry: String,
    /// The repository, which a keychain may know a credential of its own for.
    pub repository: String,
    /// Whether the [`Keychain`](super::Keychain) knew no credentials for it.
    pub is_anonymous: bool,
}

impl Requester {
    /// Who was refused, when that is a cause of an error.
    pub fn of<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e Self> {
        let boxed = |error: &'e (dyn std::error::Error + 'static)| error.downcast_ref::<Box<Self>>();
        std::iter::successors(Some(error), |error| error.source())
            .find_map(|error| error.downcast_ref().or_else(|| boxed(error).map(|found| &**found)))
    }
}

impl fmt::Display for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, is_anonymous, .. } = self;
        if *is_anonymous {
            write!(f, "the request was anonymous: there are no credentials for {registry}")
        } else {
            write!(f, "the request was made with the credentials for {registry}")
        }
    }
}

impl std::error::Error for Requester {}
