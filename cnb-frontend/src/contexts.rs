//! Images and directories by name: `--build-context NAME=SOURCE`.

use cnb_core::image_name::ImageName;
use cnb_core::reference::Reference;
use cnb_llb::Platform;
use cnb_llb::gateway::ContextSource;
use cnb_llb::gateway::NamedContext;

/// The context that is the builder.
pub const BUILDER: &str = "builder";
/// The context that is the run image.
pub const RUN_IMAGE: &str = "run-image";
/// The context that is the image of the last build.
pub const PREVIOUS_IMAGE: &str = "previous-image";

/// The transport of images that are contexts, and what buildpacks that are contexts start with.
pub(crate) const TRANSPORT: &str = "context";

/// Transports of images on a machine, which a daemon does not have.
const OF_THIS_MACHINE: [&str; 4] = ["docker-archive", "docker-daemon", "oci", "oci-archive"];

/// A text does not name an image that a frontend can have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidImage {
    /// It is no reference.
    #[error("`{0}` is not the name of an image in a registry")]
    NoReference(String),
    /// It is on the machine of the client.
    #[error(
        "`{0}` is on the machine of whoever builds, where a daemon cannot read; \
         `--build-context {1}=oci-layout://DIRECTORY:TAG` hands an image over"
    )]
    OfThisMachine(String, &'static str),
    /// No such context is given.
    #[error("there is no context `{0}`: `--build-context {0}=...` gives one")]
    UnknownContext(String),
}

/// The context of a name for a platform: the one for it alone before the one for all.
pub fn find<'a>(contexts: &'a [NamedContext], name: &str, platform: &Platform) -> Option<&'a NamedContext> {
    let platform = platform.to_string();
    let of_name = || contexts.iter().filter(|context| context.name == name);
    let of_platform = of_name().find(|context| context.platform.as_deref() == Some(&platform));
    of_platform.or_else(|| of_name().find(|context| context.platform.is_none()))
}

/// The image that a text names, which is for what the context `role` could be: a reference, with or without `docker://`,
/// or `context:NAME`.
///
/// # Errors
/// When it names none, one that no daemon can read, or a context that is not given.
pub fn image(text: &str, role: &'static str, contexts: &[NamedContext]) -> Result<ImageName, InvalidImage> {
    let (transport, rest) = text.split_once(':').unwrap_or(("", text));
    if transport == TRANSPORT {
        let is_known = contexts.iter().any(|context| context.name == rest);
        return is_known
            .then(|| of_context(rest))
            .ok_or_else(|| InvalidImage::UnknownContext(rest.to_owned()));
    }
    if OF_THIS_MACHINE.contains(&transport) {
        return Err(InvalidImage::OfThisMachine(text.to_owned(), role));
    }
    let reference = text.strip_prefix("docker://").unwrap_or(text).parse();
    let reference = reference.map_err(|_| InvalidImage::NoReference(text.to_owned()))?;
    Ok(ImageName::Docker { reference })
}

/// The image of a context.
pub fn of_context(name: &str) -> ImageName {
    ImageName::Other { transport: TRANSPORT.to_owned(), rest: name.to_owned() }
}

/// What a context or an image is called when it gets updates.
pub fn stable_name(name: &ImageName, contexts: &[NamedContext], platform: &Platform) -> String {
    if let ImageName::Other { rest, .. } = name
        && let Some(context) = find(contexts, rest, platform)
        && let ContextSource::DockerImage(reference) = &context.source
        && let Ok(reference) = reference.parse()
    {
        return ImageName::Docker { reference }.to_string();
    }
    // What clients call layouts is another word each time.
    name.to_string()
}

/// The contexts with every name that an image may be looked up by: clients leave out of names what is the same for all.
pub fn with_full_names(contexts: &[NamedContext]) -> Vec<NamedContext> {
    let full = contexts.iter().filter_map(|context| {
        let name = context.name.parse::<Reference>().ok()?.to_string();
        Some(NamedContext { name, ..context.clone() })
    });
    contexts.iter().cloned().chain(full).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(name: &str, platform: Option<&str>, source: ContextSource) -> NamedContext {
        NamedContext { name: name.to_owned(), platform: platform.map(str::to_owned), source }
    }

    fn docker(reference: &str) -> ContextSource {
        ContextSource::DockerImage(reference.to_owned())
    }

    #[test]
    fn texts_name_images() {
        let contexts = [context("own", None, docker("x/y"))];
        let named = |text: &str| match image(text, BUILDER, &contexts) {
            Ok(name) => name.to_string(),
            Err(error) => error.to_string(),
        };
        let cases = [
            ("localhost:5000/a/b:1", "docker://localhost:5000/a/b:1"),
            ("docker://ab", "docker://index.docker.io/library/ab:latest"),
            ("context:own", "context:own"),
            ("context:other", "there is no context `other`: `--build-context other=...` gives one"),
            ("A b", "`A b` is not the name of an image in a registry"),
        ];
        for (text, expected) in cases {
            assert_eq!(named(text), expected);
        }
        let error = named("oci:build/layout:app");
        assert!(error.contains("`--build-context builder=oci-layout://DIRECTORY:TAG`"), "{error}");
    }

    #[test]
    fn a_context_for_the_platform_comes_first() {
        let contexts = [
            context("builder", None, docker("x/all")),
            context("builder", Some("linux/arm64"), docker("x/arm:2")),
            context("run-image", Some("linux/arm64"), docker("x/run")),
            context("layout", None, ContextSource::OciLayout("abc@sha256:0".to_owned())),
        ];
        let arm = Platform::new("linux", "arm64");
        let amd = Platform::new("linux", "amd64");
        let name = |name: &str, platform| stable_name(&of_context(name), &contexts, platform);
        assert_eq!(name("builder", &arm), "docker://index.docker.io/x/arm:2");
        assert_eq!(name("builder", &amd), "docker://index.docker.io/x/all:latest");
        assert_eq!(find(&contexts, "run-image", &amd), None);
        assert_eq!(name("layout", &amd), "context:layout");
    }

    #[test]
    fn short_names_are_names_of_images_too() {
        let names: Vec<String> =
            with_full_names(&[context("team/base", None, docker("x"))]).into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["team/base", "index.docker.io/team/base:latest"]);
    }
}
