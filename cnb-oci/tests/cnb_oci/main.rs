//! Tests of the public API, a module per module of the crate.

mod apply;
mod apply_cases;
mod archive;
mod fixture;
mod layer;
mod layout;
