//! Processes in results.

use futures_util::stream;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use super::Gateway;
use super::Reference;
use crate::Network;
use crate::errdefs::BuildError;
use crate::errdefs::Code;
use crate::pb::frontend;
use crate::pb::frontend::exec_message::Input;
use crate::pb::ops;

/// The name of the only process of an exchange.
const PROCESS: &str = "0";

/// How many messages may wait to be sent.
const WAITING: usize = 16;

/// How much of the input goes into one message, in bytes.
const PIECE: usize = 32 * 1024;

/// What a container consists of.
#[derive(Clone, Debug, Default)]
pub struct ContainerRequest {
    message: frontend::NewContainerRequest,
}

/// A container. The first process in it is its first: when that ends, the others end too, and no more can be run. Processes
/// that run beside each other need one that outlives them.
#[derive(Clone, Debug)]
pub struct Container {
    gateway: Gateway,
    id: String,
}

/// What to run in a container.
#[derive(Clone, Debug, Default)]
pub struct Process {
    meta: ops::Meta,
    secrets: Vec<ops::SecretEnv>,
}

/// What a process wrote, and how it ended.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProcessOutput {
    /// Its exit code.
    pub code: u32,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

impl ContainerRequest {
    /// A container without network whose root is this. Its identifier is one that no other of the frontend has.
    pub fn new(id: impl Into<String>, root: &Reference) -> Self {
        let message = frontend::NewContainerRequest {
            container_id: id.into(),
            network: Network::None.number(),
            ..frontend::NewContainerRequest::default()
        };
        Self { message }.with_mount("/", root, false)
    }

    /// Mounts a result at a path. What is written to it is lost with the container.
    #[must_use]
    pub fn with_mount(self, path: impl Into<String>, reference: &Reference, read_only: bool) -> Self {
        self.with_raw_mount(ops::Mount {
            dest: path.into(),
            result_id: reference.id().to_owned(),
            readonly: read_only,
            mount_type: ops::MountType::Bind.into(),
            ..ops::Mount::default()
        })
    }

    /// Mounts a cache, a secret, an agent or memory.
    #[must_use]
    pub fn with_raw_mount(mut self, mount: ops::Mount) -> Self {
        self.message.mounts.push(mount);
        self
    }

    /// Gives it a network.
    #[must_use]
    pub fn with_network(mut self, network: Network) -> Self {
        self.message.network = network.number();
        self
    }
}

impl Process {
    /// A program by its path, and its arguments.
    pub fn new<S: Into<String>>(arguments: impl IntoIterator<Item = S>) -> Self {
        let args = arguments.into_iter().map(Into::into).collect();
        Self { meta: ops::Meta { args, cwd: "/".to_owned(), ..ops::Meta::default() }, secrets: Vec::new() }
    }

    /// A variable of its environment, which is empty otherwise.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.meta.env.push(format!("{name}={value}"));
        self
    }

    /// A variable that holds a secret of the client.
    #[must_use]
    pub fn with_secret(mut self, name: impl Into<String>, id: impl Into<String>) -> Self {
        self.secrets.push(ops::SecretEnv { id: id.into(), name: name.into(), optional: false });
        self
    }

    /// Who runs it: `name`, `uid` or `uid:gid`. Root unless it is said.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.meta.user = user.into();
        self
    }

    /// The directory that it starts in.
    #[must_use]
    pub fn with_directory(mut self, path: impl Into<String>) -> Self {
        self.meta.cwd = path.into();
        self
    }
}

impl Gateway {
    /// Makes a container.
    ///
    /// # Errors
    /// When BuildKit has no `gateway.exec`, when what is mounted cannot be made, and when the identifier is taken.
    pub async fn container(&self, request: ContainerRequest) -> Result<Container, BuildError> {
        self.capabilities().require("gateway.exec")?;
        let id = request.message.container_id.clone();
        self.bridge().new_container(request.message).await?;
        Ok(Container { gateway: self.clone(), id })
    }
}

impl Container {
    /// Runs a process without input, and keeps what it writes, however much.
    ///
    /// # Errors
    /// When the process cannot be run. An exit code other than 0 is none.
    pub async fn output(&self, process: Process) -> Result<ProcessOutput, BuildError> {
        let mut output = ProcessOutput::default();
        let (stdout, stderr) = (&mut output.stdout, &mut output.stderr);
        let mut keep = |descriptor: u32, data: &[u8]| match descriptor {
            1 => stdout.extend_from_slice(data),
            _ => stderr.extend_from_slice(data),
        };
        output.code = self.run(process, tokio::io::empty(), &mut keep).await?;
        Ok(output)
    }

    /// Runs a process on an input, and tells what it writes to 1, standard output, or 2, standard error, as it comes.
    /// Gives its exit code. Dropping the future kills the process.
    ///
    /// # Errors
    /// When the process cannot be run, and when the input cannot be read: that kills it.
    pub async fn run(
        &self,
        process: Process,
        input: impl AsyncRead + Send + Unpin,
        output: &mut (dyn FnMut(u32, &[u8]) + Send),
    ) -> Result<u32, BuildError> {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let init = frontend::InitMessage {
            container_id: self.id.clone(),
            meta: Some(process.meta),
            fds: vec![0, 1, 2],
            secretenv: process.secrets,
            ..frontend::InitMessage::default()
        };
        // The channel is new, so there is room.
        let _ = sender.try_send(message(Input::Init(init)));
        let messages = stream::poll_fn(move |context| receiver.poll_recv(context));
        let mut bridge = self.gateway.bridge();
        let mut answers = bridge.exec_process(messages).await?.into_inner();
        let mut exit = None;
        let receive = async {
            while let Some(answer) = answers.message().await? {
                match answer.input {
                    Some(Input::File(file)) => output(file.fd, &file.data),
                    Some(Input::Exit(message)) => exit = Some(message),
                    Some(Input::Done(_)) => break,
                    _ => {}
                }
            }
            Ok::<(), BuildError>(())
        };
        let feed = async {
            match feed(input, &sender).await {
                Ok(()) => std::future::pending().await,
                // The process would wait for the rest of it.
                Err(error) => error,
            }
        };
        tokio::select! {
            ended = receive => ended?,
            error = feed => {
                let message = format!("cannot read the input of a process: {error}");
                return Err(BuildError::new(Code::Aborted, message));
            }
        }
        code(exit.ok_or_else(|| BuildError::new(Code::Aborted, "a process without an end"))?)
    }

    /// Ends it before the frontend does, with all that runs in it.
    ///
    /// # Errors
    /// When BuildKit does not know it, or does not answer.
    pub async fn release(self) -> Result<(), BuildError> {
        let request = frontend::ReleaseContainerRequest { container_id: self.id };
        match self.gateway.bridge().release_container(request).await.map_err(BuildError::from) {
            // Processes that it ended have not ended well.
            Err(error) if error.exit_code().is_none() => Err(error),
            _ => Ok(()),
        }
    }
}

/// Sends an input up to its end. When nobody takes it any more, the process is over.
async fn feed(
    mut input: impl AsyncRead + Unpin,
    sender: &mpsc::Sender<frontend::ExecMessage>,
) -> std::io::Result<()> {
    loop {
        let mut data = Vec::with_capacity(PIECE);
        let eof = input.read_buf(&mut data).await? == 0;
        let sent = sender.send(message(Input::File(frontend::FdMessage { fd: 0, eof, data }))).await;
        if eof || sent.is_err() {
            return Ok(());
        }
    }
}

fn message(input: Input) -> frontend::ExecMessage {
    frontend::ExecMessage { process_id: PROCESS.to_owned(), input: Some(input) }
}

/// A process that ran has an exit code; one that could not has an error alone.
fn code(exit: frontend::ExitMessage) -> Result<u32, BuildError> {
    let Some(status) = exit.error else {
        return Ok(exit.code);
    };
    let error = BuildError::from_status(status);
    error.exit_code().ok_or(error)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::Future;
    use std::io;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::Context;
    use std::task::Poll;

    use futures_util::Stream;
    use futures_util::StreamExt;
    use hyper_util::rt::TokioIo;
    use tokio::io::DuplexStream;
    use tonic::Request;
    use tonic::Response;
    use tonic::Status;
    use tonic::Streaming;
    use tonic::body::Body;
    use tonic::codegen::http;
    use tonic::server::NamedService;
    use tonic::server::StreamingService;
    use tonic::transport::Server;

    use super::*;
    use crate::gateway::BuildId;
    use crate::gateway::Capabilities;
    use crate::gateway::Environment;
    use crate::gateway::Inner;
    use crate::pb::endpoint;
    use crate::pb::frontend::llb_bridge_client::LlbBridgeClient;

    type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
    type Messages = Pin<Box<dyn Stream<Item = Result<frontend::ExecMessage, Status>> + Send>>;

    /// A bridge whose processes take their input and do nothing more.
    #[derive(Clone)]
    struct Endless;

    impl NamedService for Endless {
        const NAME: &'static str = "moby.buildkit.v1.frontend.LLBBridge";
    }

    impl tower::Service<http::Request<Body>> for Endless {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = Boxed<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: http::Request<Body>) -> Self::Future {
            assert!(request.uri().path().ends_with("/ExecProcess"), "{request:?}");
            let mut server = tonic::server::Grpc::new(tonic_prost::ProstCodec::default());
            Box::pin(async move { Ok(server.streaming(Self, request).await) })
        }
    }

    impl StreamingService<frontend::ExecMessage> for Endless {
        type Response = frontend::ExecMessage;
        type ResponseStream = Messages;
        type Future = Boxed<Result<Response<Messages>, Status>>;

        fn call(&mut self, request: Request<Streaming<frontend::ExecMessage>>) -> Self::Future {
            let taken = request.into_inner().filter_map(async |_| None);
            let answers: Messages = Box::pin(taken.chain(stream::pending()));
            Box::pin(async { Ok(Response::new(answers)) })
        }
    }

    /// A container on that bridge.
    async fn container() -> Container {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let incoming = stream::iter([Ok::<DuplexStream, io::Error>(theirs)]).chain(stream::pending());
        tokio::spawn(Server::builder().add_service(Endless).serve_with_incoming(Box::pin(incoming)));
        let mut connection = Some(TokioIo::new(ours));
        let connector = tower::service_fn(move |_: tonic::transport::Uri| {
            std::future::ready(connection.take().ok_or(io::Error::from(io::ErrorKind::BrokenPipe)))
        });
        let channel = endpoint().connect_with_connector(connector).await.expect("it is served");
        let inner = Inner {
            bridge: LlbBridgeClient::with_interceptor(channel, BuildId::default()),
            environment: Environment::default(),
            capabilities: Capabilities::default(),
            graphs: Capabilities::default(),
        };
        Container { gateway: Gateway { inner: Arc::new(inner) }, id: "a".to_owned() }
    }

    /// An input that breaks.
    struct Broken;

    impl AsyncRead for Broken {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::Error::other("the cable is cut")))
        }
    }

    #[tokio::test]
    async fn nothing_waits_for_an_input_that_cannot_be_read() {
        let container = container().await;
        let process = Process::new(["/bin/cat"]);
        let error = container.run(process, Broken, &mut |_, _: &[u8]| ()).await.expect_err("it has no input");
        assert_eq!(error.to_string(), "cannot read the input of a process: the cable is cut");
    }
}
