#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

mod hash;
pub mod layer;
#[cfg(feature = "local")]
pub mod local;

pub use hash::digest;
