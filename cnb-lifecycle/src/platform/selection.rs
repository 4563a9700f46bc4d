//! Which buildpacks a build uses instead of the builder's order.

use std::path::Path;

use cnb_core::backend::Backend;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Source;
use cnb_core::buildpack::order::Order;
use cnb_core::buildpack::order::OrderElement;
use cnb_core::buildpack::order::OrderGroup;
use cnb_core::image_name::ImageName;
use cnb_core::labels::builder;
use cnb_core::labels::builder::BuilderLabel;
use cnb_core::selection::Choice;
use cnb_core::selection::Selection;
use cnb_core::selection::locator::Locator;

use super::BuildRequest;
use super::ExtraBuildpack;
use super::error::During as _;
use super::error::Error;
use super::image_config::ImageConfig;

/// What the labels of a builder say about its buildpacks.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BuilderBuildpacks {
    /// The buildpacks, for locators: see [`cnb_core::selection::locator::Context`].
    pub buildpacks: Vec<OrderElement>,
    /// The builder's order.
    pub order: Vec<OrderGroup>,
    /// The stack of the builder, if it has one.
    pub stack_id: Option<String>,
}

impl BuilderBuildpacks {
    /// Reads the labels of a builder.
    ///
    /// # Errors
    /// When there is no such image, or it has not the labels of a builder.
    pub async fn find(backend: &dyn Backend, builder: &ImageName) -> Result<Self, Error> {
        let image = backend.resolve(ImageRequest::new(builder.clone())).await;
        let image = image.during(format!("find the builder `{builder}`"))?;
        Self::read(&image.config).map_err(|reason| Error::Builder { builder: builder.to_string(), reason })
    }

    fn read(config: &[u8]) -> Result<Self, String> {
        let config = ImageConfig::read(config)
            .map_err(|error| format!("its config is not that of an image: {error}"))?;
        let label = |name: &str| config.label(name).ok_or_else(|| format!("it has no label {name}"));
        let metadata: BuilderLabel = serde_json::from_str(label(builder::LABEL)?)
            .map_err(|error| format!("its label {}: {error}", builder::LABEL))?;
        let order = serde_json::from_str(label(builder::ORDER)?)
            .map_err(|error| format!("its label {}: {error}", builder::ORDER))?;
        let element = |module: builder::Module| {
            let id = module.id.parse().ok()?;
            Some(OrderElement { id, version: module.version, optional: false })
        };
        let buildpacks = metadata.buildpacks.into_iter().filter_map(element).collect();
        Ok(Self { buildpacks, order, stack_id: config.label("io.buildpacks.stack.id").map(str::to_owned) })
    }
}

impl BuildRequest {
    /// Uses the buildpacks that were selected, and puts those beside the builder's that it does not have. `load` says
    /// which buildpack is at a path, and where its files are.
    ///
    /// A selection that leaves the builder's order as it is changes nothing.
    pub fn select<E>(
        &mut self,
        selection: &Selection,
        builder: &BuilderBuildpacks,
        mut load: impl FnMut(&Path, &Choice) -> Result<(OrderElement, Source), E>,
    ) -> Result<(), E> {
        if selection.is_empty() {
            return Ok(());
        }
        let mut added = Vec::new();
        for choice in selection.choices() {
            if let Locator::Inline(inline) = &choice.locator {
                added.push(ExtraBuildpack {
                    id: inline.id.to_string(),
                    version: inline.version.clone(),
                    source: Source::Files(inline.files(builder.stack_id.as_deref())),
                });
            }
        }
        let order = selection.order(&builder.order, |path, choice| {
            let (element, source) = load(path, choice)?;
            let (id, version) = (element.id.to_string(), element.version.clone());
            added.push(ExtraBuildpack { id, version, source });
            Ok(element)
        })?;
        self.buildpacks.append(&mut added);
        self.order = Some(Order { order, order_extensions: Vec::new() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use cnb_core::selection::locator::Context;

    use super::*;

    fn element(id: &str) -> OrderElement {
        OrderElement { id: id.parse().expect("an ID"), version: "1".to_owned(), optional: false }
    }

    #[test]
    fn labels_say_what_a_builder_has() {
        let config = |labels: &str| format!(r#"{{"config":{{"Labels":{{{labels}}}}}}}"#);
        let metadata =
            r#""io.buildpacks.builder.metadata":"{\"buildpacks\":[{\"id\":\"a/b\",\"version\":\"1\"}]}""#;
        let order = r#""io.buildpacks.buildpack.order":"[{\"group\":[{\"id\":\"a/b\",\"version\":\"1\"}]}]""#;
        let builder = BuilderBuildpacks::read(config(&format!("{metadata},{order}")).as_bytes());
        let builder = builder.expect("a builder");
        assert_eq!((&builder.buildpacks[..], builder.order.len()), (&[element("a/b")][..], 1));
        let error = BuilderBuildpacks::read(config(order).as_bytes()).expect_err("no metadata");
        assert_eq!(error, "it has no label io.buildpacks.builder.metadata");
        assert!(BuilderBuildpacks::read(b"x").is_err());
    }

    #[test]
    fn buildpacks_at_paths_are_put_beside_those_of_the_builder() {
        let app = Source::Files(Vec::new());
        let mut request = BuildRequest::new(app.clone(), "oci:builder".parse().expect("a name"), app.clone());
        let builder = BuilderBuildpacks { buildpacks: vec![element("a/b")], ..BuilderBuildpacks::default() };
        let context = Context {
            directory: Path::new(""),
            builder: &builder.buildpacks,
            exists: &|path| path.is_relative(),
        };
        let flags = ["urn:cnb:builder:a/b".to_owned(), "own".to_owned()];
        let (selection, _) = Selection::new(&flags, &context, None, "production").expect("both are there");
        let load = |path: &Path, _: &Choice| {
            assert_eq!(path, Path::new("own"));
            Ok::<_, Infallible>((element("c"), app.clone()))
        };
        request.select(&selection, &builder, load).expect("it loads");
        assert_eq!(request.order.as_ref().expect("an order").order[0].group, [element("a/b"), element("c")]);
        assert_eq!(request.buildpacks.len(), 1);
        request.order = None;
        let none = Selection::default();
        request.select::<Infallible>(&none, &builder, |_, _| panic!("nothing is loaded")).expect("no change");
        assert!(request.order.is_none() && request.buildpacks.len() == 1);
    }
}
