//! What has to hold for bytes that come from an image, a registry, a buildpack, a cache or a person.
//!
//! A target is a function of bytes that panics when something does not hold. A fuzzer looks for such bytes
//! (`cargo xtask fuzz`, nightly); the tests replay those of `corpus/TARGET/`, among them all that were ever
//! found (`cargo xtask test corpus`, stable).
//!
//! Inputs are text wherever that is possible, so that a case can be read, written by hand and named. Cases
//! called `grown-*` have no other merit than to reach code that the others do not.

#![deny(unsafe_code)]

pub mod caches;
mod cage;
mod choice;
pub mod documents;
pub mod images;
pub mod labels;
pub mod layer_writer;
mod listing;
pub mod messages;
pub mod tar_bytes;
pub mod tar_entries;
pub mod texts;
pub mod transfers;

/// A function that panics when something does not hold.
pub type Target = fn(&[u8]) -> Input;

/// All targets by the name of their fuzzer, of their directory in `corpus` and of their dictionary.
pub const TARGETS: [(&str, Target); 10] = [
    ("caches", caches::check),
    ("documents", documents::check),
    ("images", images::check),
    ("labels", labels::check),
    ("layer_writer", layer_writer::check),
    ("messages", messages::check),
    ("tar_bytes", tar_bytes::check),
    ("tar_entries", tar_entries::check),
    ("texts", texts::check),
    ("transfers", transfers::check),
];

/// What a target did with its input.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Input {
    /// It reached the code that it is for.
    Used,
    /// It is not in the form that the target reads: a fuzzer should not keep it.
    Ignored,
}

#[cfg(feature = "libfuzzer")]
impl From<Input> for libfuzzer_sys::Corpus {
    fn from(input: Input) -> Self {
        match input {
            Input::Used => Self::Keep,
            Input::Ignored => Self::Reject,
        }
    }
}
