//! builder.toml: what a builder image is made of, in the format of `pack builder create`.
//!
//! Source: `builder/config_reader.go` of `pack`. There is no specification of it. As there, unknown keys are
//! errors, and `[stack]` is the older form of `[build]` and `[run]`.

mod env;
mod images;
mod module;

pub use self::env::BuildEnv;
pub use self::env::Suffix;
pub use self::images::RunImage;
pub use self::module::Module;
pub use self::module::ModuleSource;
use crate::buildpack::order::Order;
use crate::buildpack::order::OrderElement;
use crate::buildpack::order::OrderGroup;
use crate::buildpack::target::Distro;
use crate::buildpack::target::Target;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Diagnostics;
use crate::diagnostic::Located;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceFile;
use crate::diagnostic::Span;
use crate::handwritten;
use crate::handwritten::Table;

/// What builder.toml says.
///
/// ```
/// use cnb_core::builder_config::BuilderConfig;
/// use cnb_core::diagnostic::SourceFile;
///
/// let text = "[[buildpacks]]\nuri = 'pip'\n[[order]]\n[[order.group]]\nid = 'example/pip'\n\
///             [build]\nimage = 'oci:base:build'\n[[run.images]]\nimage = 'oci:base:run'\n";
/// let (config, warnings) = BuilderConfig::read(&SourceFile::new("builder.toml", text))?;
/// assert_eq!(config.build_image.value, "oci:base:build");
/// assert_eq!(config.to_order().order[0].group[0].id.as_str(), "example/pip");
/// assert!(warnings.is_empty());
/// # Ok::<(), cnb_core::diagnostic::Diagnostics>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuilderConfig {
    /// The text it was read from, which the spans in it are about.
    pub source: SourceFile,
    /// For people.
    pub description: Option<String>,
    /// The buildpacks of the builder.
    pub buildpacks: Vec<Module>,
    /// The image extensions of the builder.
    pub extensions: Vec<Module>,
    /// Groups of buildpacks, the first that passes wins.
    pub order: Vec<Vec<Located<OrderElement>>>,
    /// Groups of image extensions, all of them optional.
    pub order_extensions: Vec<Vec<Located<OrderElement>>>,
    /// Buildpacks before those of each group.
    pub system_pre: Vec<Located<OrderElement>>,
    /// Buildpacks after those of each group.
    pub system_post: Vec<Located<OrderElement>>,
    /// The ID of the stack, the older form of a target.
    pub stack_id: Option<String>,
    /// The image that the builder extends.
    pub build_image: Located<String>,
    /// The environment of buildpacks.
    pub build_env: Vec<BuildEnv>,
    /// The run images; at least one.
    pub run_images: Vec<RunImage>,
    /// Which lifecycle to put in; without one the default.
    pub lifecycle: Option<Lifecycle>,
    /// The platforms to make the builder for; that of whoever makes it without any.
    pub targets: Vec<Located<Target>>,
}

/// Which lifecycle a builder contains.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Lifecycle {
    /// The one at this URI, or path relative to the directory of builder.toml.
    Uri(Located<String>),
    /// The published one of this version.
    Version(Located<String>),
}

impl BuilderConfig {
    /// Reads builder.toml. The diagnostics with a configuration are warnings.
    pub fn read(source: &SourceFile) -> Result<(Self, Diagnostics), Diagnostics> {
        handwritten::read(source, |root| read_root(source, root))
    }

    /// An error about the entry at `span`, for what turns out when the entry is used: for example that its
    /// buildpack cannot be found.
    pub fn error_at(&self, span: Span, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message).at(&self.source, span, "")
    }

    /// The order as order.toml has it.
    pub fn to_order(&self) -> Order {
        let group = |elements: &Vec<Located<OrderElement>>| {
            let group = elements.iter().map(|element| element.value.clone()).collect();
            OrderGroup { group }
        };
        let groups = |groups: &[Vec<_>]| groups.iter().map(group).collect();
        Order { order: groups(&self.order), order_extensions: groups(&self.order_extensions) }
    }
}

fn read_root(source: &SourceFile, mut root: Table<'_>) -> BuilderConfig {
    let mut build = root.table("build");
    let mut stack = root.table("stack");
    let build_image = images::read_build(&root, build.as_mut(), stack.as_mut());
    let run_images = images::read_run(&mut root, stack.as_mut());
    let (system_pre, system_post) = read_system(&mut root);
    let config = BuilderConfig {
        source: source.clone(),
        description: root.filled("description").map(|text| text.value),
        buildpacks: root.tables("buildpacks").into_iter().filter_map(module::read).collect(),
        extensions: root.tables("extensions").into_iter().filter_map(module::read).collect(),
        order: read_order(&mut root, "order", false),
        order_extensions: read_order(&mut root, "order-extensions", true),
        system_pre,
        system_post,
        stack_id: stack.as_mut().and_then(|stack| stack.filled("id")).map(|id| id.value),
        // Without one there is an error, so nobody sees the default.
        build_image: build_image.unwrap_or_default(),
        build_env: build.as_mut().map(env::read).unwrap_or_default(),
        run_images,
        lifecycle: root.table("lifecycle").and_then(read_lifecycle),
        targets: root.tables("targets").into_iter().map(read_target).collect(),
    };
    for table in [Some(&root), build.as_ref(), stack.as_ref()].into_iter().flatten() {
        table.refuse_unread(Severity::Error);
    }
    if config.order.is_empty() {
        root.warn("empty-order", root.span, "without `[[order]]` a builder detects nothing");
    }
    config
}

fn read_order(
    root: &mut Table<'_>,
    key: &'static str,
    always_optional: bool,
) -> Vec<Vec<Located<OrderElement>>> {
    let group = |mut table: Table<'_>| {
        let elements = table.tables("group").into_iter();
        let elements = elements.filter_map(|element| read_element(element, always_optional)).collect();
        table.refuse_unread(Severity::Error);
        elements
    };
    root.tables(key).into_iter().map(group).collect()
}

fn read_element(mut table: Table<'_>, always_optional: bool) -> Option<Located<OrderElement>> {
    let id = module::read_id(&mut table);
    let has_id = id.is_some() || table.key_span("id").is_some();
    let version = table.filled("version").map(|version| version.value).unwrap_or_default();
    let optional = table.flag("optional") || always_optional;
    table.refuse_unread(Severity::Error);
    if !has_id {
        table.error("no-id", table.span, format!("an entry of `{}` must have `id`", table.name()));
    }
    id.map(|Located { value: id, span }| Located { value: OrderElement { id, version, optional }, span })
}

fn read_system(root: &mut Table<'_>) -> (Vec<Located<OrderElement>>, Vec<Located<OrderElement>>) {
    let Some(mut system) = root.table("system") else { return (Vec::new(), Vec::new()) };
    let mut read = |key| {
        let Some(mut place) = system.table(key) else { return Vec::new() };
        let buildpacks = place.tables("buildpacks").into_iter();
        let elements = buildpacks.filter_map(|element| read_element(element, false)).collect();
        place.refuse_unread(Severity::Error);
        elements
    };
    let both = (read("pre"), read("post"));
    system.refuse_unread(Severity::Error);
    both
}

fn read_lifecycle(mut table: Table<'_>) -> Option<Lifecycle> {
    let uri = table.filled("uri");
    let version = table.filled("version");
    table.refuse_unread(Severity::Error);
    match (uri, version) {
        (Some(uri), Some(version)) => {
            let message = "`lifecycle.uri` and `lifecycle.version` cannot be used together";
            let diagnostic = Diagnostic::error("uri-and-version", message);
            let source = table.findings.source();
            table.findings.report(diagnostic.at(source, version.span, "").at(source, uri.span, ""));
            None
        }
        (Some(uri), None) => Some(Lifecycle::Uri(uri)),
        (None, version) => version.map(Lifecycle::Version),
    }
}

fn read_target(mut table: Table<'_>) -> Located<Target> {
    let text = |table: &mut Table<'_>, key| table.filled(key).map(|text| text.value).unwrap_or_default();
    let distro = |mut distro: Table<'_>| {
        let read = Distro { name: text(&mut distro, "name"), version: text(&mut distro, "version") };
        distro.refuse_unread(Severity::Error);
        read
    };
    let distros = table.tables("distros").into_iter().map(distro).collect();
    let target = Target {
        os: text(&mut table, "os"),
        arch: text(&mut table, "arch"),
        arch_variant: text(&mut table, "variant"),
        distros,
    };
    table.refuse_unread(Severity::Error);
    Located { value: target, span: table.span }
}

#[cfg(test)]
mod tests;
