//! Connections to a BuildKit.

use std::io;
use std::path::Path;

use hyper::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::net::UnixStream;
use tonic::transport::Channel;
use tonic::transport::Endpoint;

use super::Address;
use super::Client;
use super::docker;
use crate::pb::CONNECTION_WINDOW;

/// How to reach a BuildKit.
///
/// ```no_run
/// # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// use cnb_llb::client::Connector;
///
/// let client = Connector::new("unix:///run/buildkit/buildkitd.sock".parse()?).connect().await?;
/// println!("{}", client.info().await?.version);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Connector {
    address: Address,
    #[cfg(feature = "tls")]
    tls: Option<super::Tls>,
}

/// A BuildKit cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach BuildKit at {address}")]
pub struct ConnectError {
    address: Address,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Connector {
    /// To the BuildKit at an address, without TLS.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Over TLS. It is an error to connect so to anything but [`Address::Tcp`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: super::Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Connects, so that an address where nothing answers is an error here. What is lost later is connected again by the
    /// next call.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let address = self.address.clone();
        match self.channel().await {
            Ok(channel) => Ok(Client::new(channel)),
            Err(source) => Err(ConnectError { address, source }),
        }
    }

    async fn channel(self) -> Result<Channel, Box<dyn std::error::Error + Send + Sync>> {
        let address = self.address;
        let endpoint = Endpoint::from_static("http://buildkit");
        #[cfg(feature = "tls")]
        let endpoint = self.tls.map_or(Ok(endpoint), |tls| tls.endpoint(&address))?;
        let endpoint = endpoint.initial_connection_window_size(CONNECTION_WINDOW);
        let connector = tower::service_fn(move |_: Uri| dial(address.clone()));
        Ok(endpoint.connect_with_connector(connector).await?)
    }
}

type Connection = TokioIo<Box<dyn Duplex>>;

/// Both directions of a connection.
pub(crate) trait Duplex: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Duplex for T {}

async fn dial(address: Address) -> io::Result<Connection> {
    let connection: Box<dyn Duplex> = match address {
        Address::Unix(path) => Box::new(unix(&path).await?),
        Address::Tcp(host) => Box::new(TcpStream::connect(host).await?),
        Address::Docker(engine) => Box::new(docker::build_kit(unix(&engine).await?).await?),
        Address::DockerContainer { name, engine } => Box::new(docker::dial_stdio(&engine, &name).await?),
    };
    Ok(TokioIo::new(connection))
}

/// A socket, or an error that names it.
pub(crate) async fn unix(path: &Path) -> io::Result<UnixStream> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    UnixStream::connect(path).await.map_err(named)
}
