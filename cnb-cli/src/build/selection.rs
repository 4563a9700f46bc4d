//! Which buildpacks a build uses: `--buildpack`, and `group`, `pre` and `post` of the descriptor.

use std::fs;
use std::path::Path;

use cnb_core::backend::Backend;
use cnb_core::buildpack::descriptor::BuildpackDescriptor;
use cnb_core::buildpack::order::OrderElement;
use cnb_core::diagnostic::Diagnostics;
use cnb_core::project::Descriptor;
use cnb_core::selection::Choice;
use cnb_core::selection::Origin;
use cnb_core::selection::Selection;
use cnb_core::selection::locator::Context;
use cnb_lifecycle::platform::BuildRequest;
use cnb_lifecycle::platform::BuilderBuildpacks;
use cnb_lifecycle::platform::directory;

use super::args::Args;
use super::failure::failure;
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
    if args.buildpack.is_empty() && !descriptor.is_some_and(Descriptor::asks_for_buildpacks) {
        return Ok(Diagnostics::default());
    }
    let builder = BuilderBuildpacks::find(backend, &request.builder).await;
    let builder = builder.map_err(|error| failure(&error))?;
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
    request.select(&selection, &builder, |path, choice| {
        Ok((load(path, choice, descriptor)?, directory(path)))
    })?;
    Ok(warnings)
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
    let read = BuildpackDescriptor::read(&file, &text).and_then(|buildpack| buildpack.order_element(&file));
    read.map_err(|error| asked("invalid-buildpack", error.to_string()))
}
