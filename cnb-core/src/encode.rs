//! Bytes as the Go lifecycle writes them: labels and some files are part of an image's identity.

pub mod any;
pub mod go_json;
pub mod go_toml;
