//! Which files of a directory are sent.

use std::io;
use std::path::Path;

use super::follow;
use crate::session::pattern::InvalidPattern;
use crate::session::pattern::Matched;
use crate::session::pattern::Pattern;
use crate::session::pattern::Patterns;

/// Which files are sent: those that match an include, if there are any, and no exclude.
///
/// Source: `filter.go` of the Go module `github.com/tonistiigi/fsutil`.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    includes: Patterns,
    excludes: Patterns,
}

/// What patterns matched a directory, for what is in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Within {
    includes: Option<Matched>,
    excludes: Option<Matched>,
}

/// What to do with a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Send it.
    Send,
    /// Do not send it, but what is in it may be sent.
    LookInside,
    /// Send neither it nor what is in it.
    Skip,
}

/// What BuildKit asks for cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilterError {
    /// A pattern is none.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// A link cannot be followed.
    #[error("cannot follow links")]
    Follow(#[source] io::Error),
}

impl Filter {
    /// With the links among the paths to follow resolved below `root`.
    pub(crate) fn new(
        root: &Path,
        mut includes: Vec<String>,
        excludes: &[String],
        follow: &[String],
    ) -> Result<Self, FilterError> {
        if !follow.is_empty() {
            // Without targets everything is asked for, or else what is included.
            includes
                .extend(follow::targets(root, follow).map_err(FilterError::Follow)?.into_iter().flatten());
        }
        Ok(Self { includes: Patterns::new(includes)?, excludes: Patterns::new(excludes)? })
    }

    /// What to do with a path in a directory.
    pub(crate) fn verdict(&self, path: &str, is_directory: bool, within: &Within) -> (Verdict, Within) {
        let mut below = Within::default();
        let mut verdict = Verdict::Send;
        if !self.includes.is_empty() {
            let (included, matched) = self.includes.matches(path, within.includes.as_ref());
            below.includes = Some(matched);
            if !included {
                let inside =
                    is_directory && leads_to(path, self.includes.iter().filter(|pattern| !pattern.exception));
                verdict = if inside { Verdict::LookInside } else { Verdict::Skip };
            }
        }
        if !self.excludes.is_empty() {
            let (excluded, matched) = self.excludes.matches(path, within.excludes.as_ref());
            below.excludes = Some(matched);
            if excluded && verdict != Verdict::Skip {
                let inside =
                    is_directory && leads_to(path, self.excludes.iter().filter(|pattern| pattern.exception));
                verdict = if inside { Verdict::LookInside } else { Verdict::Skip };
            }
        }
        (verdict, below)
    }
}

/// Whether one of the patterns may match something in a directory.
fn leads_to<'a>(directory: &str, mut patterns: impl Iterator<Item = &'a Pattern>) -> bool {
    patterns.any(|pattern| match pattern.prefix() {
        Some(prefix) => {
            let rest = prefix.strip_prefix(directory);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        None => true,
    })
}
