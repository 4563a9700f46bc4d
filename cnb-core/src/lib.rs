#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod analyzed;
pub mod api;
pub mod backend;
pub mod binding;
pub mod build_metadata;
pub mod builder_config;
pub mod buildpack;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod detection;
pub mod diagnostic;
pub mod digest;
pub mod document;
pub mod encode;
pub mod env_file;
pub mod environment;
pub mod epoch;
pub mod event;
mod go_keys;
mod handwritten;
pub mod helper;
pub mod id;
pub mod image_name;
pub mod labels;
pub mod lifecycle;
#[cfg(feature = "memory")]
pub mod memory;
pub mod os_release;
pub mod passwd;
pub mod project;
pub mod project_metadata;
pub mod reference;
pub mod report;
pub mod run;
pub mod selection;
