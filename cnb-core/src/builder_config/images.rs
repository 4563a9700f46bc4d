//! The build image and the run images, and their older form in `[stack]` (RFC 0096).

use crate::diagnostic::Diagnostic;
use crate::diagnostic::Located;
use crate::diagnostic::Severity;
use crate::handwritten::Table;

/// An image to run applications on.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunImage {
    /// Its name.
    pub image: Located<String>,
    /// Names of copies of it.
    pub mirrors: Vec<String>,
}

pub(super) fn read_build(
    root: &Table<'_>,
    build: Option<&mut Table<'_>>,
    stack: Option<&mut Table<'_>>,
) -> Option<Located<String>> {
    let image = build.and_then(|build| build.filled("image"));
    let old = stack.and_then(|stack| stack.filled("build-image"));
    check_same(root, ("build.image", image.as_ref()), ("stack.build-image", old.as_ref()));
    let image = image.or(old);
    if image.is_none() {
        root.error("no-build-image", root.span, "`build.image` is required");
    }
    image
}

pub(super) fn read_run(root: &mut Table<'_>, stack: Option<&mut Table<'_>>) -> Vec<RunImage> {
    let mut images = Vec::new();
    let mut is_written = false;
    if let Some(mut run) = root.table("run") {
        is_written = run.key_span("images").is_some();
        images = run.tables("images").into_iter().filter_map(read_image).collect();
        run.refuse_unread(Severity::Error);
    }
    let old = stack.and_then(read_stack);
    let first = images.first().map(|run: &RunImage| &run.image);
    let old_image = old.as_ref().map(|run| &run.image);
    check_same(root, ("run.images", first), ("stack.run-image", old_image));
    if images.is_empty() && !is_written {
        images.extend(old);
    }
    if images.is_empty() && !is_written {
        root.error("no-run-image", root.span, "`[[run.images]]` is required");
    }
    images
}

fn read_image(mut table: Table<'_>) -> Option<RunImage> {
    let image = table.filled("image");
    let mirrors = table.plain_strings("mirrors");
    table.refuse_unread(Severity::Error);
    if image.is_none() {
        table.error("no-image", table.span, "an entry of `run.images` must have `image`");
    }
    Some(RunImage { image: image?, mirrors })
}

fn read_stack(stack: &mut Table<'_>) -> Option<RunImage> {
    let mirrors = stack.plain_strings("run-image-mirrors");
    Some(RunImage { image: stack.filled("run-image")?, mirrors })
}

fn check_same(
    root: &Table<'_>,
    (name, image): (&str, Option<&Located<String>>),
    (old_name, old): (&str, Option<&Located<String>>),
) {
    if let (Some(image), Some(old)) = (image, old)
        && image.value != old.value
    {
        let message = format!("`{name}` and `{old_name}` are not the same image");
        let source = root.findings.source();
        let diagnostic = Diagnostic::error("two-images", message).at(source, old.span, "");
        root.findings.report(diagnostic.at(source, image.span, ""));
    }
}
