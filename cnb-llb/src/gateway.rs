//! Write a frontend: a program that makes graphs, run by BuildKit for `# syntax=` lines and `--frontend`.
//!
//! ```no_run
//! use cnb_llb::MakeFile;
//! use cnb_llb::State;
//! use cnb_llb::gateway;
//! use cnb_llb::gateway::Environment;
//! use cnb_llb::gateway::Output;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let environment = Environment::read(std::env::vars())?;
//!     gateway::run(environment, async |gateway| {
//!         let name = gateway.environment().options.get("build-arg:NAME").map_or("nobody", String::as_str);
//!         let hello = MakeFile::new("/hello", 0o644, format!("hello {name}\n"));
//!         let files = gateway.solve_graph(&State::scratch().file(hello).definition()).await?;
//!         Ok(Output::new(files))
//!     })
//!     .await?;
//!     Ok(())
//! }
//! ```
//!
//! The image of a frontend has the program as its entrypoint and needs nothing else. What goes to standard error ends up
//! in the log of the daemon; a person sees errors, [warnings](Gateway::warn) and the names of vertices.

use std::collections::BTreeMap;
use std::sync::Arc;

use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::Warning;
use crate::Worker;
use crate::errdefs::BuildError;
use crate::pb::MESSAGE_LIMIT;
use crate::pb::frontend;
use crate::pb::frontend::llb_bridge_client::LlbBridgeClient;
use crate::pb::ops;

mod capabilities;
mod container;
mod context;
mod environment;
mod options;
mod output;
mod own_image;
mod reference;
mod resolve;
mod run;
mod solve;
mod stdio;
mod subrequest;

pub use capabilities::Capabilities;
pub use capabilities::Support;
pub use container::Container;
pub use container::ContainerRequest;
pub use container::Process;
pub use container::ProcessOutput;
pub use context::ContextSource;
pub use context::NamedContext;
pub use environment::Environment;
pub use environment::InvalidWorkers;
pub use options::CONTEXT_DIRECTORY;
pub use options::DESCRIPTOR_DIRECTORY;
pub use options::InvalidOption;
pub use options::NoCache;
pub use options::Options;
pub use output::Output;
pub use output::PlatformOutput;
pub use reference::Entry;
pub use reference::EntryKind;
pub use reference::Reference;
pub use resolve::ImageQuery;
pub use resolve::ResolvedImage;
pub use run::RunError;
pub use run::run;
pub use solve::Solve;
pub use solve::Solved;
pub use subrequest::Argument;
pub use subrequest::NeededSecret;
pub use subrequest::Outline;
pub use subrequest::Subrequest;
pub use subrequest::Target;

/// What a frontend asks BuildKit for. Clones are the same gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    bridge: Bridge,
    environment: Environment,
    capabilities: Capabilities,
    graphs: Capabilities,
}

/// The service behind the gateway.
pub(crate) type Bridge = LlbBridgeClient<InterceptedService<Channel, BuildId>>;

/// Says on each call of a client which of its builds it is for. Frontends that BuildKit started have only one.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildId(Option<AsciiMetadataValue>);

impl Gateway {
    /// Asks what the other side can do.
    pub(crate) async fn open(
        channel: Channel,
        build: BuildId,
        environment: Environment,
    ) -> Result<Self, BuildError> {
        let mut bridge = LlbBridgeClient::with_interceptor(channel, build)
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT);
        let pong = bridge.ping(frontend::PingRequest {}).await?.into_inner();
        let capabilities = pong.frontend_api_caps.into();
        let graphs = pong.llb_caps.into();
        Ok(Self { inner: Arc::new(Inner { bridge, environment, capabilities, graphs }) })
    }

    /// What it was started with.
    pub fn environment(&self) -> &Environment {
        &self.inner.environment
    }

    /// What can build, the default first.
    pub fn workers(&self) -> &[Worker] {
        &self.environment().workers
    }

    /// What the gateway can do, by identifiers like `gateway.exec`.
    pub fn capabilities(&self) -> &Capabilities {
        &self.inner.capabilities
    }

    /// What graphs may use, by [`Capability`](crate::Capability).
    pub fn graph_capabilities(&self) -> &Capabilities {
        &self.inner.graphs
    }

    /// The graphs that the client gives by name, for contexts like `input:NAME`.
    ///
    /// # Errors
    /// When BuildKit does not answer.
    pub async fn inputs(&self) -> Result<BTreeMap<String, ops::Definition>, BuildError> {
        let response = self.bridge().inputs(frontend::InputsRequest {}).await?;
        Ok(response.into_inner().definitions.into_iter().collect())
    }

    /// Tells something that a person should know.
    ///
    /// # Errors
    /// When BuildKit does not take it: it is older than 0.10, or the vertex is unknown to it.
    pub async fn warn(&self, warning: Warning) -> Result<(), BuildError> {
        let Warning { vertex, level, short, detail, url, source } = warning;
        let source = source.unwrap_or_default();
        let request = frontend::WarnRequest {
            digest: vertex,
            level,
            short: short.into_bytes(),
            detail: detail.into_iter().map(String::into_bytes).collect(),
            url,
            info: (!source.info.filename.is_empty()).then(|| source.info.into()),
            ranges: source.ranges.into_iter().map(Into::into).collect(),
        };
        self.bridge().warn(request).await?;
        Ok(())
    }

    /// The service, for one call.
    pub(crate) fn bridge(&self) -> Bridge {
        self.inner.bridge.clone()
    }
}

impl BuildId {
    /// For the builds of a client.
    #[cfg(feature = "client")]
    pub(crate) fn new(id: &str) -> Result<Self, BuildError> {
        let invalid =
            || BuildError::new(tonic::Code::InvalidArgument, format!("`{id}` is no name of a solve"));
        Ok(Self(Some(id.parse().map_err(|_| invalid())?)))
    }
}

impl Interceptor for BuildId {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, tonic::Status> {
        if let Some(id) = &self.0 {
            request.metadata_mut().insert("buildkit-controlapi-buildid", id.clone());
        }
        Ok(request)
    }
}
