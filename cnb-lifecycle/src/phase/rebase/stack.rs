//! Whether a new base has the stack of an image, which images have that were made before Platform API 0.12.

use std::collections::BTreeSet;

use cnb_core::labels;
use cnb_oci::config::ImageConfig;

/// Why an image cannot have a base.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IncompatibleStack {
    /// The base has another stack.
    #[error("incompatible stack: '{new}' is not compatible with '{old}'")]
    Id {
        /// The stack of the base.
        new: String,
        /// The stack of the image.
        old: String,
    },
    /// The base lacks mixins that the image has.
    #[error("missing required mixin(s): {}", .0.join(", "))]
    MissingMixins(Vec<String>),
    /// Mixins cannot be read.
    #[error("get {image} mixins: failed to unmarshal context of label '{}'", labels::STACK_MIXINS)]
    Mixins {
        /// Whose they are.
        image: &'static str,
        /// Why not.
        source: serde_json::Error,
    },
    /// An image has no stack.
    #[error("stack not defined on {0}")]
    NoId(&'static str),
}

/// Compares stacks and mixins, the latter whatever stage they are for.
pub fn validate(app: &ImageConfig, new_base: &ImageConfig) -> Result<(), IncompatibleStack> {
    let id = |image: &ImageConfig, name| {
        let id = image.label(labels::STACK_ID).unwrap_or_default().to_owned();
        if id.is_empty() { Err(IncompatibleStack::NoId(name)) } else { Ok(id) }
    };
    let (old, new) = (id(app, "app image")?, id(new_base, "new base image")?);
    if old != new {
        return Err(IncompatibleStack::Id { new, old });
    }
    let (old, new) = (mixins(app, "app image")?, mixins(new_base, "run image")?);
    let missing: Vec<String> = old.difference(&new).cloned().collect();
    if missing.is_empty() { Ok(()) } else { Err(IncompatibleStack::MissingMixins(missing)) }
}

fn mixins(config: &ImageConfig, image: &'static str) -> Result<BTreeSet<String>, IncompatibleStack> {
    let Some(label) = config.label(labels::STACK_MIXINS).filter(|label| !label.is_empty()) else {
        return Ok(BTreeSet::new());
    };
    let mixins: Option<Vec<String>> =
        serde_json::from_str(label).map_err(|source| IncompatibleStack::Mixins { image, source })?;
    let without_stage =
        |mixin: String| mixin.split_once(':').map_or(mixin.clone(), |(_, name)| name.to_owned());
    Ok(mixins.into_iter().flatten().map(without_stage).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config((id, mixins): (&str, &str)) -> ImageConfig {
        let labels = json!({labels::STACK_ID: id, labels::STACK_MIXINS: mixins});
        ImageConfig::parse(json!({"config": {"Labels": labels}}).to_string()).expect("a config")
    }

    #[test]
    fn the_base_must_have_the_stack_and_the_mixins() {
        for (app, new_base, expected) in [
            (("s", ""), ("s", ""), ""),
            (("s", r#"["run:a","b"]"#), ("s", r#"["a","build:b","c"]"#), ""),
            (("s", r#"["z","build:a","b"]"#), ("s", r#"["b"]"#), "missing required mixin(s): a, z"),
            (("s", ""), ("t", ""), "incompatible stack: 't' is not compatible with 's'"),
            (("", ""), ("t", ""), "stack not defined on app image"),
            (("s", ""), ("", ""), "stack not defined on new base image"),
            (
                ("s", "x"),
                ("s", ""),
                "get app image mixins: failed to unmarshal context of label 'io.buildpacks.stack.mixins'",
            ),
        ] {
            let result = validate(&config(app), &config(new_base));
            assert_eq!(result.err().map(|error| error.to_string()).unwrap_or_default(), expected);
        }
    }
}
