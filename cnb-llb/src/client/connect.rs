//! Connections to a BuildKit.

use std::io;
use std::path::Path;

use hyper::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::net::UnixStream;
use tokio_util::either::Either;
use tonic::transport::Channel;

use super::Address;
use super::Client;
use super::Engine;
use super::docker;
use crate::pb::endpoint;

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

    /// Over TLS, to the BuildKit or to its Docker Engine. It is an error to connect so to a socket.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: super::Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Connects, so that an address where nothing answers is an error here. What is lost later is connected again by the
    /// next call.
    ///
    /// # Errors
    /// When nothing answers there, or not as a BuildKit; its causes say why.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let address = self.address.clone();
        match self.channel().await {
            Ok(channel) => Ok(Client::new(channel)),
            Err(source) => Err(ConnectError { address, source }),
        }
    }

    async fn channel(self) -> Result<Channel, Box<dyn std::error::Error + Send + Sync>> {
        #[cfg(feature = "tls")]
        if self.tls.is_some() && self.address.host().is_none() {
            return Err("TLS is for hosts alone".into());
        }
        let connector = tower::service_fn(move |_: Uri| self.clone().dial());
        Ok(endpoint().connect_with_connector(connector).await?)
    }

    async fn dial(self) -> io::Result<Connection> {
        let connection: Box<dyn Duplex> = match self.address.clone() {
            Address::Unix(path) => Box::new(unix(&path).await?),
            Address::Tcp(host) => Box::new(self.tcp(host, b"h2").await?),
            Address::Docker(engine) => Box::new(docker::build_kit(self.engine(engine).await?).await?),
            Address::DockerContainer { name, engine } => {
                let first = self.clone().engine(engine.clone()).await?;
                Box::new(docker::dial_stdio(first, self.engine(engine).await?, &name).await?)
            }
        };
        Ok(TokioIo::new(connection))
    }

    /// A connection to the API of a Docker Engine.
    async fn engine(self, engine: Engine) -> io::Result<ToEngine> {
        match engine {
            Engine::Socket(path) => Ok(Either::Left(unix(&path).await?)),
            Engine::Tcp(host) => Ok(Either::Right(self.tcp(host, b"http/1.1").await?)),
        }
    }

    /// A connection to a port, for a protocol as TLS names it.
    #[cfg(feature = "tls")]
    async fn tcp(self, host: String, protocol: &'static [u8]) -> io::Result<ToPort> {
        let stream = port(&host).await?;
        Ok(match self.tls {
            None => Either::Left(stream),
            Some(tls) => Either::Right(tls.over(stream, &host, protocol).await?),
        })
    }

    #[cfg(not(feature = "tls"))]
    async fn tcp(self, host: String, _: &'static [u8]) -> io::Result<ToPort> {
        port(&host).await
    }
}

/// A connection to the API of a Docker Engine.
pub(crate) type ToEngine = Either<UnixStream, ToPort>;

#[cfg(feature = "tls")]
type ToPort = Either<TcpStream, super::tls::Stream>;
#[cfg(not(feature = "tls"))]
type ToPort = TcpStream;

type Connection = TokioIo<Box<dyn Duplex>>;

/// Both directions of a connection.
pub(crate) trait Duplex: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Duplex for T {}

async fn port(host: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(host).await?;
    // Messages are small, and answers are waited for.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A socket, or an error that names it.
pub(crate) async fn unix(path: &Path) -> io::Result<UnixStream> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    UnixStream::connect(path).await.map_err(named)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio::net::UnixListener;
    use tokio_util::task::AbortOnDropHandle;
    use tonic::Code;
    use tonic::Request;
    use tonic::Response;
    use tonic::Status;
    use tonic::transport::Server;

    use super::*;
    use crate::errdefs::BuildError;
    use crate::errdefs::Source;
    use crate::pb::health::HealthCheckRequest;
    use crate::pb::health::HealthCheckResponse;
    use crate::pb::health::HealthListRequest;
    use crate::pb::health::HealthListResponse;
    use crate::pb::health::health_client::HealthClient;
    use crate::pb::health::health_server::Health;
    use crate::pb::health::health_server::HealthServer;

    /// Answers everything with an error.
    struct Failing(BuildError);

    impl Failing {
        fn status(&self) -> Status {
            let details = prost::Message::encode_to_vec(&self.0.to_status());
            Status::with_details(self.0.code(), self.0.message(), details.into())
        }
    }

    #[tonic::async_trait]
    impl Health for Failing {
        async fn check(
            &self,
            _: Request<HealthCheckRequest>,
        ) -> Result<Response<HealthCheckResponse>, Status> {
            Err(self.status())
        }

        async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
            Err(self.status())
        }

        type WatchStream = stream::Iter<std::vec::IntoIter<Result<HealthCheckResponse, Status>>>;

        async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
            Ok(Response::new(stream::iter(vec![Err(self.status())])))
        }
    }

    /// The details come before a stream has begun, or at its end.
    #[tokio::test]
    async fn errors_bring_the_files_that_they_point_into() {
        let directory = tempfile::tempdir().expect("there is a directory");
        let socket = directory.path().join("buildkit.sock");
        let listener = UnixListener::bind(&socket).expect("it is new");
        let incoming = stream::unfold(listener, async |listener| {
            Some((listener.accept().await.map(|(stream, _)| stream), listener))
        });
        let source = Source::lines("project.toml", "# a long line\n".repeat(50_000), 2, 2);
        let sent = BuildError::new(Code::InvalidArgument, "it is wrong").with_source(source.clone());
        let server = Server::builder().add_service(HealthServer::new(Failing(sent)));
        let serving = async move { server.serve_with_incoming(Box::pin(incoming)).await.expect("it serves") };
        let _serving = AbortOnDropHandle::new(tokio::spawn(serving));

        let client = Connector::new(Address::Unix(socket)).connect().await.expect("somebody listens");
        let mut health = HealthClient::new(client.channel());
        let at_once = health.check(HealthCheckRequest::default()).await.expect_err("it fails");
        let mut begun = health.watch(HealthCheckRequest::default()).await.expect("it begins").into_inner();
        let at_the_end = begun.message().await.expect_err("it fails");
        for status in [at_once, at_the_end] {
            let error = BuildError::from(status);
            assert_eq!((error.code(), error.message()), (Code::InvalidArgument, "it is wrong"));
            assert_eq!(error.sources().collect::<Vec<_>>(), [&source]);
        }
    }
}
