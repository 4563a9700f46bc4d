//! The layers that extensions put on the run image.
//!
//! Source: `addExtensionLayers` in `phase/exporter.go` of the lifecycle.

use cnb_oci::config::ImageConfig;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::image::Image;
use serde_json::Value;

/// One of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExtendedLayer {
    /// Which layer of the extended run image it is, from 0.
    pub index: usize,
    /// `created_by` of its entry in the history of the extended run image.
    pub created_by: String,
}

/// The layers of an extended run image whose blobs are there: the others are those of the run image.
pub fn layers(image: &Image, is_there: impl Fn(&Descriptor) -> bool) -> Vec<ExtendedLayer> {
    let layers = image.manifest.layers.iter().enumerate().filter(|(_, blob)| is_there(blob));
    let layer = |(index, _)| ExtendedLayer {
        index,
        created_by: created_by(&image.config, index).unwrap_or_default().to_owned(),
    };
    layers.map(layer).collect()
}

/// What made a layer; entries of the history that are no layers do not count.
fn created_by(config: &ImageConfig, layer: usize) -> Option<&str> {
    let history = config.document().get("history").and_then(Value::as_array)?;
    let is_layer = |entry: &&Value| entry.get("empty_layer") != Some(&Value::Bool(true));
    history.iter().filter(is_layer).nth(layer)?.get("created_by")?.as_str()
}

#[cfg(test)]
mod tests {
    use cnb_oci::descriptor::Manifest;
    use cnb_oci::descriptor::media_type;
    use cnb_oci::layout::Layout;
    use cnb_oci::platform::Platform;
    use serde_json::json;

    use super::*;

    fn image(history: &Value) -> Image {
        let directory = tempfile::tempdir().expect("a directory");
        let layout = Layout::create(directory.path()).expect("a layout");
        let digests = ["base", "first", "second"].map(|layer| cnb_oci::digest(layer.as_bytes()));
        let config = json!({"rootfs": {"diff_ids": digests}, "history": history});
        let blob = layout.blobs().put(config.to_string().as_bytes()).expect("a config");
        let config = Descriptor::new(media_type::DOCKER_CONFIG, blob.digest, blob.size);
        let layers = digests.map(|digest| Descriptor::new(media_type::DOCKER_LAYER_GZIP, digest, 1));
        layout.put_only_image("latest", &Manifest::new(config, layers.into())).expect("an image");
        layout.image(None, &Platform::host()).expect("an image")
    }

    #[test]
    fn layers_that_are_there_keep_their_history() {
        let [base, env, first, second] = [
            json!({"created_by": "ADD"}),
            json!({"created_by": "ENV", "empty_layer": true}),
            json!({"created_by": "Layer: 'RUN', Created by extension: one", "author": "x"}),
            json!({"created_by": "COPY", "empty_layer": false}),
        ];
        let run = "Layer: 'RUN', Created by extension: one";
        for (history, expected) in [
            (json!([base, env, first, second]), [run, "COPY"]),
            (json!([base, first]), [run, ""]),
            (json!([]), ["", ""]),
            (Value::Null, ["", ""]),
        ] {
            let image = image(&history);
            let lowest = &image.manifest.layers[0].digest;
            let layers = layers(&image, |blob| blob.digest != *lowest);
            let found: Vec<_> = layers.iter().map(|layer| (layer.index, layer.created_by.as_str())).collect();
            assert_eq!(found, [(1, expected[0]), (2, expected[1])]);
        }
    }
}
