//! Images that exist.

use crate::backend::EntryKind;
use crate::backend::ErrorKind;
use crate::backend::ImageRequest;
use crate::backend::Source;
use crate::conformance::Failure;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::failure::ensure;
use crate::conformance::failure::equal;
use crate::conformance::failure::refused;
use crate::digest::DiffId;
use crate::image_name::ImageName;

cases! { image:
    is_found_with_its_config_and_files,
    is_the_same_every_time,
    of_an_unknown_transport_is_unsupported,
    of_an_unknown_name_is_not_found [Export],
    has_layers_that_can_be_loaded [ExistingLayers],
    lacks_layers_that_it_does_not_name [ExistingLayers],
}

async fn is_found_with_its_config_and_files(target: &Target) -> Outcome {
    let image = target.image().await?;
    ensure(!diff_ids(&image.config)?.is_empty(), "the config names no layers")?;
    let probe = target.entry(&image.root, "/", Target::PROBE.trim_start_matches('/')).await?;
    equal("the probe", probe.kind, EntryKind::Regular)?;
    ensure(probe.mode & 0o111 != 0, "the probe is not executable")
}

async fn is_the_same_every_time(target: &Target) -> Outcome {
    let (one, two) = (target.image().await?, target.image().await?);
    equal("the digest", &one.digest, &two.digest)?;
    equal("the config", one.config, two.config)?;
    equal("names", target.names(&one.root, "/").await?, target.names(&two.root, "/").await?)
}

async fn of_an_unknown_transport_is_unsupported(target: &Target) -> Outcome {
    let name = ImageName::Other { transport: "no-such-transport".to_owned(), rest: "x".to_owned() };
    let result = target.backend.resolve(ImageRequest::new(name)).await;
    refused("the image", result, ErrorKind::Unsupported)
}

async fn of_an_unknown_name_is_not_found(target: &Target) -> Outcome {
    let output = target.output.as_ref().ok_or_else(|| Failure::new("the target names no outputs"))?;
    let result = target.backend.resolve(ImageRequest::new(output("never-written"))).await;
    refused("the image", result, ErrorKind::NotFound)
}

async fn has_layers_that_can_be_loaded(target: &Target) -> Outcome {
    let image = target.image().await?;
    let probe = Target::PROBE.trim_start_matches('/').to_owned();
    let mut found = false;
    for diff_id in diff_ids(&image.config)? {
        let tree = target.backend.load(Source::Layer { diff_id, image: Some(image.clone()) }).await?;
        found |= target.names(&tree, "/").await?.contains(&probe);
    }
    ensure(found, "no layer of the image has the probe")
}

async fn lacks_layers_that_it_does_not_name(target: &Target) -> Outcome {
    let (diff_id, image) = (DiffId::from_bytes([7; 32]), Some(target.image().await?));
    let result = target.backend.load(Source::Layer { diff_id, image }).await;
    refused("the layer", result, ErrorKind::NotFound)
}

/// The layers that a config names.
pub(super) fn diff_ids(config: &[u8]) -> Result<Vec<DiffId>, Failure> {
    let invalid = |error| Failure::new(format!("the config cannot be read: {error}"));
    let mut config: serde_json::Value = serde_json::from_slice(config).map_err(invalid)?;
    serde_json::from_value(config["rootfs"]["diff_ids"].take()).map_err(invalid)
}
