//! What a client serves while a BuildKit works for it: files, secrets, credentials, agents, images.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use cnb_llb::session::Session;
//!
//! let secrets = BTreeMap::from([("token".to_owned(), b"s3cr3t".to_vec())]);
//! let session = Session::new("a-new-id-for-each")
//!     .with_directory("context", "apps/example")
//!     .with_secrets(secrets)
//!     .with_layout("images", "images.oci");
//! ```
//!
//! Nothing else is served: a BuildKit that asks for another directory or secret is told that there is none.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

mod auth;
mod content;
mod directory;
mod docker_config;
pub(crate) mod filesend;
pub(crate) mod filesync;
mod health;
mod pattern;
mod secrets;
mod serve;
mod ssh;
mod transport;

pub use auth::Credentials;
pub use auth::Keychain;
pub use auth::KeychainError;
pub use directory::Directories;
pub use directory::Directory;
pub use docker_config::DockerConfig;
pub use docker_config::InvalidDockerConfig;
pub(crate) use filesend::Output;
pub use secrets::SecretError;
pub use secrets::Secrets;

use crate::errdefs::BuildError;

/// What a client serves during a solve.
#[derive(Clone)]
pub struct Session {
    id: String,
    shared_key: String,
    directories: BTreeMap<String, Directory>,
    others: Option<Arc<dyn Directories>>,
    secrets: Option<Arc<dyn Secrets>>,
    keychain: Option<Arc<dyn Keychain>>,
    agents: BTreeMap<String, PathBuf>,
    layouts: BTreeMap<String, PathBuf>,
}

impl Session {
    /// A session of this name, which no other has on the same BuildKit. It serves nothing yet.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            shared_key: String::new(),
            directories: BTreeMap::new(),
            others: None,
            secrets: None,
            keychain: None,
            agents: BTreeMap::new(),
            layouts: BTreeMap::new(),
        }
    }

    /// Makes sure that directories and layouts are there. Told by BuildKit that one is not, a person may read only that the
    /// solve was cancelled, as it ends a transfer and its reason at the same time, or that there is no such digest.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let directories = self.directories.values().map(|directory| &directory.path);
        for path in directories.chain(self.layouts.values()) {
            std::fs::read_dir(path).map_err(|error| {
                BuildError::new(tonic::Code::NotFound, format!("cannot read {}: {error}", path.display()))
            })?;
        }
        Ok(())
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Says that the directories are the same as those of other sessions with this key, so that BuildKit needs only what
    /// changed since. `docker buildx` takes one for each builder and directory.
    #[must_use]
    pub fn with_shared_key(mut self, key: impl Into<String>) -> Self {
        self.shared_key = key.into();
        self
    }

    /// Serves a directory, by the name that a local source has for it.
    #[must_use]
    pub fn with_directory(mut self, name: impl Into<String>, directory: impl Into<Directory>) -> Self {
        self.directories.insert(name.into(), directory.into());
        self
    }

    /// Serves directories that are not known yet.
    #[must_use]
    pub fn with_directories(mut self, directories: impl Directories + 'static) -> Self {
        self.others = Some(Arc::new(directories));
        self
    }

    /// Serves secrets, for mounts and variables.
    #[must_use]
    pub fn with_secrets(mut self, secrets: impl Secrets + 'static) -> Self {
        self.secrets = Some(Arc::new(secrets));
        self
    }

    /// Serves credentials for registries. Without, BuildKit asks them anonymously.
    #[must_use]
    pub fn with_keychain(mut self, keychain: impl Keychain + 'static) -> Self {
        self.keychain = Some(Arc::new(keychain));
        self
    }

    /// Serves credentials that others serve too.
    #[cfg(feature = "backend")]
    #[must_use]
    pub(crate) fn with_shared_keychain(mut self, keychain: Arc<dyn Keychain>) -> Self {
        self.keychain = Some(keychain);
        self
    }

    /// Forwards to the socket of an SSH agent, by the identifier of a mount: mostly `default`.
    #[must_use]
    pub fn with_agent(mut self, id: impl Into<String>, socket: impl Into<PathBuf>) -> Self {
        self.agents.insert(id.into(), socket.into());
        self
    }

    /// Serves the blobs of an OCI layout, by the name that sources have for the store: `oci-layout://` with
    /// `oci.store`. A solve begins only when it is there.
    #[must_use]
    pub fn with_layout(mut self, store: impl Into<String>, layout: impl Into<PathBuf>) -> Self {
        self.layouts.insert(store.into(), layout.into());
        self
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("id", &self.id)
            .field("directories", &self.directories)
            .field("agents", &self.agents)
            .field("layouts", &self.layouts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
