//! How many layers of an image are those of its base.

use std::collections::BTreeSet;

use cnb_core::digest::DiffId;
use cnb_core::labels::lifecycle::LayerDigest;
use cnb_core::labels::lifecycle::LifecycleMetadata;

/// The layers up to the topmost one of the base, which the label names.
///
/// A base may have layers twice, empty ones for example: its topmost layer is the last of that digest below all that
/// the lifecycle made. (The Go lifecycle takes the first, and the layers between stay.) An image without such layers
/// is its base up to the first.
pub(super) fn count(diff_ids: &[DiffId], label: &LifecycleMetadata) -> usize {
    let top = label.run_image.top_layer.as_str();
    let made = made(label);
    let end = diff_ids.iter().position(|id| id.as_str() != top && made.contains(id.as_str()));
    let first = diff_ids.iter().position(|id| id.as_str() == top);
    let last = end.and_then(|end| diff_ids[..end].iter().rposition(|id| id.as_str() == top));
    last.or(first).map_or(0, |index| index + 1)
}

/// What the lifecycle made.
fn made(label: &LifecycleMetadata) -> BTreeSet<&str> {
    let own = [&label.config, &label.launcher, &label.process_types]
        .into_iter()
        .chain(&label.sbom)
        .chain(&label.app);
    let layers = label.buildpacks.iter().flat_map(|buildpack| buildpack.layers.values());
    own.filter_map(LayerDigest::get).chain(layers.map(|layer| layer.sha.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_layer_that_a_base_has_twice_counts_once() {
        let id = |name: &&str| cnb_oci::digest(name.as_bytes());
        for (layers, app, expected) in [
            (&["a", "top", "app"][..], Some("app"), 2),
            (&["top", "a", "top", "app", "top"], Some("app"), 3),
            (&["top", "a", "top", "app"], None, 1),
            (&["top", "app"], Some("top"), 1),
            (&["a", "app"], Some("app"), 0),
        ] {
            let diff_ids: Vec<DiffId> = layers.iter().map(id).collect();
            let app: Vec<_> = app.iter().map(|app| json!({"sha": id(app)})).collect();
            let label = json!({"runImage": {"topLayer": id(&"top")}, "app": app});
            let label: LifecycleMetadata = serde_json::from_value(label).expect("a label");
            assert_eq!(count(&diff_ids, &label), expected, "{layers:?}");
        }
    }
}
