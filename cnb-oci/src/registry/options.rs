//! How a registry is reached.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::keychain::Anonymous;
use super::keychain::Keychain;

/// How registries are reached: as whom, through what, how often.
///
/// ```
/// use cnb_oci::registry::Options;
///
/// let options = Options::new().with_insecure("registry.test:5000/team").with_user_agent("my-builder/1.0");
/// assert!(!format!("{options:?}").is_empty());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Who is asking. Nobody, unless set.
    pub keychain: Arc<dyn Keychain>,
    /// Beginnings of `registry/repository`. What begins so may have any certificate, and be reached without TLS.
    ///
    /// Names of this machine and of private networks are always tried without TLS where it fails, as
    /// go-containerregistry does: `localhost`, `*.localhost`, `*.local`, 127.0.0.0/8, `::1`, and the networks of
    /// RFC 1918.
    pub insecure: Vec<String>,
    /// What the client calls itself.
    pub user_agent: String,
    /// When a request is made again.
    pub retry: Retry,
    /// What connections go through.
    pub proxy: Proxy,
    /// Certificates, in PEM, that are trusted besides those of the system. The system's are those of the first of
    /// `SSL_CERT_FILE`, `SSL_CERT_DIR`, and where OpenSSL would look.
    pub ca_certificates: Vec<u8>,
}

impl Options {
    /// An anonymous client without proxy.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets who is asking.
    #[must_use]
    pub fn with_keychain(self, keychain: impl Keychain + 'static) -> Self {
        Self { keychain: Arc::new(keychain), ..self }
    }

    /// Adds a beginning of names that need no TLS, or no valid certificate.
    #[must_use]
    pub fn with_insecure(mut self, prefix: impl Into<String>) -> Self {
        self.insecure.push(prefix.into());
        self
    }

    /// Sets what the client calls itself.
    #[must_use]
    pub fn with_user_agent(self, user_agent: impl Into<String>) -> Self {
        Self { user_agent: user_agent.into(), ..self }
    }

    /// Sets when a request is made again.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Sets what connections go through.
    #[must_use]
    pub fn with_proxy(self, proxy: Proxy) -> Self {
        Self { proxy, ..self }
    }

    /// Adds certificates, in PEM, that are trusted besides those of the system.
    #[must_use]
    pub fn with_ca_certificates(mut self, pem: &[u8]) -> Self {
        self.ca_certificates.extend(pem);
        self.ca_certificates.push(b'\n');
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keychain: Arc::new(Anonymous),
            insecure: Vec::new(),
            user_agent: concat!("cnb-oci/", env!("CARGO_PKG_VERSION")).to_owned(),
            retry: Retry::default(),
            proxy: Proxy::default(),
            ca_certificates: Vec::new(),
        }
    }
}

/// The values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, which programs read and libraries do not. Proxies are
/// asked to CONNECT, without TLS too.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Proxy {
    /// The URL of the proxy of `http:` URLs, which is reached without TLS itself.
    pub http: Option<String>,
    /// The URL of the proxy of `https:` URLs.
    pub https: Option<String>,
    /// Hosts that are reached directly, with commas between them: `registry.test` and all below it, `.internal` and
    /// `*.internal` for all below, or `*`. Networks such as `10.0.0.0/8` are not known.
    pub no_proxy: String,
}

impl Proxy {
    /// No proxy.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the proxy of `http:` URLs.
    #[must_use]
    pub fn with_http(self, url: impl Into<String>) -> Self {
        Self { http: Some(url.into()), ..self }
    }

    /// Sets the proxy of `https:` URLs.
    #[must_use]
    pub fn with_https(self, url: impl Into<String>) -> Self {
        Self { https: Some(url.into()), ..self }
    }

    /// Sets the hosts that are reached directly.
    #[must_use]
    pub fn with_no_proxy(self, hosts: impl Into<String>) -> Self {
        Self { no_proxy: hosts.into(), ..self }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_set = |url: &Option<String>| url.as_ref().map(|_| "..");
        f.debug_struct("Proxy")
            .field("http", &is_set(&self.http))
            .field("https", &is_set(&self.https))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

/// When a request is made again: after 408, 429, 500, 502, 503, 504 and when a connection fails that was not refused, a
/// few times, each time waiting three times as long, or as long as the registry asks for.
#[derive(Clone)]
#[non_exhaustive]
pub struct Retry {
    /// How often something is tried, the first time included; at least once.
    pub tries: u32,
    /// The time before the second try.
    pub first: Duration,
    /// The longest time between two tries, whatever the registry asks for.
    pub longest: Duration,
    /// What waits; `std::thread::sleep`, unless set.
    pub sleep: Arc<dyn Fn(Duration) + Send + Sync>,
}

impl Retry {
    /// What is tried that often.
    pub fn new(tries: u32) -> Self {
        Self { tries, ..Self::default() }
    }

    /// Sets what waits, for example for tests that do not want to.
    #[must_use]
    pub fn with_sleep(self, sleep: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self { sleep: Arc::new(sleep), ..self }
    }

    /// Waits for as long as it takes after `failed` tries.
    pub(super) fn wait(&self, failed: u32, asked_for: Option<Duration>) {
        let grown = self.first.saturating_mul(3_u32.saturating_pow(failed.saturating_sub(1)));
        (self.sleep)(asked_for.unwrap_or(grown).min(self.longest));
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 4,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            sleep: Arc::new(std::thread::sleep),
        }
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tries, first, longest, sleep: _ } = self;
        f.debug_struct("Retry")
            .field("tries", tries)
            .field("first", first)
            .field("longest", longest)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest() {
        let waits = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&waits);
        let retry = Retry::new(9).with_sleep(move |time| log.lock().expect("a lock").push(time.as_secs()));
        for failed in 1..=5 {
            retry.wait(failed, None);
        }
        retry.wait(1, Some(Duration::from_secs(7)));
        retry.wait(1, Some(Duration::MAX));
        assert_eq!(*waits.lock().expect("a lock"), [1, 3, 9, 27, 60, 7, 60]);
    }

    #[test]
    fn proxies_keep_their_passwords() {
        let proxy = Proxy::new().with_https("http://me:secret@proxy.test");
        assert!(!format!("{proxy:?}").contains("secret"));
    }
}
