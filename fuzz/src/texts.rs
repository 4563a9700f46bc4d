//! Names, environment files and patterns.
//!
//! The first line of an input is its kind.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fmt::Display;
use std::str::FromStr;

use cnb_core::analyzed::Target;
use cnb_core::api::PlatformApi;
use cnb_core::backend::Filter as _;
use cnb_core::diagnostic::Located;
use cnb_core::digest::Digest;
use cnb_core::env_file;
use cnb_core::id::BuildpackId;
use cnb_core::id::ProcessType;
use cnb_core::image_name::ImageName;
use cnb_core::os_release;
use cnb_core::passwd;
use cnb_core::project::Files;
use cnb_core::project::files::FileFilter;
use cnb_core::reference::Reference;
use cnb_oci::layer::slices;
use cnb_oci::platform::Platform;
use cnb_oci::registry::fuzz as registry;

use crate::Input;
use crate::choice;
use crate::choice::Check;

/// Reads one text of any kind.
pub fn check(data: &[u8]) -> Input {
    choice::run(&TEXTS, data)
}

const TEXTS: [(&str, Check); 15] = [
    ("api", displayed::<PlatformApi>),
    ("buildpack-id", |text| {
        displayed::<BuildpackId>(text);
        if let Ok(id) = text.parse::<BuildpackId>() {
            assert!(!id.escape().contains('/'), "the name of a directory");
        }
    }),
    ("challenge", |text| drop(registry::challenge(text.lines().map(str::as_bytes)))),
    ("digest", displayed::<Digest>),
    ("env-file", env_file),
    ("files", files),
    ("image-name", displayed::<ImageName>),
    ("location", location),
    ("os-release", |text| drop(os_release::complete(Target::default(), "amd64", Some(text)))),
    ("passwd", passwd),
    ("platform", |text| drop(text.parse::<Platform>())),
    ("process-type", displayed::<ProcessType>),
    ("reference", displayed::<Reference>),
    ("registry-error", registry_error),
    ("slices", slices),
];

/// What was read is shown in a form that reads as the same.
fn displayed<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let shown = value.to_string();
        assert_eq!(shown.parse::<T>().ok().as_ref(), Some(&value), "{shown}");
    }
}

fn env_file(text: &str) {
    let (variables, diagnostics) = match env_file::read_file("env", text, |_| None) {
        Ok(read) => read,
        Err(diagnostics) => (Vec::new(), diagnostics),
    };
    for diagnostic in &diagnostics {
        assert!(!diagnostic.render(false).is_empty());
    }
    for variable in variables {
        assert!(!variable.name.is_empty() && !variable.name.contains(['=', '/', '\0']));
    }
}

/// A URL, and in the next line the `Location` of its answer.
fn location(text: &str) {
    let (base, location) = text.split_once('\n').unwrap_or((text, ""));
    // Nothing else is ever asked.
    if !base.starts_with("http://") && !base.starts_with("https://") {
        return;
    }
    let Some([uri, shown]) = registry::location(base, location, "geheim") else { return };
    assert!(uri.starts_with("http://") || uri.starts_with("https://"), "{uri}");
    // Who put it into a path has told it already.
    let is_told = text.contains("secret=geheim");
    assert!((is_told || !shown.contains("secret=geheim")) && !shown.contains('?'), "{shown}");
    let leads_elsewhere = ["http://", "https://", "//"].iter().any(|start| location.starts_with(start));
    let host = |uri: &str| {
        let behind_scheme = uri.split_once("://").map_or("", |(_, rest)| rest);
        behind_scheme.split(['/', '?', '#']).next().map(str::to_owned)
    };
    assert!(leads_elsewhere || host(&uri) == host(base), "{uri}");
}

/// A user, and in the next lines the file.
fn passwd(text: &str) {
    let (user, file) = text.split_once('\n').unwrap_or((text, ""));
    assert!(!passwd::home(file, user.parse().unwrap_or(0)).is_empty());
}

/// What a person reads is one line that does nothing to a terminal.
fn registry_error(text: &str) {
    let message = registry::message(text.as_bytes());
    assert!(!message.contains(char::is_control) && message.chars().count() <= 1000, "{message}");
}

/// One pattern a line, up to an empty one; then paths.
fn files(text: &str) {
    let (patterns, paths) = sections(text);
    let pattern = |text: &str| Located { value: text.to_owned(), ..Located::default() };
    let patterns: Vec<_> = patterns.lines().map(pattern).collect();
    let include = FileFilter::new(&Files::Include(patterns.clone())).expect("a filter");
    let exclude = FileFilter::new(&Files::Exclude(patterns)).expect("a filter");
    for path in paths.lines().filter(|path| is_clean(path)) {
        assert_ne!(include.takes(path, false), exclude.takes(path, false), "{path}");
        for directory in path.match_indices('/').map(|(end, _)| &path[..end]) {
            // Directories that are refused are not entered.
            assert!(!include.takes(path, false) || include.takes(directory, true), "{path} in {directory}");
        }
    }
}

/// Patterns, then paths; every path gets into a layer.
fn slices(text: &str) {
    let (patterns, paths) = sections(text);
    let patterns: Vec<Vec<String>> = patterns.lines().map(|pattern| vec![pattern.to_owned()]).collect();
    let file = |path: &str| slices::Entry { path: path.as_bytes().to_vec(), is_directory: false };
    let clean = || paths.lines().filter(|path| is_clean(path));
    let mut entries: Vec<_> = clean().map(file).collect();
    let above = |path: &str| {
        path.match_indices('/').map(|(end, _)| path.as_bytes()[..end].to_vec()).collect::<Vec<_>>()
    };
    let directories: BTreeSet<_> = clean().flat_map(above).collect();
    entries.retain(|entry| !directories.contains(&entry.path));
    entries.extend(directories.into_iter().map(|path| slices::Entry { path, is_directory: true }));
    entries.push(slices::Entry { path: b".".to_vec(), is_directory: true });
    if let Ok(layers) = slices::split(&entries, &patterns) {
        for entry in &entries {
            let layers = layers.iter().filter(|layer| layer.contains(&entry.path)).count();
            assert!(layers > 0, "{entry:?} is in no layer");
            assert!(entry.is_directory || layers == 1, "{entry:?} is in {layers} layers");
        }
    }
}

/// Trees have no other paths.
fn is_clean(path: &str) -> bool {
    !path.split('/').any(|name| matches!(name, "" | "." | ".."))
}

fn sections(text: &str) -> (&str, &str) {
    text.split_once("\n\n").unwrap_or((text, ""))
}
