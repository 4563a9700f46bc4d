//! What cases need.

use super::Dialect;
use super::Target;

/// What a case needs of a backend, or of what is given beside it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Need {
    /// [`Capabilities::archived_layers`](crate::backend::Capabilities::archived_layers).
    ArchivedLayers,
    /// [`Capabilities::cache_mounts`](crate::backend::Capabilities::cache_mounts).
    CacheMounts,
    /// [`Capabilities::cancellation`](crate::backend::Capabilities::cancellation).
    Cancellation,
    /// [`Capabilities::digests`](crate::backend::Capabilities::digests).
    Digests,
    /// [`Capabilities::exact_config`](crate::backend::Capabilities::exact_config).
    ExactConfig,
    /// [`Capabilities::existing_layers`](crate::backend::Capabilities::existing_layers).
    ExistingLayers,
    /// [`Capabilities::export`](crate::backend::Capabilities::export) and [`Target::with_output`].
    Export,
    /// [`Capabilities::failed_outputs`](crate::backend::Capabilities::failed_outputs).
    FailedOutputs,
    /// [`Capabilities::host_network`](crate::backend::Capabilities::host_network) and
    /// [`Target::with_reachable`].
    HostNetwork,
    /// [`Dialect::Lifecycle`].
    LifecycleDialect,
    /// [`Capabilities::load_directory`](crate::backend::Capabilities::load_directory) and
    /// [`Target::with_scratch`].
    LoadDirectory,
    /// [`Capabilities::ordered_layers`](crate::backend::Capabilities::ordered_layers).
    OrderedLayers,
    /// [`Target::with_reachable`].
    Reachable,
    /// [`Capabilities::shared_cache_mounts`](crate::backend::Capabilities::shared_cache_mounts).
    SharedCacheMounts,
    /// [`Capabilities::unlimited_output`](crate::backend::Capabilities::unlimited_output).
    UnlimitedOutput,
    /// [`Capabilities::users`](crate::backend::Capabilities::users).
    Users,
}

impl Need {
    /// Whether a target has it.
    pub fn is_met(self, target: &Target) -> bool {
        let capabilities = target.backend.capabilities();
        match self {
            Self::ArchivedLayers => capabilities.archived_layers,
            Self::CacheMounts => capabilities.cache_mounts,
            Self::Cancellation => capabilities.cancellation,
            Self::Digests => capabilities.digests,
            Self::ExactConfig => capabilities.exact_config,
            Self::ExistingLayers => capabilities.existing_layers,
            Self::Export => capabilities.export && target.output.is_some(),
            Self::FailedOutputs => capabilities.failed_outputs,
            Self::HostNetwork => capabilities.host_network && target.reachable.is_some(),
            Self::LifecycleDialect => target.dialect == Some(Dialect::Lifecycle),
            Self::LoadDirectory => capabilities.load_directory && target.scratch.is_some(),
            Self::OrderedLayers => capabilities.ordered_layers,
            Self::Reachable => target.reachable.is_some(),
            Self::SharedCacheMounts => capabilities.shared_cache_mounts,
            Self::UnlimitedOutput => capabilities.unlimited_output,
            Self::Users => capabilities.users,
        }
    }
}
