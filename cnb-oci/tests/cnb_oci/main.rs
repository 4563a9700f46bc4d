//! Tests of the public API, a module per module of the crate.

mod apply;
mod archive;
mod fixture;
mod layer;
mod layout;
