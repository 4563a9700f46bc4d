//! Buildpacks in place of the builder's order: those of the descriptor and of `CNB_BUILDPACKS`.
//!
//! Paths are relative to the directory of the descriptor; `context:NAME` is a named context.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::Source;
use cnb_core::backend::User;
use cnb_core::buildpack::descriptor::BuildpackDescriptor;
use cnb_core::buildpack::order::OrderElement;
use cnb_core::diagnostic::Diagnostic;
use cnb_core::diagnostic::Diagnostics;
use cnb_core::project::Descriptor;
use cnb_core::project::Files;
use cnb_core::selection::Choice;
use cnb_core::selection::Origin;
use cnb_core::selection::Selection;
use cnb_core::selection::locator::Context;
use cnb_core::selection::locator::Locator;
use cnb_lifecycle::platform::BuildRequest;
use cnb_lifecycle::platform::BuilderBuildpacks;

use crate::contexts::TRANSPORT;
use crate::request::Asked;

/// A place that may have a buildpack.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Candidate {
    /// A directory beside the descriptor, by its path.
    Beside(String),
    /// A context, by its name.
    Context(String),
}

impl Candidate {
    /// What a path stands for; none if it leads out of the directory of the descriptor.
    fn read(path: &Path) -> Option<Self> {
        let text = path.to_str()?;
        if let Some((TRANSPORT, name)) = text.split_once(':') {
            return Some(Self::Context(name.to_owned()));
        }
        let mut parts = Vec::new();
        for part in text.split('/').filter(|part| !matches!(*part, "" | ".")) {
            match part {
                ".." => drop(parts.pop()?),
                part => parts.push(part),
            }
        }
        (path.is_relative() && !parts.is_empty()).then(|| Self::Beside(parts.join("/")))
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beside(path) => write!(formatter, "./{path}"),
            Self::Context(name) => write!(formatter, "{TRANSPORT}:{name}"),
        }
    }
}

/// Whether buildpacks are asked for at all.
pub fn are_asked_for(asked: &Asked<'_>) -> bool {
    !asked.settings.buildpacks.is_empty() || asked.descriptor.asks_for_buildpacks()
}

/// Every place that may have a buildpack that is asked for. Which do is known when somebody looked.
pub fn candidates(asked: &Asked<'_>, builder: &BuilderBuildpacks) -> Vec<Candidate> {
    let seen = RefCell::new(Vec::new());
    let exists = |path: &Path| {
        seen.borrow_mut().push(path.to_owned());
        true
    };
    // Addresses of files are paths whether anybody looks or not.
    if let Ok((selection, _)) = select(asked, builder, &exists) {
        let paths = selection.choices().filter_map(|choice| match &choice.locator {
            Locator::Path(path) => Some(path.clone()),
            _ => None,
        });
        seen.borrow_mut().extend(paths);
    }
    let mut all: Vec<Candidate> = seen.into_inner().iter().filter_map(|path| Candidate::read(path)).collect();
    all.sort();
    all.dedup();
    all
}

/// Puts the buildpacks that are asked for into a request. Each place that has a `buildpack.toml` comes with its text and
/// with what the backend calls its files. The diagnostics are warnings.
///
/// # Errors
/// When one cannot be used, with where it is asked for.
pub fn apply(
    request: &mut BuildRequest,
    asked: &Asked<'_>,
    builder: &BuilderBuildpacks,
    found: &BTreeMap<Candidate, (String, String)>,
) -> Result<Diagnostics, Diagnostics> {
    let exists = |path: &Path| match Candidate::read(path) {
        // A context that is not given is said to be none, and not taken for something else.
        Some(Candidate::Context(_)) => true,
        Some(candidate) => found.contains_key(&candidate),
        None => false,
    };
    let (selection, warnings) = select(asked, builder, &exists)?;
    request.select(&selection, builder, |path, choice| {
        load(path, found).map_err(|message| refused(choice, asked.descriptor, message))
    })?;
    Ok(warnings)
}

fn select(
    asked: &Asked<'_>,
    builder: &BuilderBuildpacks,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<(Selection, Diagnostics), Diagnostics> {
    let context = Context { directory: Path::new(""), builder: &builder.buildpacks, exists };
    let descriptor = Some((asked.descriptor, &context));
    Selection::new(&asked.settings.buildpacks, &context, descriptor, asked.exec_env())
}

/// Which buildpack is at a path, and where its files are.
fn load(
    path: &Path,
    found: &BTreeMap<Candidate, (String, String)>,
) -> Result<(OrderElement, Source), String> {
    let known = Candidate::read(path).and_then(|candidate| found.get(&candidate));
    let Some((text, name)) = known else {
        return Err(format!(
            "there is no buildpack `{}`: no directory of that name has a buildpack.toml",
            path.display()
        ));
    };
    let file: PathBuf = path.join("buildpack.toml");
    let read = BuildpackDescriptor::read(&file, text).and_then(|buildpack| buildpack.order_element(&file));
    let element = read.map_err(|error| error.to_string())?;
    Ok((element, Source::Context { name: name.clone(), files: Files::All, owner: User::ROOT }))
}

fn refused(choice: &Choice, descriptor: &Descriptor, message: String) -> Diagnostics {
    match &choice.origin {
        Origin::Descriptor(span) => descriptor.error_at(*span, "no-buildpack", message).into(),
        _ => Diagnostic::error("no-buildpack", message).into(),
    }
}

#[cfg(test)]
mod tests {
    use cnb_core::diagnostic::SourceFile;
    use cnb_llb::Platform;
    use cnb_llb::gateway::Options;

    use super::*;
    use crate::settings::Settings;

    /// What is asked for, with what the places have, as the order or as the errors.
    fn order(flags: &str, text: &str, found: &[(&str, &str)]) -> (Vec<Candidate>, Result<String, String>) {
        let arguments = [("CNB_BUILDPACKS".to_owned(), flags.to_owned())].into();
        let text = format!("[_]\nschema-version = '0.2'\n[io.buildpacks]\nbuilder = 'ab'\n{text}");
        let (descriptor, _) = Descriptor::read(&SourceFile::new("project.toml", text)).expect("valid");
        let asked = Asked {
            options: &Options::read(&BTreeMap::new()).expect("valid"),
            settings: &Settings::read(&arguments).expect("valid"),
            descriptor: &descriptor,
            platform: &Platform::new("linux", "amd64"),
            epoch: None,
        };
        let mut builder = BuilderBuildpacks::default();
        builder.buildpacks = vec![OrderElement {
            id: "a/one".parse().expect("an ID"),
            version: "1".to_owned(),
            optional: false,
        }];
        let found = found.iter().map(|(path, id)| {
            let text = format!("api = '0.10'\n[buildpack]\nid = '{id}'\nversion = '2'\n");
            (Candidate::read(Path::new(path)).expect("a candidate"), (text, format!("files of {path}")))
        });
        let mut request = asked.request().expect("a request");
        let applied = apply(&mut request, &asked, &builder, &found.collect());
        let order = applied.map_err(|errors| errors.to_string()).map(|_| {
            let groups = request.order.map(|order| order.order).unwrap_or_default();
            let elements = groups.iter().flat_map(|group| &group.group).map(ToString::to_string);
            let sources = request.buildpacks.iter().map(|buildpack| match &buildpack.source {
                Source::Context { name, .. } => name.clone(),
                _ => "a script".to_owned(),
            });
            elements.chain(sources).collect::<Vec<_>>().join(", ")
        });
        (candidates(&asked, &builder), order)
    }

    fn beside(path: &str) -> Candidate {
        Candidate::Beside(path.to_owned())
    }

    #[test]
    fn paths_are_beside_the_descriptor_and_contexts_have_names() {
        let text = "[[io.buildpacks.group]]\nuri = './bp/./own'\n[[io.buildpacks.group]]\nuri = 'context:more'\n\
                    [[io.buildpacks.group]]\nid = 'a/one'\nversion = '1'\n";
        let (candidates, order) = order("", text, &[("bp/own", "x"), ("context:more", "y")]);
        assert_eq!(candidates, [beside("bp/own"), Candidate::Context("more".to_owned())]);
        assert_eq!(order.expect("valid"), "x@2, y@2, a/one@1, files of bp/own, files of context:more");
    }

    #[test]
    fn names_of_the_command_line_can_be_ids_or_paths() {
        let (candidates, as_id) = order("a/one", "", &[]);
        assert_eq!((candidates, as_id), (vec![beside("a/one")], Ok("a/one@1".to_owned())));
        let (_, as_path) = order("a/one", "", &[("a/one", "x")]);
        assert_eq!(as_path.expect("valid"), "x@2, files of a/one");
        assert_eq!(order("", "", &[]), (Vec::new(), Ok(String::new())));
    }

    #[test]
    fn what_is_missing_is_said_where_it_is_asked_for() {
        let uri = |uri: &str| {
            let (_, order) = order("", &format!("[[io.buildpacks.group]]\nuri = '{uri}'\n"), &[]);
            order.expect_err("it is missing")
        };
        assert_eq!(
            uri("context:none"),
            "project.toml:6:7: there is no buildpack `context:none`: no directory of that name has a buildpack.toml"
        );
        assert!(uri("file:///abs").starts_with("project.toml:6:7: there is no buildpack `/abs`"));
        assert!(uri("../out").starts_with("project.toml:6:7: `../out` is not a path that exists"));
        let (_, order) = order("none", "", &[]);
        assert!(order.expect_err("it is missing").starts_with("`none` is not a path that exists"));
    }
}
