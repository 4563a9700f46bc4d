//! Processes in results.

use futures_util::stream;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use super::Gateway;
use super::Reference;
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
            network: ops::NetMode::None.into(),
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
    pub fn with_network(mut self, network: ops::NetMode) -> Self {
        self.message.network = network.into();
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
    pub async fn container(&self, request: ContainerRequest) -> Result<Container, BuildError> {
        self.capabilities().require("gateway.exec")?;
        let id = request.message.container_id.clone();
        self.bridge().new_container(request.message).await?;
        Ok(Container { gateway: self.clone(), id })
    }
}

impl Container {
    /// Runs a process without input, and keeps what it writes.
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
            // What cannot be read or sent any more ends the input.
            let _ = feed(input, &sender).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = receive => ended?,
            () = feed => {}
        }
        code(exit.ok_or_else(|| BuildError::new(Code::Aborted, "a process without an end"))?)
    }

    /// Ends it before the frontend does, with all that runs in it.
    pub async fn release(self) -> Result<(), BuildError> {
        let request = frontend::ReleaseContainerRequest { container_id: self.id };
        match self.gateway.bridge().release_container(request).await.map_err(BuildError::from) {
            // Processes that it ended have not ended well.
            Err(error) if error.exit_code().is_none() => Err(error),
            _ => Ok(()),
        }
    }
}

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
