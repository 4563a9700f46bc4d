#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod atomic;
pub mod lock;
pub mod namespace;
pub mod record;
pub mod store;
pub mod volume;
