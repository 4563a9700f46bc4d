//! Serving a session on a connection.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream;
use hyper::server::conn::http2;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic::Request;
use tonic::Status;
use tonic::service::Routes;
use tonic::transport::Channel;

use super::Output;
use super::Session;
use super::auth::Auth;
use super::content::Content;
use super::filesend::FileSend;
use super::filesync::FileSync;
use super::health::Healthy;
use super::secrets::SecretStore;
use super::ssh::Agents;
use super::transport;
use crate::errdefs::BuildError;
use crate::pb::CONNECTION_WINDOW;
use crate::pb::HEADERS_LIMIT;
use crate::pb::MESSAGE_LIMIT;
use crate::pb::content::content_server::ContentServer;
use crate::pb::control::control_client::ControlClient;
use crate::pb::file_send::file_send_server::FileSendServer;
use crate::pb::filesync::auth_server::AuthServer;
use crate::pb::filesync::file_sync_server::FileSyncServer;
use crate::pb::health::health_server::HealthServer;
use crate::pb::secrets::secrets_server::SecretsServer;
use crate::pb::sshforward::ssh_server::SshServer;

/// The methods of a session, with which BuildKit decides what it may ask for.
const METHODS: [&str; 14] = [
    "/containerd.services.content.v1.Content/Info",
    "/containerd.services.content.v1.Content/Read",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.filesync.v1.Auth/FetchToken",
    "/moby.filesync.v1.Auth/GetTokenAuthority",
    "/moby.filesync.v1.Auth/VerifyTokenAuthority",
    "/moby.filesync.v1.FileSend/DiffCopy",
    "/moby.filesync.v1.FileSync/DiffCopy",
    "/moby.filesync.v1.FileSync/TarStream",
    "/moby.sshforward.v1.SSH/CheckAgent",
    "/moby.sshforward.v1.SSH/ForwardAgent",
];

impl Session {
    /// Offers itself to a BuildKit and serves until that closes it. Dropping the future ends every call of it.
    pub(crate) async fn run(
        self,
        control: ControlClient<Channel>,
        outputs: Vec<Option<Output>>,
    ) -> Result<(), BuildError> {
        let connection = transport::open(control, &self.id, &self.shared_key, &METHODS).await?;
        self.serve(connection, outputs).await;
        Ok(())
    }

    /// Serves on a connection until it ends: here, BuildKit is the client.
    pub(crate) async fn serve(
        self,
        connection: impl AsyncRead + AsyncWrite + Unpin + 'static,
        outputs: Vec<Option<Output>>,
    ) {
        let stop = CancellationToken::new();
        let _guard = stop.clone().drop_guard();
        let service = TowerToHyperService::new(self.routes(outputs));
        let mut server = http2::Builder::new(Tasks(stop));
        server.initial_connection_window_size(CONNECTION_WINDOW).max_header_list_size(HEADERS_LIMIT);
        let ended = server.serve_connection(TokioIo::new(connection), service).await;
        // How the other side ends it is no matter of ours: the solve has an answer or an error.
        if let Err(error) = ended {
            tracing::debug!(%error, "the session ended");
        }
    }

    fn routes(self, outputs: Vec<Option<Output>>) -> Routes {
        Routes::new(HealthServer::new(Healthy))
            .add_service(
                FileSyncServer::new(FileSync::new(self.directories, self.others))
                    .max_encoding_message_size(MESSAGE_LIMIT),
            )
            .add_service(FileSendServer::new(FileSend::new(outputs)).max_decoding_message_size(MESSAGE_LIMIT))
            .add_service(SecretsServer::new(SecretStore::new(self.secrets)))
            .add_service(AuthServer::new(Auth::new(self.keychain)))
            .add_service(SshServer::new(Agents::new(self.agents)))
            .add_service(
                ContentServer::new(Content::new(self.layouts)).max_encoding_message_size(MESSAGE_LIMIT),
            )
            .prepare()
    }
}

/// Runs what a connection has to do until the session is dropped.
#[derive(Clone)]
struct Tasks(CancellationToken);

impl<F: Future<Output: Send> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let stop = self.0.clone();
        tokio::spawn(async move { stop.run_until_cancelled_owned(task).await });
    }
}

/// A response that is a stream.
pub(crate) type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Messages, and at the end the error of what they come from. That runs whether or not the messages can be sent at the
/// moment, because it also takes what the other side says; it stops when nobody wants the messages any more.
pub(crate) fn driven<T: Send + 'static>(
    messages: impl Stream<Item = T> + Send + 'static,
    driver: impl Future<Output = Result<(), Status>> + Send + 'static,
) -> Streamed<T> {
    let driver = AbortOnDropHandle::new(tokio::spawn(driver));
    let failure = stream::once(driver).filter_map(async |ended| match ended {
        Ok(result) => result.err().map(Err),
        Err(error) => Some(Err(internal(&error))),
    });
    Box::pin(stream::select(messages.map(Ok), failure))
}

/// The first value of a header of a call.
pub(crate) fn header<'a, T>(request: &'a Request<T>, name: &str) -> Option<&'a str> {
    request.metadata().get(name)?.to_str().ok()
}

/// An error of a service as the other side reads it: with its causes.
pub(crate) fn internal(error: &(dyn Error + 'static)) -> Status {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    Status::unknown(message)
}

/// Shares what a service has between its calls.
pub(crate) type Shared<T> = Arc<BTreeMap<String, T>>;
