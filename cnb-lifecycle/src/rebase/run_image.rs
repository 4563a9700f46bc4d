//! Which run image an image gets, and where it is.

use std::sync::Arc;

use cnb_core::backend::ErrorKind;
use cnb_core::image_name::ImageName;
use cnb_core::reference::Reference;
use cnb_core::run::RunImageNames;
use cnb_oci::image::Image;
use cnb_oci::platform::Platform;

use super::Error;
use super::RebaseRequest;
use super::Surroundings;
use super::error::During as _;
use super::place::Place;
use crate::image_store::FoundImage;
use crate::phase::analyze::metadata;
use crate::phase::rebase::Manner;
use crate::phase::rebase::RebaseError;
use crate::phase::rebase::run_image;
use crate::platform::repository;

/// Finds run images.
pub(super) struct RunImages<'a> {
    request: &'a RebaseRequest,
    surroundings: &'a Surroundings<'a>,
    source: &'a Arc<Place>,
    /// The one that was asked for.
    asked: Option<Arc<Place>>,
    /// Registries that come before others.
    near: Vec<&'a str>,
}

/// The run image for one image.
pub(super) struct Base {
    pub(super) found: FoundImage,
    pub(super) place: Arc<Place>,
}

impl<'a> RunImages<'a> {
    pub(super) fn new(
        request: &'a RebaseRequest,
        outputs: &'a [ImageName],
        surroundings: &'a Surroundings<'a>,
        source: &'a Arc<Place>,
    ) -> Result<Self, Error> {
        let open = |name: &ImageName| Place::open(name, surroundings).during(|| find(name)).map(Arc::new);
        let asked = request.run_image.as_ref().map(open).transpose()?;
        let near = outputs.iter().chain([&request.image]).filter_map(registry).collect();
        Ok(Self { request, surroundings, source, asked, near })
    }

    /// The run image for an image.
    pub(super) fn find(&self, app: &Image) -> Result<Base, Error> {
        let label = metadata(&app.config).map_err(|error| Error::Rebase {
            image: self.request.image.to_string(),
            source: RebaseError::Label(error),
        })?;
        let names = run_image::names(&label, true);
        let platform = platform(app);
        if let Some(place) = &self.asked {
            let image = place.image(&platform).during(|| find(&place.name))?;
            return Ok(self.base(image, place, names.as_ref()));
        }
        let names = names.ok_or_else(|| {
            Error::RunImage(format!("`{}` does not say which one it is on", self.request.image))
        })?;
        for name in std::iter::once(&names.image).chain(&names.mirrors) {
            let beside = self.source.beside(name, &platform);
            if let Some(image) =
                beside.during(|| format!("find the run image `{name}` beside `{}`", self.source.name))?
            {
                return Ok(self.base(image, self.source, Some(&names)));
            }
        }
        self.in_registries(&names, &platform)
    }

    /// The first that can be read, those in registries of the outputs and of the image before others.
    fn in_registries(&self, names: &RunImageNames, platform: &Platform) -> Result<Base, Error> {
        let mut first = None;
        for reference in places(names, &self.near) {
            let name = ImageName::Docker { reference };
            let place = Place::open(&name, self.surroundings).during(|| find(&name))?;
            match place.image(platform) {
                Err(cause) if matches!(cause.kind, ErrorKind::NotFound | ErrorKind::Denied) => {
                    first.get_or_insert(cause);
                }
                image => {
                    let image = image.during(|| find(&name))?;
                    return Ok(self.base(image, &Arc::new(place), Some(names)));
                }
            }
        }
        let beside = if self.source.layout().is_some() { ", is not beside it," } else { "" };
        let why = first.map_or_else(String::new, |cause| format!(": {}", cause.text()));
        Err(Error::RunImage(format!(
            "`{}` is on `{}`, which{beside} cannot be read, nor can a mirror of it{why}",
            self.request.image, names.image
        )))
    }

    /// The run image with the name that the image knows it by. An unknown name is that of an unknown image.
    fn base(&self, image: Image, place: &Arc<Place>, names: Option<&RunImageNames>) -> Base {
        let known = || names.map(|names| names.image.clone()).unwrap_or_default();
        let name = match place.reference().map(ToString::to_string) {
            Some(name) if !names.is_some_and(|names| names.contains(&name)) => name,
            _ => known(),
        };
        let repository = match place.reference() {
            Some(reference) if self.request.manner == Manner::Lifecycle => {
                format!("{}/{}", reference.registry(), reference.repository())
            }
            // Never a path of this machine.
            _ => repository(&name).to_owned(),
        };
        let digest = &image.descriptor.digest;
        let identifier =
            if repository.is_empty() { digest.to_string() } else { format!("{repository}@{digest}") };
        Base { found: FoundImage::new(name, identifier, image), place: Arc::clone(place) }
    }
}

/// What an image runs on.
pub(super) fn platform(image: &Image) -> Platform {
    let (config, host) = (&image.config, Platform::host());
    if config.os().is_empty() || config.architecture().is_empty() {
        return host;
    }
    let variant = Some(config.variant().to_owned()).filter(|variant| !variant.is_empty());
    Platform { architecture: config.architecture().to_owned(), os: config.os().to_owned(), variant, ..host }
}

/// The names that are those of images in registries, near ones first.
fn places(names: &RunImageNames, near: &[&str]) -> Vec<Reference> {
    let names = std::iter::once(&names.image).chain(&names.mirrors);
    let mut places: Vec<Reference> = names.filter_map(|name| name.parse().ok()).collect();
    places.sort_by_key(|place| near.iter().position(|near| *near == place.registry()).unwrap_or(near.len()));
    places
}

fn registry(name: &ImageName) -> Option<&str> {
    match name {
        ImageName::Docker { reference } => Some(reference.registry()),
        _ => None,
    }
}

fn find(name: &ImageName) -> String {
    format!("find the run image `{name}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_registries_come_first() {
        let names = RunImageNames {
            image: "far.test/run:1".to_owned(),
            mirrors: ["No Name", "out.test/run", "app.test/run"].map(str::to_owned).into(),
        };
        let places: Vec<_> =
            places(&names, &["out.test", "app.test"]).iter().map(ToString::to_string).collect();
        assert_eq!(places, ["out.test/run:latest", "app.test/run:latest", "far.test/run:1"]);
    }
}
