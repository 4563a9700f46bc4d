//! The image that a frontend runs from.

use std::error::Error as _;

use super::Gateway;
use crate::Definition;
use crate::State;
use crate::errdefs::BuildError;
use crate::errdefs::Code;

/// Where BuildKit tells a frontend what its own image is. Source: `frontend/gateway/gateway.go` of BuildKit.
const DEFINITION: &str = "/run/config/buildkit/metadata/frontend.bin";

impl Gateway {
    /// The image that the frontend runs from, so that it can use its own files in a graph.
    ///
    /// # Errors
    /// When the frontend does not run from an image, or BuildKit is older than 0.9.
    pub fn own_image(&self) -> Result<State, BuildError> {
        let failed = |reason: String| {
            BuildError::new(
                Code::FailedPrecondition,
                format!("BuildKit does not say what the frontend is: {reason}"),
            )
        };
        let bytes = std::fs::read(DEFINITION).map_err(|error| failed(format!("{DEFINITION}: {error}")))?;
        let definition = Definition::from_bytes(&bytes).map_err(|error| {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            failed(format!("{DEFINITION}: {error}{cause}"))
        })?;
        Ok(definition.state())
    }
}
