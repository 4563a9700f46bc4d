#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod definition;
mod file;
mod op;
mod platform;
mod source;
mod state;
mod wire;

pub use definition::Definition;
pub use file::MakeFile;
pub use platform::Platform;
pub use source::Image;
pub use source::Local;
pub use state::State;
pub use state::merge;

#[cfg(test)]
mod tests;
