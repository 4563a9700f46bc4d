#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

pub mod apply;
pub mod archive;
pub mod blob;
pub mod blob_store;
pub mod compression;
pub mod config;
mod copy;
pub mod descriptor;
mod hash;
#[cfg(feature = "helper")]
pub mod helper;
pub mod image;
mod in_use;
mod inside;
pub mod layer;
pub mod layout;
#[cfg(feature = "local")]
pub mod local;
pub mod parallel;
pub mod platform;
#[cfg(any(feature = "helper", feature = "local"))]
mod process;
pub mod read_ahead;
#[cfg(feature = "registry")]
pub mod registry;
pub mod rootfs;
#[cfg(any(feature = "helper", feature = "local"))]
mod tree;

pub use hash::digest;
