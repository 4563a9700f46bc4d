//! Why there is no builder.

use cnb_core::backend;

/// A builder could not be made.
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
    /// The base image lacks something.
    #[error("the base image cannot be used: {0}")]
    Base(String),
    /// A buildpack is not one, or does not fit.
    #[error("the buildpack `{buildpack}` cannot be used: {reason}")]
    Buildpack {
        /// Its name, or where it is.
        buildpack: String,
        /// What is wrong.
        reason: String,
    },
    /// The lifecycle is not one.
    #[error("the lifecycle cannot be used: {0}")]
    Lifecycle(String),
    /// The order names a buildpack that the builder does not have.
    #[error("the order cannot be used: {0}")]
    Order(String),
}

pub(super) trait During<T> {
    fn during(self, action: impl Into<String>) -> Result<T, Error>;
}

impl<T> During<T> for backend::Result<T> {
    fn during(self, action: impl Into<String>) -> Result<T, Error> {
        self.map_err(|source| Error::Backend { action: action.into(), source })
    }
}
