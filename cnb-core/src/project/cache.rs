//! The table `[io.buildpacks.cache]`, which no specification has: with whom a build shares what it keeps.
//!
//! ```toml
//! [io.buildpacks.cache]
//! scope = "namespace"
//! ```

use std::fmt;
use std::str::FromStr;

use crate::diagnostic::Located;
use crate::diagnostic::Severity;
use crate::handwritten::Table;

/// With whom a build shares the layers that it caches. Which layers these are, and who may write, is in the
/// documentation of `cnb-cache`.
///
/// ```
/// use cnb_core::project::CacheScope;
///
/// assert_eq!("namespace".parse(), Ok(CacheScope::Namespace));
/// assert_eq!(CacheScope::default().to_string(), "project");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CacheScope {
    /// With nobody but later builds of the same project.
    #[default]
    Project,
    /// With other projects of the same operator.
    Namespace,
    /// With every project that is built on the same machine.
    Machine,
}

/// A text that is no scope.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not the scope of a cache: it can be `project`, `namespace` or `machine`")]
pub struct InvalidCacheScope(String);

impl CacheScope {
    const ALL: [Self; 3] = [Self::Project, Self::Namespace, Self::Machine];

    fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Namespace => "namespace",
            Self::Machine => "machine",
        }
    }
}

impl fmt::Display for CacheScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CacheScope {
    type Err = InvalidCacheScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|scope| scope.name() == text);
        named.ok_or_else(|| InvalidCacheScope(text.to_owned()))
    }
}

pub(super) fn read(mut table: Table<'_>) -> Option<Located<CacheScope>> {
    let scope = table.filled("scope");
    table.refuse_unread(Severity::Warning);
    let Located { value, span } = scope?;
    match value.parse() {
        Ok(scope) => Some(Located { value: scope, span }),
        Err(error) => {
            table.error("invalid-scope", span, error.to_string());
            None
        }
    }
}
