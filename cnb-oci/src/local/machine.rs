//! What the steps of a backend share: files, namespaces, and an OCI runtime that works.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Network;
use cnb_core::backend::Result;
use cnb_core::backend::User;

use super::Options;
use super::error::from_blob;
use super::init;
use super::runtime::Bundle;
use super::runtime::Runtime;
use super::spec;
use super::stop::Stop;
use super::store::Session;
use super::userns::Mapping;
use super::userns::Mode;
use crate::blob_store::BlobStore;
#[cfg(feature = "registry")]
use crate::registry::Registry;
use crate::tree::Owners;

/// Shared by everything a backend does.
#[derive(Debug)]
pub(super) struct Machine {
    pub mapping: Mapping,
    pub session: Arc<Session>,
    /// The directory of caches of this mode.
    pub caches: PathBuf,
    /// The directory of root file systems of this mode.
    pub roots: PathBuf,
    /// The layers that were made, now and earlier.
    pub layers: BlobStore,
    /// Ends work in other threads.
    pub stop: Stop,
    #[cfg(feature = "registry")]
    registry: Option<Registry>,
    init: PathBuf,
    runtimes: Vec<Arc<dyn Runtime>>,
    chosen: OnceLock<std::result::Result<Arc<dyn Runtime>, String>>,
}

impl Machine {
    pub(super) fn new(options: Options) -> Result<Self> {
        let Options { mapping, ref state, ref caches, init, runtimes, .. } = options;
        let mode = state.join(mapping.name());
        let session = Session::new(&mode, |dead| sweep(dead, &runtimes))?;
        let (caches, roots) = (caches.join(mapping.name()), mode.join("roots"));
        let layers = BlobStore::open(state).map_err(from_blob)?;
        Ok(Self {
            mapping,
            session,
            caches,
            roots,
            layers,
            stop: Stop::default(),
            #[cfg(feature = "registry")]
            registry: options.registry,
            init,
            runtimes,
            chosen: OnceLock::new(),
        })
    }

    /// Who gets files. A single user of the namespace is 0 here, and the user of the step in a container.
    pub(super) fn owners(&self) -> Owners {
        if self.mapping.mode() == Mode::Single { Owners::Process } else { Owners::Asked }
    }

    /// The registries that images may be in.
    #[cfg(feature = "registry")]
    pub(super) fn registry(&self) -> Result<&Registry> {
        let none = || Error::new(ErrorKind::Unsupported, "this backend was not given a client of registries");
        self.registry.as_ref().ok_or_else(none)
    }

    /// The first runtime that can run a container here.
    pub(super) fn runtime(&self) -> Result<Arc<dyn Runtime>> {
        let chosen = self.chosen.get_or_init(|| self.choose());
        chosen.clone().map_err(|message| Error::new(ErrorKind::Unavailable, message))
    }

    fn choose(&self) -> std::result::Result<Arc<dyn Runtime>, String> {
        // The user of a step may run it whatever the umask was when it was installed.
        let copy = self.session.init();
        fs::copy(&self.init, &copy)
            .and_then(|_| fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)))
            .map_err(|error| {
                format!("could not copy the program cnb-init from {}: {error}", self.init.display())
            })?;
        let mut reasons = Vec::new();
        for runtime in &self.runtimes {
            match self.probe(&**runtime) {
                Ok(()) => {
                    tracing::debug!(?runtime, "chose an OCI runtime");
                    return Ok(Arc::clone(runtime));
                }
                Err(reason) => reasons.push(format!("{}: {reason}", runtime.name())),
            }
        }
        let reasons = reasons.join("; ");
        Err(format!(
            "no OCI runtime works here; install one, for example the package `runc` (tried {reasons})"
        ))
    }

    /// Runs a container that does nothing, as steps are run.
    fn probe(&self, runtime: &dyn Runtime) -> std::result::Result<(), String> {
        let work = self.session.work().map_err(|error| error.to_string())?;
        let directory = work.create("bundle").map_err(|error| error.to_string())?;
        let root = work.create("root").map_err(|error| error.to_string())?;
        let spec = spec::spec(&spec::Parts {
            root: &root,
            bundle: &directory,
            init: &self.session.init(),
            init_argument: Some(init::PROBE),
            user: User::ROOT,
            network: Network::None,
            in_user_namespace: self.mapping.in_user_namespace(),
            binds: Vec::new(),
        });
        spec.save(directory.join("config.json")).map_err(|error| error.to_string())?;
        let state = self.session.runtime();
        let id = format!("cnb-{}-{}", std::process::id(), work.name());
        let bundle = Bundle { id: &id, directory: &directory, state: &state };
        let child = runtime.start(bundle).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "not installed".to_owned(),
            _ => error.to_string(),
        })?;
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(said.trim().lines().next_back().map_or_else(|| output.status.to_string(), str::to_owned))
    }
}

/// Removes what the runtime of a dead process left.
fn sweep(session: &Path, runtimes: &[Arc<dyn Runtime>]) {
    let state = session.join("runtime");
    for entry in fs::read_dir(&state).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if let Some(id) = name.to_str() {
            for runtime in runtimes {
                runtime.remove(Bundle { id, directory: session, state: &state });
            }
        }
    }
}
