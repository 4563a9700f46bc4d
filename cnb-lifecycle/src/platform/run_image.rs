//! Which run image a build uses, and what it is.

use cnb_core::backend::Backend;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Image;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Tree;
use cnb_core::image_name::ImageName;
use cnb_core::reference::Reference;
use cnb_core::run::Run;
use cnb_core::run::RunImageNames;
use cnb_core::run::Stack;

use super::BuildRequest;
use super::builder::Builder;
use super::builder::read_text;
use super::error::During as _;
use super::error::Error;

/// The run image of a build.
#[derive(Debug)]
pub(super) struct RunImage {
    /// The image.
    pub(super) image: Image,
    /// The names that the builder declares, best first.
    pub(super) names: Vec<RunImageNames>,
}

/// Finds the run image where the request says, if it does.
pub(super) async fn named(backend: &dyn Backend, request: &BuildRequest) -> Option<Result<Image, Error>> {
    let name = request.run_image.as_ref()?;
    let found = backend.resolve(ImageRequest::new(name.clone())).await;
    Some(found.during(format!("find the run image `{name}`")))
}

impl RunImage {
    /// The run image: the one that is wanted, else that with its declared name beside the builder.
    pub(super) async fn resolve(
        backend: &dyn Backend,
        request: &BuildRequest,
        builder: &Builder,
        wanted: Option<Result<Image, Error>>,
    ) -> Result<Self, Error> {
        let names = builder.run_images.clone();
        let Some(first) = names.first() else {
            let reason = "it declares no run image: /cnb/run.toml has no `[[images]]`";
            return Err(Error::Builder { builder: request.builder.to_string(), reason: reason.to_owned() });
        };
        if let Some(image) = wanted {
            return Ok(Self { image: image?, names });
        }
        let image = match &request.builder {
            ImageName::Docker { reference } => in_registries(backend, request, reference, first).await?,
            _ => beside_builder(backend, request, &first.image).await?,
        };
        Ok(Self { image, names })
    }

    /// The reference that labels carry: a name with a digest, never a path of this machine.
    pub(super) fn reference(&self) -> String {
        format!("{}@{}", repository(&self.names[0].image), self.image.digest)
    }
}

/// A name without tag and digest: beside the digest that was found they say nothing more.
pub(crate) fn repository(name: &str) -> &str {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    name[last..].find(':').map_or(name, |colon| &name[..last + colon])
}

async fn beside_builder(backend: &dyn Backend, request: &BuildRequest, name: &str) -> Result<Image, Error> {
    let tag = Some(name.to_owned());
    let place = match request.builder.clone() {
        ImageName::Oci { directory, .. } => ImageName::Oci { directory, tag },
        ImageName::OciArchive { file, .. } => ImageName::OciArchive { file, tag },
        _ => return Err(not_found(request, name)),
    };
    match backend.resolve(ImageRequest::new(place.clone())).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(not_found(request, name)),
        found => found.during(format!("find the run image `{place}`")),
    }
}

/// A builder in a registry names a run image in a registry, and mirrors of it: the first that can be had counts,
/// those in the registry of the output or the builder before others.
async fn in_registries(
    backend: &dyn Backend,
    request: &BuildRequest,
    builder: &Reference,
    names: &RunImageNames,
) -> Result<Image, Error> {
    let mut near: Vec<&str> = request.outputs.iter().filter_map(registry).collect();
    near.push(builder.registry());
    let places = std::iter::once(&names.image).chain(&names.mirrors);
    let mut places: Vec<Reference> = places.filter_map(|name| name.parse().ok()).collect();
    places.sort_by_key(|place| near.iter().position(|near| *near == place.registry()).unwrap_or(near.len()));
    for reference in places {
        let place = ImageName::Docker { reference };
        match backend.resolve(ImageRequest::new(place.clone())).await {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Denied) => {}
            found => return found.during(format!("find the run image `{place}`")),
        }
    }
    let builder = &request.builder;
    let name = &names.image;
    Err(Error::RunImage(format!(
        "the builder `{builder}` asks for `{name}`, which cannot be read, nor can a mirror of it; say where it is"
    )))
}

fn registry(name: &ImageName) -> Option<&str> {
    match name {
        ImageName::Docker { reference } => Some(reference.registry()),
        _ => None,
    }
}

fn not_found(request: &BuildRequest, name: &str) -> Error {
    let builder = &request.builder;
    Error::RunImage(format!(
        "the builder `{builder}` asks for `{name}`, and there is no image of that name beside it; say where it is"
    ))
}

/// The run images of a builder: of /cnb/run.toml; older builders have /cnb/stack.toml.
pub(super) async fn declared(backend: &dyn Backend, builder: &Tree) -> Result<Vec<RunImageNames>, Error> {
    if let Some(text) = read_text(backend, builder, "/cnb/run.toml").await? {
        let run: Run = parse("/cnb/run.toml", &text)?;
        return Ok(run.images);
    }
    let Some(text) = read_text(backend, builder, "/cnb/stack.toml").await? else { return Ok(Vec::new()) };
    let stack: Stack = parse("/cnb/stack.toml", &text)?;
    Ok(vec![stack.run_image])
}

fn parse<T: serde::de::DeserializeOwned>(path: &'static str, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|source| Error::Document {
        path,
        phase: "builder's",
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_and_digest_are_dropped_and_a_port_kept() {
        for (name, expected) in [
            ("run:bookworm", "run"),
            ("cnb.example/run:1", "cnb.example/run"),
            ("localhost:5000/run", "localhost:5000/run"),
            ("localhost:5000/run:1", "localhost:5000/run"),
            ("cnb.example/run@sha256:1234", "cnb.example/run"),
            ("localhost:5000/run:1@sha256:1234", "localhost:5000/run"),
        ] {
            assert_eq!(repository(name), expected);
        }
    }
}
