//! Sessions with a client in place of BuildKit.

use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::Request;
use tonic::transport::Channel;
use tonic::transport::Endpoint;

use super::*;
use crate::pb::filesync::CredentialsRequest;
use crate::pb::filesync::GetTokenAuthorityRequest;
use crate::pb::filesync::auth_client::AuthClient;
use crate::pb::filesync::file_sync_client::FileSyncClient;
use crate::pb::fsutil::packet::PacketType;
use crate::pb::health::HealthCheckRequest;
use crate::pb::health::health_client::HealthClient;
use crate::pb::secrets::GetSecretRequest;
use crate::pb::secrets::secrets_client::SecretsClient;
use crate::pb::sshforward::BytesMessage;
use crate::pb::sshforward::CheckAgentRequest;
use crate::pb::sshforward::ssh_client::SshClient;

/// Serves a session until the token is cancelled, and gives a channel to it.
async fn served(session: Session, stop: &CancellationToken) -> Channel {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(stop.clone().run_until_cancelled_owned(session.serve(ours, Vec::new())));
    let mut connection = Some(TokioIo::new(theirs));
    let connector = tower::service_fn(move |_: tonic::transport::Uri| {
        let connection =
            connection.take().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        std::future::ready(connection)
    });
    Endpoint::from_static("http://client").connect_with_connector(connector).await.expect("it is served")
}

#[tokio::test]
async fn what_is_not_there_is_not_served() {
    let stop = CancellationToken::new();
    let channel = served(Session::new("s"), &stop).await;
    let check = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await;
    assert_eq!(check.expect("it lives").into_inner().status, 1);
    let secret = GetSecretRequest { id: "x".to_owned(), ..GetSecretRequest::default() };
    let secret = SecretsClient::new(channel.clone()).get_secret(secret).await;
    assert_eq!(secret.expect_err("there is none").code(), Code::NotFound);
    let agent = SshClient::new(channel.clone()).check_agent(CheckAgentRequest::default()).await;
    assert_eq!(agent.expect_err("there is none").message(), "unset ssh forward key default");
    let files = FileSyncClient::new(channel.clone()).diff_copy(futures_util::stream::pending()).await;
    assert_eq!(files.expect_err("there is none").message(), "no access allowed to dir \"\"");
    let mut auth = AuthClient::new(channel);
    let nobody = auth.credentials(CredentialsRequest { host: "h".to_owned() }).await.expect("it is allowed");
    assert_eq!((nobody.get_ref().username.as_str(), nobody.get_ref().secret.as_str()), ("", ""));
    // With this answer BuildKit gets tokens itself.
    let authority = auth.get_token_authority(GetTokenAuthorityRequest::default()).await;
    assert_eq!(authority.expect_err("there is none").code(), Code::Unavailable);
}

#[test]
fn what_is_missing_is_named() {
    let there = tempfile::tempdir().expect("there is a directory");
    let session = || Session::new("s").with_directory("a", there.path()).with_layout("b", there.path());
    assert!(session().check().is_ok());
    for session in
        [session().with_directory("c", "/nowhere/at/all"), session().with_layout("c", "/nowhere/at/all")]
    {
        let error = session.check().expect_err("there is none");
        assert!(error.message().starts_with("cannot read /nowhere/at/all: "), "{error}");
    }
}

/// A secret store and keychain that cannot be reached.
struct Broken;

#[derive(Debug, thiserror::Error)]
#[error("the vault is closed")]
struct Closed(#[source] std::io::Error);

fn closed() -> Box<dyn std::error::Error + Send + Sync> {
    Closed(std::io::Error::other("on holiday")).into()
}

#[tonic::async_trait]
impl Secrets for Broken {
    async fn secret(&self, _: &str) -> Result<Option<Vec<u8>>, SecretError> {
        Err(closed())
    }
}

#[tonic::async_trait]
impl Keychain for Broken {
    async fn credentials(&self, _: &str) -> Result<Option<Credentials>, KeychainError> {
        Err(closed())
    }
}

#[tokio::test]
async fn errors_come_with_their_causes() {
    let stop = CancellationToken::new();
    let channel = served(Session::new("s").with_secrets(Broken).with_keychain(Broken), &stop).await;
    let secret = SecretsClient::new(channel.clone()).get_secret(GetSecretRequest::default()).await;
    assert_eq!(secret.expect_err("it fails").message(), "the vault is closed: on holiday");
    let nobody = AuthClient::new(channel).credentials(CredentialsRequest::default()).await;
    assert_eq!(nobody.expect_err("it fails").message(), "the vault is closed: on holiday");
}

#[tokio::test]
async fn secrets_have_a_limit() {
    let secrets = [("small", 500 * 1024), ("large", 500 * 1024 + 1)];
    let secrets = BTreeMap::from(secrets.map(|(name, size)| (name.to_owned(), vec![0; size])));
    let stop = CancellationToken::new();
    let session = Session::new("s").with_secrets(secrets);
    let mut client = SecretsClient::new(served(session, &stop).await);
    let mut size = async |name: &str| {
        let request = GetSecretRequest { id: name.to_owned(), ..GetSecretRequest::default() };
        client
            .get_secret(request)
            .await
            .map(|secret| secret.into_inner().data.len())
            .map_err(|status| status.code())
    };
    assert_eq!(size("small").await, Ok(500 * 1024));
    assert_eq!(size("large").await, Err(Code::InvalidArgument));
}

/// The agent says everything twice when it has heard all of it.
#[tokio::test]
async fn agents_are_forwarded_to() {
    let directory = tempfile::tempdir().expect("there is a directory");
    let socket = directory.path().join("agent.sock");
    let listener = UnixListener::bind(&socket).expect("it is new");
    let answering = async {
        let (mut peer, _) = listener.accept().await.expect("somebody calls");
        let mut heard = Vec::new();
        peer.read_to_end(&mut heard).await.expect("it ends");
        peer.write_all(&[heard.clone(), heard].concat()).await.expect("somebody listens");
    };
    let stop = CancellationToken::new();
    let mut client = SshClient::new(served(Session::new("s").with_agent("a", socket), &stop).await);
    let calling = async {
        let questions = ["h", "i"].map(|text| BytesMessage { data: text.into() });
        let mut request = Request::new(futures_util::stream::iter(questions));
        request.metadata_mut().insert("buildkit.ssh.id", "a".parse().expect("it is ASCII"));
        let mut answers = client.forward_agent(request).await.expect("there is an agent").into_inner();
        let mut heard = Vec::new();
        while let Some(answer) = answers.message().await.expect("it goes on") {
            heard.extend(answer.data);
        }
        heard
    };
    let (heard, ()) = tokio::join!(calling, answering);
    assert_eq!(heard, b"hihi");
}

/// A long `.dockerignore` comes as a header for each of its lines.
#[tokio::test]
async fn directories_are_asked_for_with_many_patterns() {
    let directory = tempfile::tempdir().expect("there is a directory");
    let stop = CancellationToken::new();
    let session = Session::new("s").with_directory("context", directory.path());
    let mut client = FileSyncClient::new(served(session, &stop).await);
    let mut request = Request::new(futures_util::stream::pending());
    request.metadata_mut().insert("dir-name", "context".parse().expect("it is ASCII"));
    for number in 0..5_000 {
        let pattern = format!("directories/with/long/names/{number}").parse().expect("it is ASCII");
        request.metadata_mut().append("exclude-patterns", pattern);
    }
    let mut packets = client.diff_copy(request).await.expect("it is served").into_inner();
    let end = packets.message().await.expect("it goes on").expect("the list has an end");
    assert_eq!((end.r#type(), end.stat), (PacketType::PacketStat, None));
}

/// A secret store that never answers, and says when it is asked no more.
struct Endless(tokio::sync::mpsc::UnboundedSender<()>);

#[tonic::async_trait]
impl Secrets for Endless {
    async fn secret(&self, _: &str) -> Result<Option<Vec<u8>>, SecretError> {
        let _told_when_dropped = self.0.clone();
        let _ = self.0.send(());
        std::future::pending().await
    }
}

#[tokio::test]
async fn calls_end_with_the_session() {
    let (sender, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let channel = served(Session::new("s").with_secrets(Endless(sender)), &stop).await;
    let mut client = SecretsClient::new(channel);
    let calling = client.get_secret(GetSecretRequest::default());
    let ending = async {
        asked.recv().await.expect("it is asked");
        stop.cancel();
        // All senders are gone when nothing of the session is left.
        assert_eq!(asked.recv().await, None);
    };
    let (answer, ()) = tokio::join!(calling, ending);
    answer.expect_err("nobody is there to answer");
}
