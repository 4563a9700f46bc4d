//! Bytes as the Go lifecycle writes them: labels are part of an image's identity.

pub mod any;
pub mod go_json;
