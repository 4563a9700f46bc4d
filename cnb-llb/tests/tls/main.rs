//! TLS to a port. The certificates beside this file are for these tests alone: made by `openssl` for `localhost` and
//! `buildkit.example`, signed by an authority whose key was thrown away.
#![cfg(feature = "tls")]

use std::net::SocketAddr;

use cnb_llb::client::Address;
use cnb_llb::client::Client;
use cnb_llb::client::ConnectError;
use cnb_llb::client::Connector;
use cnb_llb::client::Tls;
use cnb_llb::pb::health::HealthCheckRequest;
use cnb_llb::pb::health::HealthCheckResponse;
use cnb_llb::pb::health::HealthListRequest;
use cnb_llb::pb::health::HealthListResponse;
use cnb_llb::pb::health::health_client::HealthClient;
use cnb_llb::pb::health::health_server::Health;
use cnb_llb::pb::health::health_server::HealthServer;
use futures_util::stream;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use tonic::Request;
use tonic::Response;
use tonic::Status;
use tonic::transport::Certificate;
use tonic::transport::Identity;
use tonic::transport::Server;
use tonic::transport::ServerTlsConfig;

const AUTHORITY: &str = include_str!("ca.pem");
const CLIENT: (&str, &str) = (include_str!("client.pem"), include_str!("client.key"));
const SERVER: (&str, &str) = (include_str!("server.pem"), include_str!("server.key"));

/// Says that all is well, to those whose certificate is of the authority.
struct Well;

#[tonic::async_trait]
impl Health for Well {
    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: 1 }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }

    type WatchStream = stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not asked"))
    }
}

async fn server() -> (SocketAddr, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = listener.local_addr().expect("it has one");
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(SERVER.0, SERVER.1))
        .client_ca_root(Certificate::from_pem(AUTHORITY));
    let server = Server::builder().tls_config(tls).expect("it is valid").add_service(HealthServer::new(Well));
    let incoming = stream::unfold(listener, async |listener| {
        Some((listener.accept().await.map(|peer| peer.0), listener))
    });
    let serving =
        tokio::spawn(async move { server.serve_with_incoming(Box::pin(incoming)).await.expect("it serves") });
    (address, AbortOnDropHandle::new(serving))
}

async fn connect(port: u16, host: &str, tls: Tls) -> Result<Client, ConnectError> {
    let address: Address = format!("tcp://{host}:{port}").parse().expect("it is an address");
    Connector::new(address).with_tls(tls).connect().await
}

async fn is_well(client: &Client) -> bool {
    HealthClient::new(client.channel()).check(HealthCheckRequest::default()).await.is_ok()
}

#[tokio::test]
async fn both_sides_show_certificates() {
    let (address, _server) = server().await;
    let tls = || Tls::new(AUTHORITY).expect("it is an authority");
    let known = || tls().with_identity(CLIENT.0, CLIENT.1).expect("it has the key");
    let client = connect(address.port(), "localhost", known()).await;
    assert!(is_well(&client.expect("all is as it should be")).await);
    // Another name for the server than the one that it is reached by.
    let named = known().with_server_name("buildkit.example").expect("it is a name");
    assert!(is_well(&connect(address.port(), "127.0.0.1", named).await.expect("that is a name of it")).await);
    let other = known().with_server_name("other.example").expect("it is a name");
    let error = connect(address.port(), "localhost", other).await.expect_err("that is no name of it");
    assert_eq!(error.to_string(), format!("cannot reach BuildKit at tcp://localhost:{}", address.port()));
    // The server turns nobodies away, at the latest when they call.
    let nobody = connect(address.port(), "localhost", tls()).await;
    assert!(match nobody {
        Ok(client) => !is_well(&client).await,
        Err(_) => true,
    });
    let stranger = Tls::new(CLIENT.0).expect("it is a certificate");
    let stranger = stranger.with_identity(CLIENT.0, CLIENT.1).expect("it has the key");
    connect(address.port(), "localhost", stranger).await.expect_err("its authority is another");
}

#[tokio::test]
async fn sockets_have_no_tls() {
    let connector = Connector::new("unix:///run/none.sock".parse().expect("it is an address"));
    let tls = Tls::new(AUTHORITY).expect("it is an authority");
    let error = connector.with_tls(tls).connect().await.expect_err("it makes no sense");
    let cause = std::error::Error::source(&error).expect("it says why").to_string();
    assert_eq!(cause, "TLS is for hosts alone");
}
