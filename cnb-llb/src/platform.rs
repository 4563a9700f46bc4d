//! Platforms of images.

use crate::wire::Message;

/// An operating system and an architecture, as Go names them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: String,
}

impl Platform {
    /// For example `linux` and `amd64`.
    pub fn new(os: impl Into<String>, architecture: impl Into<String>) -> Self {
        Self { os: os.into(), architecture: architecture.into(), variant: String::new() }
    }

    /// Says which variant of the architecture, for example `v8` of `arm64`.
    #[must_use]
    pub fn with_variant(mut self, variant: impl Into<String>) -> Self {
        self.variant = variant.into();
        self
    }

    /// `pb.Platform`.
    pub(crate) fn message(&self) -> Message {
        Message::default().bytes(1, &self.architecture).bytes(2, &self.os).bytes(3, &self.variant)
    }
}
