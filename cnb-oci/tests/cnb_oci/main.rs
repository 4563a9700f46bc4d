//! Tests of the public API, a module per module of the crate.

mod layer;
mod layout;
