//! What goes wrong with registries.

use std::io;
use std::time::Duration;

use cnb_core::backend::ErrorKind;
use cnb_core::digest::Digest;

use super::keychain::KeychainError;
use super::requester::Requester;
use crate::image;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why something could not be read from or written to a registry. URLs are without queries, which may hold
/// secrets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was downloaded cannot be kept.
    #[error(transparent)]
    Blob(#[from] crate::blob::Error),
    /// The registry asks for an authentication that is not known.
    #[error("{registry} asks for an authentication that is not supported: {challenge}")]
    Challenge {
        /// The registry.
        registry: String,
        /// What it asks for.
        challenge: String,
    },
    /// There is no connection, or not any more.
    #[error("{method} {url} fails")]
    Connection {
        /// The method.
        method: String,
        /// The URL.
        url: String,
        /// Whether trying again may help.
        retryable: bool,
        /// Why.
        source: Source,
    },
    /// What was to be uploaded cannot be made.
    #[error("cannot make what is to be uploaded to {repository}")]
    Content {
        /// The repository.
        repository: String,
        /// Why not.
        source: io::Error,
    },
    /// The bytes are not what the digest says.
    #[error("{url} is corrupt: its digest is {actual}, not {expected}")]
    Corrupt {
        /// The URL.
        url: String,
        /// What names it.
        expected: Digest,
        /// What its bytes say.
        actual: Digest,
    },
    /// The parts of an image do not agree.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// A document is not what it has to be.
    #[error("{url} is not valid")]
    Json {
        /// The URL.
        url: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// A credential cannot be read.
    #[error("cannot find out who is asking {registry}")]
    Keychain {
        /// The registry.
        registry: String,
        /// Why not.
        source: KeychainError,
    },
    /// A document is too large to be read into memory.
    #[error("{url} has more than {limit} bytes")]
    Large {
        /// The URL.
        url: String,
        /// What is allowed.
        limit: u64,
    },
    /// The image is not for this platform.
    #[error("{image} is not for {platform}, but for {}", list(offered))]
    NoPlatform {
        /// The image.
        image: String,
        /// The platform that was asked for.
        platform: String,
        /// The platforms there are.
        offered: Vec<String>,
    },
    /// It is something else.
    #[error("{image} is not an image, but of the media type `{media_type}`")]
    NotAnImage {
        /// The name.
        image: String,
        /// What it is.
        media_type: String,
    },
    /// The registry does not follow the protocol.
    #[error("{method} {url}: the answer is not one of the protocol: {reason}")]
    Protocol {
        /// The method.
        method: String,
        /// The URL.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A setting is not valid.
    #[error("{what} cannot be used")]
    Setting {
        /// The setting.
        what: &'static str,
        /// Why not.
        source: Source,
    },
    /// A blob has another size than its descriptor says.
    #[error("{url} is corrupt: it has {actual} bytes or more, not {expected}")]
    Size {
        /// The URL.
        url: String,
        /// What its descriptor says.
        expected: u64,
        /// What came.
        actual: u64,
    },
    /// The registry refuses.
    #[error("{method} {url}: {status}{}{message}", separator(message))]
    Status {
        /// The method.
        method: String,
        /// The URL.
        url: String,
        /// The status code.
        status: u16,
        /// What the registry says, in one line; empty when it says nothing.
        message: String,
        /// When the registry wants to be asked again.
        retry_after: Option<Duration>,
        /// Who was refused, after 401 and 403.
        source: Option<Box<Requester>>,
    },
}

impl Error {
    /// What a backend says of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Blob(error) => error.kind(),
            Self::Challenge { .. } | Self::NotAnImage { .. } => ErrorKind::Unsupported,
            Self::Connection { .. } => ErrorKind::Unavailable,
            Self::Content { source, .. } => crate::blob::kind_of(source),
            Self::Corrupt { .. } | Self::Json { .. } | Self::Size { .. } => ErrorKind::Corrupt,
            Self::Image(error) => error.kind(),
            Self::Keychain { .. } => ErrorKind::Denied,
            Self::Large { .. } | Self::Setting { .. } => ErrorKind::InvalidInput,
            Self::NoPlatform { .. } => ErrorKind::NotFound,
            Self::Protocol { .. } => ErrorKind::Other,
            Self::Status { status, .. } => kind_of_status(*status),
        }
    }

    /// The status with which the registry, or its token service, refused.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the registry wants to know who is asking, or does not believe it (401). Some registries say so of
    /// repositories that do not exist, too.
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(401)
    }

    /// Whether the registry knows who is asking and refuses (403).
    pub fn is_forbidden(&self) -> bool {
        self.status() == Some(403)
    }

    /// Who was refused, after 401 and 403.
    pub fn requester(&self) -> Option<&Requester> {
        match self {
            Self::Status { source, .. } => source.as_deref(),
            _ => None,
        }
    }

    /// Whether there is no such thing (404).
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether trying again may help: after 408, 429, 500, 502, 503, 504 and when a connection failed that was
    /// not refused.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connection { retryable, .. } => *retryable,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// When the registry wants to be asked again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// This error inside of an I/O error, whose kind is chosen so that [`crate::blob::kind_of`] agrees.
    pub(super) fn into_io(self) -> io::Error {
        let kind = match self.kind() {
            ErrorKind::Corrupt => io::ErrorKind::InvalidData,
            ErrorKind::Denied => io::ErrorKind::PermissionDenied,
            ErrorKind::NotFound => io::ErrorKind::NotFound,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }
}

fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Denied,
        404 => ErrorKind::NotFound,
        405 | 415 => ErrorKind::Unsupported,
        413 | 507 => ErrorKind::Exhausted,
        408 | 429 | 500..600 => ErrorKind::Unavailable,
        400..500 => ErrorKind::InvalidInput,
        _ => ErrorKind::Other,
    }
}

fn separator(message: &str) -> &'static str {
    if message.is_empty() { "" } else { ": " }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
