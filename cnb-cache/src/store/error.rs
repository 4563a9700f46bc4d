//! Why a store cannot do what it should.

use std::io;
use std::path::Path;
use std::path::PathBuf;

/// Why something cannot be read from a store, or kept in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or directory cannot be used.
    #[error("{doing} {} of the cache", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// There is no such entry, or none any more.
    #[error("the cache has no entry `{key}` with that content")]
    Missing {
        /// Its key.
        key: String,
    },
    /// An index or a content is not what was written.
    #[error("{what} of the cache cannot be used: {reason}")]
    Damaged {
        /// A file, or an entry.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An entry that no store takes.
    #[error("the cache cannot keep `{}`: {reason}", shortened(key))]
    Refused {
        /// Its key.
        key: String,
        /// Which limit it breaks.
        reason: String,
    },
    /// What was to be kept cannot be read.
    #[error("reading what the cache is to keep as `{key}`")]
    Content {
        /// The key of the entry.
        key: String,
        /// What the reader said.
        source: io::Error,
    },
    /// Who asks may read and nothing else.
    #[error("the cache is only read")]
    ReadOnly,
    /// Another reason, of a store elsewhere.
    #[error("{doing} the cache")]
    Other {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// An error about a file: what was being done, and to which.
    pub(crate) fn at(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    /// The error of the reader of a content: what is inside of it, if that is one of a store.
    pub fn while_reading(key: &str, error: io::Error) -> Self {
        match error.downcast() {
            Ok(inner) => inner,
            Err(source) => {
                let reason = source.to_string();
                Self::Damaged { what: format!("the entry `{key}`"), reason }
            }
        }
    }
}

/// Keys may be as long as those who made them liked.
fn shortened(key: &str) -> String {
    if key.chars().count() > 80 { key.chars().take(79).chain(['…']).collect() } else { key.to_owned() }
}
