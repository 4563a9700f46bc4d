//! Which buildpacks a build uses: what a descriptor and flags make of the builder's order.
//!
//! Flags replace what the descriptor says, and a list of buildpacks replaces the builder's order. Without
//! one, `pre` and `post` are put around each group of that order, in the order of their list (RFC 0078).
//!
//! ```
//! use std::convert::Infallible;
//! use std::path::Path;
//! use cnb_core::buildpack::order::OrderElement;
//! use cnb_core::selection::Selection;
//! use cnb_core::selection::locator::Context;
//!
//! let pip = OrderElement { id: "example/pip".parse()?, version: "1.0".to_owned(), optional: false };
//! let builder = [pip.clone()];
//! let context = Context { directory: Path::new("/work"), builder: &builder, exists: &|_| false };
//! let (selection, _) = Selection::new(&["example/pip".to_owned()], &context, None, "production")?;
//! let order = selection.order::<Infallible>(&[], |_, _| unreachable!("no buildpack is a path"))?;
//! assert_eq!(order[0].group, [pip]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod inline;
pub mod locator;

use std::path::Path;

use self::inline::InlineBuildpack;
use self::locator::Context;
use self::locator::InvalidLocator;
use self::locator::Locator;
use self::locator::Rule;
use crate::buildpack::order::OrderElement;
use crate::buildpack::order::OrderGroup;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Diagnostics;
use crate::diagnostic::Span;
use crate::project::BuildpackEntry;
use crate::project::BuildpackSource;
use crate::project::Descriptor;

/// The buildpacks that were asked for. Empty lists leave the builder's order as it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Selection {
    /// What stands in place of the builder's order.
    pub group: Vec<Choice>,
    /// What comes before the buildpacks of each group.
    pub pre: Vec<Choice>,
    /// What comes after the buildpacks of each group.
    pub post: Vec<Choice>,
}

/// One buildpack, or all of the builder.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Choice {
    /// What it is.
    pub locator: Locator,
    /// Why it was taken for that.
    pub rule: Rule,
    /// Who asked for it.
    pub origin: Origin,
}

/// Who asked for a buildpack.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Origin {
    /// The descriptor, here: see [`Descriptor::error_at`].
    Descriptor(Span),
    /// A flag with this value.
    Flag(String),
}

impl Selection {
    /// What `flags` or else `descriptor` ask for in the execution environment `exec_env`.
    ///
    /// Each comes with its context: paths in flags are relative to the working directory, those in a
    /// descriptor to its directory.
    pub fn new(
        flags: &[String],
        flag_context: &Context<'_>,
        descriptor: Option<(&Descriptor, &Context<'_>)>,
        exec_env: &str,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let mut selection = Self::default();
        for flag in flags {
            match Choice::of_flag(flag, flag_context) {
                Ok(choice) => selection.group.push(choice),
                Err(error) => diagnostics.push(Diagnostic::error(error.code(), error.to_string())),
            }
        }
        if let Some((descriptor, context)) = descriptor {
            let mut reader = EntryReader { descriptor, context, exec_env, diagnostics: &mut diagnostics };
            if flags.is_empty() {
                selection.group = reader.read(&descriptor.group);
            }
            if flags.is_empty() && selection.group.is_empty() {
                selection.pre = reader.read(&descriptor.pre);
                selection.post = reader.read(&descriptor.post);
            } else {
                reader.warn_of_additions();
            }
        }
        if let Some(diagnostic) = selection.second_builder(descriptor.map(|(descriptor, _)| descriptor)) {
            diagnostics.push(diagnostic);
        }
        diagnostics.finish(selection)
    }

    /// Whether the builder's order is used as it is.
    pub fn is_empty(&self) -> bool {
        self.group.is_empty() && self.pre.is_empty() && self.post.is_empty()
    }

    /// Every choice, in no order of meaning.
    pub fn choices(&self) -> impl Iterator<Item = &Choice> {
        self.pre.iter().chain(&self.group).chain(&self.post)
    }

    /// The order that stands in place of `builder`, the builder's. `load` says which buildpack is at a path.
    pub fn order<E>(
        &self,
        builder: &[OrderGroup],
        mut load: impl FnMut(&Path, &Choice) -> Result<OrderElement, E>,
    ) -> Result<Vec<OrderGroup>, E> {
        if self.group.is_empty() {
            let pre = elements(&self.pre, &mut load)?;
            let post = elements(&self.post, &mut load)?;
            let around = |group: &OrderGroup| OrderGroup { group: [&pre[..], &group.group, &post].concat() };
            return Ok(builder.iter().map(around).collect());
        }
        let place = self.group.iter().position(|choice| choice.locator == Locator::Builder);
        let Some(place) = place else {
            return Ok(vec![OrderGroup { group: elements(&self.group, &mut load)? }]);
        };
        let before = elements(&self.group[..place], &mut load)?;
        let after = elements(&self.group[place + 1..], &mut load)?;
        let around = |group: &OrderGroup| OrderGroup { group: [&before[..], &group.group, &after].concat() };
        Ok(builder.iter().map(around).collect())
    }

    fn second_builder(&self, descriptor: Option<&Descriptor>) -> Option<Diagnostic> {
        let second = self.choices().filter(|choice| choice.locator == Locator::Builder).nth(1)?;
        let error =
            Diagnostic::error("builder-twice", "buildpacks of the builder can only be asked for once");
        Some(match (&second.origin, descriptor) {
            (Origin::Descriptor(span), Some(descriptor)) => error.at(&descriptor.source, *span, ""),
            _ => error,
        })
    }
}

impl Choice {
    fn of_flag(flag: &str, context: &Context<'_>) -> Result<Self, InvalidLocator> {
        let (locator, rule) = locator::resolve(flag, context)?;
        Ok(Self { locator, rule, origin: Origin::Flag(flag.to_owned()) })
    }

    fn of_entry(entry: &BuildpackEntry, context: &Context<'_>) -> Result<Self, InvalidLocator> {
        let (locator, rule) = match &entry.buildpack {
            BuildpackSource::Id { id, version } => {
                let element = locator::find_in_builder(id.as_str(), version.as_deref(), context)?;
                (Locator::Id(element), Rule::DescriptorId)
            }
            BuildpackSource::Inline { id, version, script } => {
                let inline = InlineBuildpack::new(id.clone(), version.clone(), script.clone());
                (Locator::Inline(inline), Rule::DescriptorScript)
            }
            BuildpackSource::Uri(uri) => locator::resolve(uri, context)?,
        };
        Ok(Self { locator, rule, origin: Origin::Descriptor(entry.span) })
    }
}

struct EntryReader<'a> {
    descriptor: &'a Descriptor,
    context: &'a Context<'a>,
    exec_env: &'a str,
    diagnostics: &'a mut Diagnostics,
}

impl EntryReader<'_> {
    fn read(&mut self, entries: &[BuildpackEntry]) -> Vec<Choice> {
        let mut choices = Vec::new();
        for entry in entries.iter().filter(|entry| is_for(&entry.exec_env, self.exec_env)) {
            match Choice::of_entry(entry, self.context) {
                Ok(choice) => choices.push(choice),
                Err(error) => {
                    let diagnostic = self.descriptor.error_at(entry.span, error.code(), error.to_string());
                    self.diagnostics.push(diagnostic);
                }
            }
        }
        choices
    }

    fn warn_of_additions(&mut self) {
        for (name, list) in [("pre", &self.descriptor.pre), ("post", &self.descriptor.post)] {
            if let Some(entry) = list.first() {
                let message =
                    format!("`{name}` is not used: it adds to the builder's order, which is replaced");
                let diagnostic = Diagnostic::warning("unused-addition", message);
                self.diagnostics.push(diagnostic.at(&self.descriptor.source, entry.span, ""));
            }
        }
    }
}

/// Whether something for the execution environments `list` is for `exec_env`: as for buildpacks, an empty
/// list and `*` are all of them.
pub fn is_for(list: &[String], exec_env: &str) -> bool {
    list.is_empty() || list.iter().any(|name| name == "*" || name == exec_env)
}

fn elements<E>(
    choices: &[Choice],
    load: &mut impl FnMut(&Path, &Choice) -> Result<OrderElement, E>,
) -> Result<Vec<OrderElement>, E> {
    let element = |choice: &Choice| match &choice.locator {
        Locator::Builder => Ok(None),
        Locator::Id(element) => Ok(Some(element.clone())),
        Locator::Inline(inline) => Ok(Some(inline.element())),
        Locator::Path(path) => load(path, choice).map(Some),
    };
    choices.iter().map(element).filter_map(Result::transpose).collect()
}

#[cfg(test)]
mod tests;
