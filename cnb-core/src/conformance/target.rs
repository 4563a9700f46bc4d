//! What the suite is run on.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Backend;
use crate::image_name::ImageName;

/// A backend and what the suite needs beside it.
///
/// The caches of the backend must be empty, and so must the places that `output` names.
#[derive(Clone)]
pub struct Target {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) root: ImageName,
    pub(super) output: Option<Output>,
    pub(super) scratch: Option<PathBuf>,
    pub(super) reachable: Option<SocketAddr>,
    pub(super) dialect: Option<Dialect>,
    pub(super) patience: Duration,
}

type Output = Arc<dyn Fn(&str) -> ImageName + Send + Sync>;

/// Whose bytes the layer tars of a backend are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Dialect {
    /// The Go lifecycle's.
    Lifecycle,
}

impl Target {
    /// A backend, and an image it can resolve that has the probe, executable, at [`Self::PROBE`] and at least
    /// one layer.
    pub fn new(backend: Arc<dyn Backend>, root: ImageName) -> Self {
        let patience = Duration::from_secs(60);
        Self { backend, root, output: None, scratch: None, reachable: None, dialect: None, patience }
    }

    /// Where the image has the probe.
    pub const PROBE: &str = "/cnb-probe";

    /// Says where the image with a given name, such as `app`, is to be written. Needed for the cases of
    /// `export`.
    #[must_use]
    pub fn with_output(mut self, output: impl Fn(&str) -> ImageName + Send + Sync + 'static) -> Self {
        self.output = Some(Arc::new(output));
        self
    }

    /// Gives an empty directory to put files in that the backend then loads.
    #[must_use]
    pub fn with_scratch(mut self, directory: impl Into<PathBuf>) -> Self {
        self.scratch = Some(directory.into());
        self
    }

    /// Gives the address of a TCP listener that steps reach with the host's network and not without.
    #[must_use]
    pub fn with_reachable(mut self, address: SocketAddr) -> Self {
        self.reachable = Some(address);
        self
    }

    /// Says whose bytes the backend's layer tars are: their digests are then compared with recorded ones.
    #[must_use]
    pub fn with_dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = Some(dialect);
        self
    }

    /// How long one case may take before it counts as hanging; 60 seconds if not said.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("backend", &self.backend)
            .field("root", &self.root)
            .field("scratch", &self.scratch)
            .field("reachable", &self.reachable)
            .field("dialect", &self.dialect)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
