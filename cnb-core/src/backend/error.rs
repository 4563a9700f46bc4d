//! The one error at the boundary of a backend.

use std::fmt;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why a backend could not do something: a kind to act on, a sentence to read, where it happened, and the
/// cause.
///
/// ```
/// use cnb_core::backend::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::NotFound, "no image `app` in the layout").with("layout", "/tmp/layout");
/// assert_eq!(error.to_string(), "no image `app` in the layout (layout: /tmp/layout)");
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    retryable: bool,
    context: Vec<(&'static str, String)>,
    source: Option<Source>,
}

/// What a caller may want to tell apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Bytes are not what their digest says, or cannot be decoded.
    Corrupt,
    /// The system refuses access.
    Denied,
    /// Space, memory or another resource is used up.
    Exhausted,
    /// The request makes no sense.
    InvalidInput,
    /// What was asked for does not exist.
    NotFound,
    /// Anything else.
    Other,
    /// The machine lacks something the backend needs, for example an OCI runtime.
    Unavailable,
    /// The backend cannot do this.
    Unsupported,
}

impl Error {
    /// An error that will happen again when tried again.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retryable: false, context: Vec::new(), source: None }
    }

    /// Adds where it happened.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.context.push((key, value.to_string()));
        self
    }

    /// Adds the cause. It is not repeated in this error's own text.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says that trying again may help.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// Where it happened, outermost last.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.context
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (index, (key, value)) in self.context.iter().enumerate() {
            let start = if index == 0 { " (" } else { ", " };
            write!(f, "{start}{key}: {value}")?;
        }
        if self.context.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
