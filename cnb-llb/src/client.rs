//! Talk to a BuildKit: solve graphs and run frontends.
//!
//! ```no_run
//! use cnb_llb::client::Connector;
//! use cnb_llb::client::Event;
//! use cnb_llb::client::SolveRequest;
//! use cnb_llb::session::Session;
//! use cnb_llb::{MakeFile, State};
//!
//! # async fn solve() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Connector::new("docker://".parse()?).connect().await?;
//! let graph = State::scratch().file(MakeFile::new("/a", 0o644, "x")).definition();
//! let request = SolveRequest::new("a-new-id-for-each").with_definition(&graph);
//! let mut print = |event| {
//!     if let Event::Log(log) = event {
//!         println!("{}", String::from_utf8_lossy(&log.bytes));
//!     }
//! };
//! client.solve(request, Session::new("another-new-id"), &mut print).await?;
//! # Ok(())
//! # }
//! ```

use tonic::transport::Channel;

use crate::errdefs::BuildError;
use crate::pb::MESSAGE_LIMIT;
use crate::pb::control;
use crate::pb::control::control_client::ControlClient;
use crate::pb::types::BuildkitVersion;
use crate::worker::Worker;

mod address;
#[cfg(feature = "gateway")]
mod build;
mod connect;
mod docker;
mod event;
mod export;
mod multiplexed;
pub(crate) mod progress;
mod request;
mod solve;
#[cfg(feature = "tls")]
mod tls;

pub use address::Address;
pub use address::Engine;
pub use address::InvalidAddress;
pub use address::InvalidEngine;
pub use connect::ConnectError;
pub use connect::Connector;
pub use event::Event;
pub use event::Log;
pub use event::Progress;
pub use event::Stream;
pub use event::Vertex;
pub use export::Export;
pub use request::SolveRequest;
pub use solve::SolveResponse;
#[cfg(feature = "tls")]
pub use tls::InvalidTls;
#[cfg(feature = "tls")]
pub use tls::Tls;

/// Which BuildKit it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Info {
    /// The Go module, for example `github.com/moby/buildkit`.
    pub package: String,
    /// For example `v0.29.0`.
    pub version: String,
    /// The commit that it was made of.
    pub revision: String,
}

/// A connection to a BuildKit. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
}

impl Client {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// Which BuildKit it is. Those before 0.11 answer [`Unimplemented`](crate::errdefs::Code::Unimplemented).
    ///
    /// # Errors
    /// When it does not answer, or not this.
    pub async fn info(&self) -> Result<Info, BuildError> {
        let response = self.control().info(control::InfoRequest {}).await?.into_inner();
        let BuildkitVersion { package, version, revision } = response.buildkit_version.unwrap_or_default();
        Ok(Info { package, version, revision })
    }

    /// What can build, the default first.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn workers(&self) -> Result<Vec<Worker>, BuildError> {
        let response = self.control().list_workers(control::ListWorkersRequest::default()).await?;
        Ok(response.into_inner().record.into_iter().map(Worker::from).collect())
    }

    /// The whole control service, for what has no method here.
    pub fn control(&self) -> ControlClient<Channel> {
        ControlClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT)
    }

    /// The channel, for the other services that a BuildKit has at the same address.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }
}
