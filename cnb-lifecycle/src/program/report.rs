//! `report.toml`: what was written.

use std::path::Path;

use cnb_core::encode::go_toml;
use cnb_core::report::Build;
use cnb_core::report::Image;
use cnb_core::report::Report;

use super::documents;
use super::failure::Failure;
use super::inputs::Inputs;
use crate::causes::with_causes;
use crate::image_store::Saved;

/// An image does not have all of its names.
#[derive(Debug, thiserror::Error)]
#[error("failed to write image to the following tags: {0}")]
pub(super) struct MissingTags(String);

/// What the report says about an image, which must have all of its names.
pub(super) fn image(saved: Saved) -> Result<Image, MissingTags> {
    let missing = saved.names.iter().filter_map(|(name, result)| {
        let error = result.as_ref().err()?;
        Some(format!("[{name}: {}]", with_causes(error)))
    });
    let missing: Vec<String> = missing.collect();
    if !missing.is_empty() {
        return Err(MissingTags(missing.join(",")));
    }
    let tags = saved.names.into_iter().map(|(name, _)| name).collect();
    let digest = saved.digest.map(|digest| digest.to_string()).unwrap_or_default();
    Ok(Image { tags, digest, manifest_size: saved.manifest_size, ..Image::default() })
}

/// Writes the report of a phase.
pub(super) fn write(inputs: &Inputs, build: Build, image: Image, phase: &str) -> Result<(), Failure> {
    let failed = |error| Failure::new(format!("write {phase} report"), error);
    let report = go_toml::to_string(&Report { build, image }).map_err(failed)?;
    documents::write("report", Path::new(&inputs.report_path), &report)
        .map_err(|failure| failure.while_doing(&format!("write {phase} report")))
}

#[cfg(test)]
mod tests {
    use cnb_core::backend::Error;
    use cnb_core::backend::ErrorKind;

    use super::*;

    #[test]
    fn an_image_without_one_of_its_names_is_none() {
        let saved = |refused: &[&str]| {
            let names = ["a", "b", "c"].map(|name| {
                let is_refused = refused.contains(&name);
                let error = is_refused.then(|| Error::new(ErrorKind::Denied, "refused"));
                (name.to_owned(), error.map_or(Ok(()), Err))
            });
            Saved::new(names.into(), "id", None, 7)
        };
        let all = image(saved(&[])).expect("all names");
        assert_eq!((all.tags.len(), all.manifest_size), (3, 7));
        let missing = image(saved(&["b", "c"])).expect_err("missing names").to_string();
        assert_eq!(missing, "failed to write image to the following tags: [b: refused],[c: refused]");
    }
}
