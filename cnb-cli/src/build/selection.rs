//! Which buildpacks a build uses: `--buildpack`, and `group`, `pre` and `post` of the descriptor.

use std::fs;
use std::path::Path;

use cnb_core::backend::Backend;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Source;
use cnb_core::buildpack::descriptor::BuildpackDescriptor;
use cnb_core::buildpack::order::Order;
use cnb_core::buildpack::order::OrderElement;
use cnb_core::buildpack::order::OrderGroup;
use cnb_core::diagnostic::Diagnostics;
use cnb_core::labels::builder;
use cnb_core::labels::builder::BuilderLabel;
use cnb_core::project::Descriptor;
use cnb_core::selection::Choice;
use cnb_core::selection::Origin;
use cnb_core::selection::Selection;
use cnb_core::selection::locator::Context;
use cnb_core::selection::locator::Locator;
use cnb_lifecycle::platform::BuildRequest;
use cnb_lifecycle::platform::ExtraBuildpack;
use cnb_lifecycle::platform::directory;
use cnb_oci::config::ImageConfig;

use super::args::Args;
use super::failure::of_backend;
use super::request::base_directory;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// Puts the order that was asked for into the request, and the buildpacks that the builder does not have.
pub(super) async fn select(
    backend: &dyn Backend,
    request: &mut BuildRequest,
    args: &Args,
    descriptor: Option<&Descriptor>,
) -> Result<Diagnostics> {
    let asks = |descriptor: &Descriptor| {
        [&descriptor.group, &descriptor.pre, &descriptor.post].iter().any(|list| !list.is_empty())
    };
    if args.buildpack.is_empty() && !descriptor.is_some_and(asks) {
        return Ok(Diagnostics::default());
    }
    let builder = Builder::find(backend, request).await?;
    let exists = |path: &Path| path.exists();
    let context = |directory| Context { directory, builder: &builder.buildpacks, exists: &exists };
    let (flags, beside) = (context(Path::new("")), context(base_directory(args)));
    let selection = Selection::new(
        &args.buildpack,
        &flags,
        descriptor.map(|descriptor| (descriptor, &beside)),
        &request.exec_env,
    );
    let (selection, warnings) = selection.map_err(|errors| Failure::invalid(&errors))?;
    for choice in selection.choices() {
        if let Locator::Inline(inline) = &choice.locator {
            request.buildpacks.push(ExtraBuildpack {
                id: inline.id.to_string(),
                version: inline.version.clone(),
                source: Source::Files(inline.files(builder.stack_id.as_deref())),
            });
        }
    }
    let order = selection.order(&builder.order, |path, choice| {
        let element = load(path, choice, descriptor)?;
        request.buildpacks.push(ExtraBuildpack {
            id: element.id.to_string(),
            version: element.version.clone(),
            source: directory(path),
        });
        Ok(element)
    })?;
    request.order = Some(Order { order, order_extensions: Vec::new() });
    Ok(warnings)
}

/// What the labels of a builder say about its buildpacks.
struct Builder {
    buildpacks: Vec<OrderElement>,
    order: Vec<OrderGroup>,
    stack_id: Option<String>,
}

impl Builder {
    async fn find(backend: &dyn Backend, request: &BuildRequest) -> Result<Self> {
        let image = backend.resolve(ImageRequest::new(request.builder.clone())).await;
        let image = image.map_err(|error| Failure::caused(of_backend(&error), &error))?;
        let unusable = |reason: String| {
            Failure::new(Exit::Image, format!("the builder `{}` cannot be used: {reason}", request.builder))
        };
        let config = ImageConfig::parse(image.config).map_err(|error| unusable(error.to_string()))?;
        let label =
            |name: &str| config.label(name).ok_or_else(|| unusable(format!("it has no label {name}")));
        let metadata: BuilderLabel = serde_json::from_str(label(builder::LABEL)?)
            .map_err(|error| unusable(format!("its label {}: {error}", builder::LABEL)))?;
        let order = serde_json::from_str(label(builder::ORDER)?)
            .map_err(|error| unusable(format!("its label {}: {error}", builder::ORDER)))?;
        let element = |module: builder::Module| {
            let id = module.id.parse().ok()?;
            Some(OrderElement { id, version: module.version, optional: false })
        };
        let buildpacks = metadata.buildpacks.into_iter().filter_map(element).collect();
        Ok(Self { buildpacks, order, stack_id: config.label("io.buildpacks.stack.id").map(str::to_owned) })
    }
}

/// Which buildpack is in a directory.
fn load(path: &Path, choice: &Choice, descriptor: Option<&Descriptor>) -> Result<OrderElement> {
    let asked = |code, message: String| match (&choice.origin, descriptor) {
        (Origin::Descriptor(span), Some(descriptor)) => {
            Failure::invalid(&descriptor.error_at(*span, code, message).into())
        }
        _ => Failure::new(Exit::InvalidInput, message),
    };
    if !path.is_dir() {
        let message =
            format!("the buildpack `{}` is not a directory; archives are not supported yet", path.display());
        return Err(asked("not-a-directory", message));
    }
    let file = path.join("buildpack.toml");
    let text = fs::read_to_string(&file)
        .map_err(|error| asked("no-buildpack", format!("failed to read `{}`: {error}", file.display())))?;
    let buildpack = BuildpackDescriptor::read(&file, &text)
        .map_err(|error| Failure::new(Exit::InvalidInput, error.to_string()))?;
    let info = buildpack.buildpack;
    Ok(OrderElement { id: info.id, version: info.version, optional: false })
}
