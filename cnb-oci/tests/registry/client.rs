//! Clients that do not wait, and names.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use cnb_core::reference::Reference;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::registry::Credential;
use cnb_oci::registry::Keychain;
use cnb_oci::registry::Options;
use cnb_oci::registry::Registry;
use cnb_oci::registry::Retry;
use cnb_oci::registry::keychain::KeychainError;

/// How often the clients of tests try.
pub(crate) const TRIES: usize = 3;

/// A client, and the times that it would have waited.
pub(crate) struct Client {
    pub(crate) registry: Registry,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::with(Options::new())
    }

    /// A client with this credential for everything.
    pub(crate) fn of(credential: Credential) -> Self {
        Self::with(Options::new().with_keychain(Fixed(credential)))
    }

    pub(crate) fn with(options: Options) -> Self {
        let waits = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&waits);
        let tries = u32::try_from(TRIES).expect("a few");
        let retry = Retry::new(tries).with_sleep(move |time| log.lock().expect("a lock").push(time));
        Self { registry: Registry::new(options.with_retry(retry)).expect("valid options"), waits }
    }

    /// In seconds.
    pub(crate) fn waits(&self) -> Vec<u64> {
        self.waits.lock().expect("a lock").iter().map(Duration::as_secs).collect()
    }
}

#[derive(Debug)]
struct Fixed(Credential);

impl Keychain for Fixed {
    fn credential(&self, _: &str, _: &str) -> Result<Credential, KeychainError> {
        Ok(self.0.clone())
    }
}

pub(crate) fn name(text: &str) -> Reference {
    text.parse().expect(text)
}

pub(crate) fn descriptor(bytes: &[u8]) -> Descriptor {
    Descriptor::new("application/octet-stream", cnb_oci::digest(bytes), bytes.len() as u64)
}

/// Bytes that do not compress and are larger than all buffers.
pub(crate) fn many_bytes() -> Vec<u8> {
    (0..600_000_u32).map(|i| i.wrapping_mul(2_654_435_761)).flat_map(u32::to_le_bytes).collect()
}
