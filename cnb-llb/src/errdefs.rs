//! What BuildKit says when something fails, and what a frontend says to it.

use std::error::Error;
use std::fmt;

use prost::Message;
pub use tonic::Code;

use crate::pb::google::rpc;

mod detail;
mod source;

pub use detail::Detail;
pub use detail::FailedOperation;
pub use source::Position;
pub use source::Range;
pub use source::Source;
pub use source::SourceInfo;

/// An error of BuildKit: a message with details that programs understand.
///
/// The details are those of BuildKit's package `solver/errdefs`. Its `Display` is the message alone; show
/// [`Source::excerpt`] of each of [`BuildError::sources`] beside it.
#[derive(Clone)]
pub struct BuildError {
    status: Box<tonic::Status>,
    details: Vec<Detail>,
}

impl BuildError {
    /// An error for a client of a frontend.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { status: Box::new(tonic::Status::new(code, message)), details: Vec::new() }
    }

    /// The same with one more detail.
    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Self {
        self.details.push(detail);
        self
    }

    /// The same at a place in what a person wrote; clients show an excerpt.
    #[must_use]
    pub fn with_source(self, source: Source) -> Self {
        self.with_detail(Detail::Source(source))
    }

    /// What kind of error it is.
    pub fn code(&self) -> Code {
        self.status.code()
    }

    /// What BuildKit says.
    pub fn message(&self) -> &str {
        self.status.message()
    }

    /// Every detail, in BuildKit's order.
    pub fn details(&self) -> &[Detail] {
        &self.details
    }

    /// The digest of the vertex that failed.
    pub fn vertex(&self) -> Option<&str> {
        self.details.iter().find_map(|detail| match detail {
            Detail::Vertex(digest) => Some(digest.as_str()),
            _ => None,
        })
    }

    /// Where in the files of a person the cause is, the innermost last.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.details.iter().filter_map(|detail| match detail {
            Detail::Source(source) => Some(source),
            _ => None,
        })
    }

    /// How the process of a vertex ended.
    pub fn exit_code(&self) -> Option<u32> {
        self.details.iter().find_map(|detail| match detail {
            Detail::Exit(code) => Some(*code),
            _ => None,
        })
    }

    /// The `google.rpc.Status` that says all of it.
    pub fn to_status(&self) -> rpc::Status {
        let details = self.details.iter().map(Detail::to_any).collect();
        rpc::Status { code: self.code() as i32, message: self.message().to_owned(), details }
    }

    /// Takes a `google.rpc.Status` apart.
    pub fn from_status(status: rpc::Status) -> Self {
        let details = status.details.iter().map(Detail::from_any).collect();
        Self { status: Box::new(tonic::Status::new(status.code.into(), status.message)), details }
    }
}

impl From<tonic::Status> for BuildError {
    /// Takes the error of a call apart. Details that cannot be read are left out: the message says what is the matter.
    fn from(status: tonic::Status) -> Self {
        let details = rpc::Status::decode(status.details()).unwrap_or_default().details;
        Self { details: details.iter().map(Detail::from_any).collect(), status: Box::new(status) }
    }
}

impl fmt::Debug for BuildError {
    /// Without what is not understood: stacks of the daemon are long.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let understood = self.details.iter().filter(|detail| !matches!(detail, Detail::Other { .. }));
        let understood: Vec<&Detail> = understood.collect();
        let mut debug = formatter.debug_struct("BuildError");
        debug.field("code", &self.code()).field("message", &self.message()).field("details", &understood);
        debug.finish_non_exhaustive()
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message() {
            "" => write!(formatter, "{}", self.code()),
            message => formatter.write_str(message),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.status.source()
    }
}

#[cfg(test)]
mod tests;
