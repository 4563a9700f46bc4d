//! What a text that names a buildpack stands for (RFC 0037 and `pkg/buildpack/locator_type.go` of `pack`).
//!
//! The first rule that fits decides, so a name alone can be a path, then a buildpack of the builder. What
//! `pack` would fetch from a registry or a server is not supported yet, and an error says so.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use super::inline::InlineBuildpack;
use crate::buildpack::order::OrderElement;
use crate::reference::Reference;

/// What a locator stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Locator {
    /// The builder's order.
    Builder,
    /// A buildpack of the builder.
    Id(OrderElement),
    /// A script in the descriptor.
    Inline(InlineBuildpack),
    /// A directory or archive of this machine.
    Path(PathBuf),
}

/// Why a text was taken for what it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// It is the ID of a buildpack of the builder.
    BuilderId,
    /// It starts with `urn:cnb:builder:` or `from=builder:`.
    BuilderUrn,
    /// It is `id` of an entry of the descriptor.
    DescriptorId,
    /// It is `script` of an entry of the descriptor.
    DescriptorScript,
    /// There is something at this path.
    ExistingPath,
    /// It is a URI that starts with `file:`.
    FileUri,
    /// It is `from=builder`.
    FromBuilder,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BuilderId => "the builder has a buildpack with this ID",
            Self::BuilderUrn => "it names a buildpack of the builder",
            Self::DescriptorId => "it is `id` in the descriptor",
            Self::DescriptorScript => "it is `script` in the descriptor",
            Self::ExistingPath => "there is something at this path",
            Self::FileUri => "it is a URI of a file",
            Self::FromBuilder => "it stands for the builder's order",
        })
    }
}

/// What locators are resolved with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What relative paths are relative to.
    pub directory: &'a Path,
    /// The buildpacks of the builder; whether they are optional does not matter.
    pub builder: &'a [OrderElement],
    /// Whether there is anything at a path.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut context = f.debug_struct("Context");
        context.field("directory", &self.directory).field("builder", &self.builder).finish_non_exhaustive()
    }
}

/// Why a text does not stand for a buildpack that can be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLocator {
    /// Several versions fit.
    #[error("the builder has `{id}` in several versions, so one must be chosen: {versions}")]
    Ambiguous {
        /// The ID.
        id: String,
        /// The versions, with commas.
        versions: String,
    },
    /// The builder does not have it.
    #[error("the builder has no buildpack `{locator}`{known}")]
    NotInBuilder {
        /// The ID, and the version if one was asked for.
        locator: String,
        /// The versions there are.
        known: String,
    },
    /// No rule fits.
    #[error("`{0}` is not a path that exists, and the builder has no such buildpack")]
    Unknown(String),
    /// A rule fits that is not supported.
    #[error("`{locator}` is {what}, which is not supported yet")]
    Unsupported {
        /// The text.
        locator: String,
        /// What it stands for.
        what: &'static str,
    },
}

impl InvalidLocator {
    /// Names the rule in a diagnostic.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ambiguous { .. } => "ambiguous-version",
            Self::NotInBuilder { .. } => "not-in-builder",
            Self::Unknown(_) => "unknown-buildpack",
            Self::Unsupported { .. } => "unsupported-locator",
        }
    }
}

/// What `text` stands for, and why.
pub fn resolve(text: &str, context: &Context<'_>) -> Result<(Locator, Rule), InvalidLocator> {
    let unsupported = |what| Err(InvalidLocator::Unsupported { locator: text.to_owned(), what });
    if text == "from=builder" {
        return Ok((Locator::Builder, Rule::FromBuilder));
    }
    for prefix in ["urn:cnb:builder:", "from=builder:"] {
        if let Some(name) = text.strip_prefix(prefix) {
            let (id, version) = split_version(name);
            return Ok((Locator::Id(find_in_builder(id, version, context)?), Rule::BuilderUrn));
        }
    }
    if text.starts_with("urn:cnb:registry:") {
        return unsupported("in a buildpack registry");
    }
    if let Some(rest) = text.strip_prefix("file://") {
        return Ok((Locator::Path(context.directory.join(unescape(rest))), Rule::FileUri));
    }
    match text.split_once(":/") {
        Some(("docker", _)) => return unsupported("an image of a buildpack"),
        Some(("http" | "https", _)) => return unsupported("a buildpack on a server"),
        Some(("", _)) | None => {}
        Some(_) => return unsupported("a URI of another kind than `file:`"),
    }
    resolve_name(text, context)
}

/// The buildpack of the builder with this ID and version.
pub fn find_in_builder(
    id: &str,
    version: Option<&str>,
    context: &Context<'_>,
) -> Result<OrderElement, InvalidLocator> {
    let mut same_id: Vec<&OrderElement> = Vec::new();
    for element in context.builder.iter().filter(|element| element.id.as_str() == id) {
        if !same_id.iter().any(|known| known.version == element.version) {
            same_id.push(element);
        }
    }
    let versions = same_id.iter().map(|element| element.version.as_str()).collect::<Vec<_>>().join(", ");
    let fits = |element: &&&OrderElement| version.is_none_or(|version| element.version == version);
    let mut fitting = same_id.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(element), None) => Ok(OrderElement { optional: false, ..(*element).clone() }),
        (Some(_), Some(_)) => Err(InvalidLocator::Ambiguous { id: id.to_owned(), versions }),
        (None, _) => {
            let locator = version.map_or_else(|| id.to_owned(), |version| format!("{id}@{version}"));
            let known = if versions.is_empty() { versions } else { format!(", but {versions}") };
            Err(InvalidLocator::NotInBuilder { locator, known })
        }
    }
}

/// A text without a scheme.
fn resolve_name(text: &str, context: &Context<'_>) -> Result<(Locator, Rule), InvalidLocator> {
    let path = context.directory.join(text);
    if !text.is_empty() && (context.exists)(&path) {
        return Ok((Locator::Path(path), Rule::ExistingPath));
    }
    let (id, version) = split_version(text);
    if context.builder.iter().any(|element| element.id.as_str() == id) {
        return Ok((Locator::Id(find_in_builder(id, version, context)?), Rule::BuilderId));
    }
    if is_image(text) {
        let what = "the name of an image of a buildpack";
        return Err(InvalidLocator::Unsupported { locator: text.to_owned(), what });
    }
    Err(InvalidLocator::Unknown(text.to_owned()))
}

/// Other names than those with a host, a tag or a digest are more likely mistakes.
fn is_image(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    let is_path = host.is_empty() || host.starts_with('.');
    !is_path && (host.contains('.') || text.contains([':', '@'])) && text.parse::<Reference>().is_ok()
}

fn split_version(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((id, version)) => (id, Some(version).filter(|version| !version.is_empty())),
        None => (name, None),
    }
}

/// `%20` and the like.
fn unescape(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            bytes.extend(part[2..].bytes());
        } else {
            bytes.push(b'%');
            bytes.extend(part.bytes());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(id: &str, version: &str) -> OrderElement {
        OrderElement { id: id.parse().expect("an ID"), version: version.to_owned(), optional: true }
    }

    fn resolve(text: &str) -> String {
        let builder =
            [element("a/one", "1"), element("a/two", "1"), element("a/two", "2"), element("a/one", "1")];
        let exists = |path: &Path| path.starts_with("/base/dir") || path == Path::new("/base/a/two");
        let context = Context { directory: Path::new("/base"), builder: &builder, exists: &exists };
        match super::resolve(text, &context) {
            Ok((Locator::Builder, rule)) => format!("builder ({rule:?})"),
            Ok((Locator::Id(element), rule)) => format!("{element} {} ({rule:?})", element.optional),
            Ok((Locator::Path(path), rule)) => format!("{} ({rule:?})", path.display()),
            Ok((Locator::Inline(_), _)) => panic!("no text is a script"),
            Err(error) => format!("{}: {error}", error.code()),
        }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let table = [
            ("from=builder", "builder (FromBuilder)"),
            ("urn:cnb:builder:a/one", "a/one@1 false (BuilderUrn)"),
            ("from=builder:a/two@2", "a/two@2 false (BuilderUrn)"),
            ("urn:cnb:builder:a/two@3", "not-in-builder: the builder has no buildpack `a/two@3`, but 1, 2"),
            ("urn:cnb:builder:dir", "not-in-builder: the builder has no buildpack `dir`"),
            (
                "urn:cnb:builder:a/two",
                "ambiguous-version: the builder has `a/two` in several versions, so one must be chosen: 1, 2",
            ),
            ("file:///x/y%20z", "/x/y z (FileUri)"),
            ("file://dir/%zz", "/base/dir/%zz (FileUri)"),
            ("dir/sub", "/base/dir/sub (ExistingPath)"),
            ("/base/dir", "/base/dir (ExistingPath)"),
            ("a/two", "/base/a/two (ExistingPath)"),
            ("a/two@2", "a/two@2 false (BuilderId)"),
            ("a/one", "a/one@1 false (BuilderId)"),
            ("urn:cnb:registry:a/b@1", "in a buildpack registry"),
            ("docker://example.com/a", "an image of a buildpack"),
            ("https://example.com/a.tgz", "a buildpack on a server"),
            ("oci:/layout", "a URI of another kind than `file:`"),
            ("example.com/a/b", "the name of an image of a buildpack"),
            ("a/b:1", "the name of an image of a buildpack"),
            (
                "./missing",
                "unknown-buildpack: `./missing` is not a path that exists, and the builder has no such buildpack",
            ),
            (
                "a/b@1",
                "unknown-buildpack: `a/b@1` is not a path that exists, and the builder has no such buildpack",
            ),
            ("", "unknown-buildpack: `` is not a path that exists, and the builder has no such buildpack"),
        ];
        for (text, expected) in table {
            let found = resolve(text);
            let unsupported =
                format!("unsupported-locator: `{text}` is {expected}, which is not supported yet");
            assert!(found == expected || found == unsupported, "{text}: {found}");
        }
    }
}
