#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod annotate;
mod build;
mod capability;
mod definition;
mod diff;
mod digest;
pub mod dump;
mod exec;
mod file;
mod location;
mod merge;
pub mod ops;
mod passthrough;
mod platform;
mod source;
mod state;
mod vertex;
mod wire;

pub use annotate::Annotate;
pub use build::Build;
pub use capability::Capability;
pub use definition::Definition;
pub use definition::ReadError;
pub use definition::VertexRef;
pub use diff::Diff;
pub use digest::Digest;
pub use exec::Exec;
pub use exec::Mount;
pub use exec::Run;
pub use exec::Secret;
pub use exec::Ssh;
pub use exec::UlimitName;
pub use file::Copy;
pub use file::CopySource;
pub use file::FileOp;
pub use file::MakeDir;
pub use file::MakeFile;
pub use file::Owner;
pub use file::Prepared;
pub use file::Remove;
pub use file::Symlink;
pub use location::Location;
pub use location::SourceFile;
pub use merge::Merge;
pub use ops::ContentCache;
pub use ops::LinuxResources;
pub use ops::Network;
pub use ops::Platform;
pub use ops::ProgressGroup;
pub use ops::ProxyEnv;
pub use ops::Security;
pub use ops::Sharing;
pub use passthrough::Passthrough;
pub use platform::InvalidPlatform;
pub use source::Differ;
pub use source::Git;
pub use source::GitSignature;
pub use source::Http;
pub use source::HttpSignature;
pub use source::Image;
pub use source::ImageBlob;
pub use source::Local;
pub use source::OciLayout;
pub use source::RecordType;
pub use source::ResolveMode;
pub use state::State;
pub use wire::WireError;

#[cfg(feature = "backend")]
pub mod backend;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "rpc")]
pub mod errdefs;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
#[cfg(feature = "gateway")]
pub mod gateway;
#[cfg(feature = "pb")]
pub mod pb;
#[cfg(feature = "client")]
pub mod session;

#[cfg(feature = "rpc")]
mod cache;
#[cfg(any(feature = "client", feature = "gateway"))]
mod mode;
#[cfg(feature = "rpc")]
mod warning;
#[cfg(feature = "rpc")]
mod worker;

#[cfg(feature = "rpc")]
pub use cache::CacheEntry;
#[cfg(feature = "rpc")]
pub use warning::Warning;
#[cfg(feature = "rpc")]
pub use worker::Worker;
