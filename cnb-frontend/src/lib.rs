#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod build;
pub mod buildpacks;
pub mod capabilities;
pub mod contexts;
pub mod descriptor;
mod directories;
pub mod error;
mod events;
pub mod ignore;
pub mod options;
pub mod place;
pub mod platform;
pub mod repository;
pub mod request;
pub mod settings;
pub mod subrequest;
pub mod target;

pub use build::build;
