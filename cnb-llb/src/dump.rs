//! Looking at definitions.
//!
//! All views are of what is in the bytes, so that they show graphs of any client.
//!
//! ```
//! use cnb_llb::{MakeFile, State, dump};
//!
//! let definition = State::scratch().file(MakeFile::new("/a", 0o644, "x")).definition();
//! let dot = dump::dot(&definition);
//! assert!(dot.contains("mkfile{path=/a}"));
//! ```

mod dot;
mod json;
mod label;
mod oneof;
mod text;
mod tree;

pub use dot::dot;
pub use json::json;
pub(crate) use json::write_text as write_json_text;
pub use label::label;
pub use text::text;
pub(crate) use tree::Tree;
