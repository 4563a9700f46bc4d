#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod api;
pub mod backend;
pub mod digest;
pub mod encode;
pub mod environment;
pub mod event;
pub mod image_name;
pub mod labels;
