#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod analyzed;
pub mod api;
pub mod backend;
pub mod digest;
pub mod encode;
pub mod environment;
pub mod event;
pub mod image_name;
pub mod labels;
pub mod project_metadata;
pub mod reference;
pub mod report;
pub mod run;
