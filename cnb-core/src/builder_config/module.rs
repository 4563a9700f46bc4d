//! `[[buildpacks]]` and `[[extensions]]`.

use crate::diagnostic::Diagnostic;
use crate::diagnostic::Located;
use crate::diagnostic::Severity;
use crate::diagnostic::Span;
use crate::handwritten::Table;
use crate::id::BuildpackId;

/// A buildpack or an extension to put into a builder.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Module {
    /// The ID it must have.
    pub id: Option<Located<BuildpackId>>,
    /// The version it must have.
    pub version: Option<Located<String>>,
    /// Where it comes from.
    pub source: ModuleSource,
    /// Where its source is written, for errors about it.
    pub span: Span,
}

/// Where a buildpack or an extension comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ModuleSource {
    /// An image made by `pack buildpack package`.
    Image(String),
    /// A URI, or a path relative to the directory of builder.toml.
    Uri(String),
}

pub(super) fn read(mut table: Table<'_>) -> Option<Module> {
    let id = read_id(&mut table);
    let version = table.filled("version");
    let uri = table.filled("uri");
    let image = table.filled("image");
    table.refuse_unread(Severity::Error);
    let (source, span) = match (uri, image) {
        (Some(uri), Some(image)) => {
            let diagnostic = Diagnostic::error("uri-and-image", "`uri` and `image` cannot be used together");
            let source = table.findings.source();
            table.findings.report(diagnostic.at(source, image.span, "").at(source, uri.span, ""));
            return None;
        }
        (Some(uri), None) => (ModuleSource::Uri(uri.value), uri.span),
        (None, Some(image)) => (ModuleSource::Image(image.value), image.span),
        (None, None) => {
            let message = format!("an entry of `{}` must have `uri` or `image`", table.name());
            table.error("no-uri-or-image", table.span, message);
            return None;
        }
    };
    Some(Module { id, version, source, span })
}

pub(super) fn read_id(table: &mut Table<'_>) -> Option<Located<BuildpackId>> {
    let id = table.filled("id")?;
    let parsed = id.value.parse::<BuildpackId>();
    let parsed = parsed.map_err(|error| table.error("invalid-id", id.span, error.to_string())).ok();
    parsed.map(|value| Located { value, span: id.span })
}
