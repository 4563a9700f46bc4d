//! Images in registries: pulled, pushed, streamed.
//!
//! Everything blocks, so that programs without an asynchronous runtime can use it; threads may share a
//! [`Registry`]. Source: the OCI distribution specification, Docker's "Token Authentication Specification", and
//! the behaviour of go-containerregistry where they leave it open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use cnb_core::reference::Reference;

mod access;
mod answer;
mod attempt;
mod authorize;
mod blob;
mod challenge;
mod check;
mod copy;
mod endpoint;
mod environment;
mod error;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod image;
pub mod keychain;
mod location;
mod manifest;
mod options;
mod pipe;
mod requester;
mod token;
mod transport;
mod upload;

pub use blob::BlobReader;
pub use copy::Copied;
pub use error::Error;
pub use keychain::Credential;
pub use keychain::Keychain;
pub use options::Options;
pub use options::Proxy;
pub use options::Retry;
pub use requester::Requester;

use endpoint::Endpoint;
use token::Token;
use transport::Transport;

/// A client of all registries. It keeps connections, credentials and tokens; clones share them.
///
/// What is read is verified. Where trying again may help, requests are made again as [`Retry`] says; what a
/// registry refuses is not asked for again. A connection must be there within 30 seconds, and may be silent for ten
/// minutes.
///
/// ```no_run
/// use cnb_oci::registry::Options;
/// use cnb_oci::registry::Registry;
/// use cnb_oci::registry::keychain::DockerConfig;
///
/// let options = Options::new().with_keychain(DockerConfig::new("/home/me/.docker"));
/// let registry = Registry::new(options)?;
/// let image = registry.image(&"debian:trixie".parse()?, &"linux/arm64".parse()?)?;
/// println!("{:?}", image.map(|image| image.config.digest()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    transport: Transport,
    endpoints: Slots<(String, bool), Endpoint>,
    credentials: Slots<(String, String), Credential>,
    tokens: Slots<(String, Vec<String>), Token>,
}

/// A value for each key, each behind a lock of its own: whoever needs it first makes it, the others wait.
type Slots<K, V> = Mutex<BTreeMap<K, Arc<Mutex<Option<Arc<V>>>>>>;

impl Registry {
    /// A client that has not connected to anything yet.
    ///
    /// # Errors
    /// [`Error::Setting`] when the proxy or the certificates cannot be read.
    pub fn new(options: Options) -> Result<Self, Error> {
        let transport = Transport::new(&options)?;
        let (endpoints, credentials, tokens) = Default::default();
        Ok(Self { shared: Arc::new(Shared { options, transport, endpoints, credentials, tokens }) })
    }
}

/// The lock of one key.
fn slot<K: Ord, V>(slots: &Slots<K, V>, key: K) -> Arc<Mutex<Option<Arc<V>>>> {
    let mut slots = slots.lock().expect("nothing panics while it holds this lock");
    Arc::clone(slots.entry(key).or_default())
}

/// The value of a key, made where there is none.
fn get_or_make<K: Ord, V, E>(
    slots: &Slots<K, V>,
    key: K,
    make: impl FnOnce() -> Result<V, E>,
) -> Result<Arc<V>, E> {
    let slot = slot(slots, key);
    // Who panicked left no value behind, so the next one makes it.
    let mut value = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(value) = &*value {
        return Ok(Arc::clone(value));
    }
    let new = Arc::new(make()?);
    *value = Some(Arc::clone(&new));
    Ok(new)
}

/// The same repository with another identifier.
fn with_identifier(reference: &Reference, identifier: &impl std::fmt::Display) -> Reference {
    format!("{}/{}@{identifier}", reference.registry(), reference.repository())
        .parse()
        .expect("a name with a digest is a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_can_share_clients_and_take_over_readers() {
        fn is_shared<T: Clone + Send + Sync>() {}
        fn is_sent<T: std::io::Read + Send>() {}
        is_shared::<Registry>();
        is_sent::<BlobReader>();
    }
}
