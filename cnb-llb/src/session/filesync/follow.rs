//! Paths with the targets of the links on them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::stat::text;
use crate::session::pattern::Pattern;
use crate::session::pattern::clean;

/// The paths, and whatever the links on them lead to, within `root`: absolute links start there. None if that is all of it.
///
/// Source: `followlinks.go` of the Go module `github.com/tonistiigi/fsutil`.
pub(crate) fn targets(root: &Path, paths: &[String]) -> io::Result<Option<Vec<String>>> {
    let mut resolver = Resolver { root, resolved: BTreeSet::new() };
    for path in paths {
        resolver.follow(path)?;
    }
    if resolver.resolved.contains(".") {
        return Ok(None);
    }
    Ok(Some(without_nested(resolver.resolved)))
}

struct Resolver<'a> {
    root: &'a Path,
    resolved: BTreeSet<String>,
}

impl Resolver<'_> {
    fn follow(&mut self, path: &str) -> io::Result<()> {
        let mut waiting = vec![path.to_owned()];
        while let Some(path) = waiting.pop() {
            waiting.extend(self.step(&path)?);
        }
        Ok(())
    }

    /// Goes along a path up to the first link, and says where that leads to, with the rest of the path.
    fn step(&mut self, path: &str) -> io::Result<Vec<String>> {
        let path = inside(path);
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let (current, rest) = path.split_at(end);
            let Some(targets) = self.links(current)? else {
                continue;
            };
            if !self.resolved.insert(current.to_owned()) {
                return Ok(Vec::new());
            }
            return Ok(targets.into_iter().map(|target| format!("{target}{rest}")).collect());
        }
        self.resolved.insert(path);
        Ok(Vec::new())
    }

    /// Where the links at a path lead to; its last name may be a pattern. None if there is no link.
    fn links(&self, path: &str) -> io::Result<Option<Vec<String>>> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        if !name.contains(['*', '?', '[']) {
            return Ok(self.link(path)?.map(|target| vec![target]));
        }
        let Ok(pattern) = Pattern::new(name) else {
            return Ok(None);
        };
        let mut targets = Vec::new();
        let directory_path = self.root.join(directory);
        for entry in optional(fs::read_dir(&directory_path), &directory_path)?.into_iter().flatten() {
            let entry = entry.map_err(|error| named(&error, &directory_path))?.file_name();
            let Some(entry) = entry.to_str().filter(|entry| pattern.matches(entry)) else {
                continue;
            };
            targets.extend(self.link(&inside(&format!("{directory}/{entry}")))?);
        }
        Ok((!targets.is_empty()).then_some(targets))
    }

    fn link(&self, path: &str) -> io::Result<Option<String>> {
        let full = self.root.join(path);
        if !optional(fs::symlink_metadata(&full), &full)?.is_some_and(|there| there.is_symlink()) {
            return Ok(None);
        }
        let target = fs::read_link(&full).map_err(|error| named(&error, &full))?;
        let target = text(&target, "a target")?;
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        Ok(Some(if target.starts_with('/') { target } else { format!("{directory}/{target}") }))
    }
}

/// A path from the root, without leaving it.
fn inside(path: &str) -> String {
    match clean(&format!("/{path}")).trim_start_matches('/') {
        "" => ".".to_owned(),
        path => path.to_owned(),
    }
}

/// None for what is not there; other errors name the path.
fn optional<T>(result: io::Result<T>, path: &Path) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(named(&error, path)),
    }
}

fn named(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Leaves out what is in a directory that is there too.
fn without_nested(paths: BTreeSet<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for path in paths {
        let nested = kept
            .iter()
            .any(|kept| path.strip_prefix(kept.as_str()).is_some_and(|rest| rest.starts_with('/')));
        if !nested {
            kept.push(path);
        }
    }
    kept
}
