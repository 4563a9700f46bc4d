#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod capabilities;
pub mod contexts;
pub mod descriptor;
pub mod error;
pub mod ignore;
pub mod place;
pub mod platform;
pub mod repository;
pub mod request;
pub mod settings;
pub mod subrequest;
pub mod target;
