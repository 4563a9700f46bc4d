//! The messages and services of BuildKit as they are on the wire.
//!
//! They follow BuildKit, not the version of this crate: what is not found in the types of the other modules is here, and
//! may change with any release. Those of BuildKit come from [`bollard_buildkit_proto`]; what that lacks is generated from
//! `codegen/` of this crate.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::clone_on_ref_ptr,
    clippy::unwrap_used,
    clippy::disallowed_types
)]

use prost::Message;

use crate::Definition;

pub mod frames;

pub use bollard_buildkit_proto::fsutil::types as fsutil;
pub use bollard_buildkit_proto::google;
pub use bollard_buildkit_proto::health;
pub use bollard_buildkit_proto::moby::buildkit::secrets::v1 as secrets;
pub use bollard_buildkit_proto::moby::buildkit::v1 as control;
pub use bollard_buildkit_proto::moby::buildkit::v1::apicaps;
pub use bollard_buildkit_proto::moby::buildkit::v1::frontend;
pub use bollard_buildkit_proto::moby::buildkit::v1::types;
pub use bollard_buildkit_proto::moby::filesync::v1 as filesync;
pub use bollard_buildkit_proto::moby::sshforward::v1 as sshforward;
pub use bollard_buildkit_proto::moby::upload::v1 as upload;
pub use bollard_buildkit_proto::pb as ops;

/// The largest message that BuildKit sends or takes, in bytes. Clients and servers take 4 MiB unless they are told.
pub const MESSAGE_LIMIT: usize = 16 << 20;

/// The window of a connection, in bytes: a bound that is never met. BuildKit sends messages of a few bytes by the thousands,
/// and the HTTP/2 library takes those for an attack unless it is told that much is expected. Streams have bounds of their
/// own.
#[cfg(any(feature = "client", feature = "gateway"))]
pub(crate) const CONNECTION_WINDOW: u32 = 1 << 30;

/// How much all headers of a call or of its answer may have, in bytes: what Go allows, in which BuildKit is written. Details
/// of errors come in a header, with the files of people in them; patterns for the files of a directory come in a header
/// each. The HTTP/2 library takes 16 KiB unless it is told, and gives up the call, with all that it would have said.
#[cfg(any(feature = "client", feature = "gateway"))]
pub(crate) const HEADERS_LIMIT: u32 = 16 << 20;

/// A BuildKit, wherever it is: how it is connected to is for the caller to say.
#[cfg(any(feature = "client", feature = "gateway"))]
pub(crate) fn endpoint() -> tonic::transport::Endpoint {
    tonic::transport::Endpoint::from_static("http://buildkit")
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_header_list_size(HEADERS_LIMIT)
}

impl From<&Definition> for ops::Definition {
    fn from(graph: &Definition) -> Self {
        Self::decode(graph.to_bytes().as_slice()).expect("a definition is a pb.Definition")
    }
}

/// The part of containerd's content service that BuildKit uses of a client.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::clone_on_ref_ptr,
    reason = "it is generated"
)]
pub mod content {
    include!("pb/generated/containerd.services.content.v1.rs");
}

/// `FileSend` with its messages as bytes: chunks of a file, or packets of a directory.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::clone_on_ref_ptr,
    reason = "it is generated"
)]
pub mod file_send {
    include!("pb/generated/moby.filesync.v1.FileSend.rs");
}
