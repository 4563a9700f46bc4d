//! Why a build ended without an image.

use cnb_core::backend;

/// A build did not make an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The backend could not do something.
    #[error("failed to {action}")]
    Backend {
        /// What was being done.
        action: String,
        /// Why it failed.
        source: backend::Error,
    },
    /// The builder image lacks something that every builder has.
    #[error("the builder `{builder}` cannot be used: {reason}")]
    Builder {
        /// Its name.
        builder: String,
        /// What it lacks.
        reason: String,
    },
    /// A file that a phase wrote cannot be understood.
    #[error("failed to read `{path}`, which the {phase} phase wrote")]
    Document {
        /// The file.
        path: &'static str,
        /// Who wrote it.
        phase: &'static str,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The plan for the image could not be made from what the buildpacks left.
    #[error("failed to plan the image")]
    Export(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The group that passed has image extensions.
    #[error("image extensions are not supported yet: the group that passed detection has {0}")]
    Extensions(String),
    /// The lifecycle that was asked for cannot be used.
    #[error("the lifecycle cannot be used")]
    Lifecycle(#[source] crate::builder::Error),
    /// A phase ended with an exit code other than zero. What it printed says why.
    #[error("{}", phase_failed(phase, *code))]
    Phase {
        /// Which one.
        phase: String,
        /// Its exit code.
        code: i32,
    },
    /// The lifecycle of the builder and this crate have no Platform API in common.
    #[error("the lifecycle of the builder supports Platform API {theirs}, this program {ours}")]
    PlatformApi {
        /// Versions the lifecycle knows.
        theirs: String,
        /// Versions this crate knows, or the one that was asked for.
        ours: String,
    },
    /// Nobody names a run image that can be found.
    #[error("no run image: {0}")]
    RunImage(String),
}

/// Exit codes of the phases, in words: platform specification, "Lifecycle exit codes".
fn phase_failed(phase: &str, code: i32) -> String {
    let meaning = match code {
        20 => "no group of buildpacks passed detection",
        21 => "no group of buildpacks passed detection, and a buildpack failed",
        51 => "a buildpack failed",
        _ => return format!("the {phase} phase ended with exit code {code}"),
    };
    format!("{meaning} (exit code {code})")
}

/// Adds what was being done to a backend's error.
pub(super) trait During<T> {
    /// Names the action, as in "failed to ...".
    fn during(self, action: impl Into<String>) -> Result<T, Error>;
}

impl<T> During<T> for backend::Result<T> {
    fn during(self, action: impl Into<String>) -> Result<T, Error> {
        self.map_err(|source| Error::Backend { action: action.into(), source })
    }
}
