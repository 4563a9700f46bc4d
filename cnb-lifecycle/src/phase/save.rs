//! Writing an image, which ends export and rebase.
//!
//! Source: `phase/save.go` of the lifecycle.

use cnb_core::backend;
use cnb_oci::descriptor::Manifest;

use crate::causes::with_causes;
use crate::image_store::ImageTarget;
use crate::image_store::Saved;

/// Writes the image and says so as Go does.
pub(super) fn save(
    target: &dyn ImageTarget,
    manifest: Manifest,
    config: &[u8],
) -> Result<Saved, backend::Error> {
    tracing::info!("Saving {}...", target.name());
    let saved = target.save(manifest, config)?;
    tracing::info!("*** Images ({}):", saved.identifier);
    for (name, result) in &saved.names {
        match result {
            Ok(()) => tracing::info!("      {name}"),
            Err(error) => tracing::info!("      {name} - {}", with_causes(error)),
        }
    }
    Ok(saved)
}
