#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod builder;
mod causes;
pub mod disk;
pub mod export;
pub mod image_store;
pub mod launch;
pub mod layer_cache;

pub mod phase;
pub mod platform;
pub mod program;
pub mod rebase;
pub mod restore;
