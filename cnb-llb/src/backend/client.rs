//! What a backend can do for a client that it cannot do for a frontend.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Filter;
use cnb_core::backend::Result;
use cnb_core::event;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::told::Told;
use crate::Annotate as _;
use crate::Local;
use crate::State;
use crate::client::Client;
use crate::client::Event;
use crate::client::Stream;
use crate::session::Directories;
use crate::session::Directory;
use crate::session::Keychain;
use crate::session::SecretError;
use crate::session::Secrets;
use crate::session::Session;

/// How long to wait for what a vertex wrote when it is over.
const LAG: Duration = Duration::from_secs(2);

/// The client's side of a backend: it serves directories and secrets, hears what steps write, and exports images.
/// Clones are the same.
///
/// ```no_run
/// use std::path::Path;
///
/// use cnb_llb::backend::BuildKit;
/// use cnb_llb::backend::ClientSide;
/// use cnb_llb::client::Connector;
/// use cnb_llb::client::SolveRequest;
/// use cnb_llb::gateway::Gateway;
/// use cnb_llb::gateway::Output;
/// use cnb_llb::session::Session;
///
/// # async fn build(id: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let client = Connector::new("docker://".parse()?).connect().await?;
/// let side = ClientSide::new(client.clone(), id);
/// let session = side.serve(Session::new(id));
/// let work = async |gateway: Gateway| {
///     let helper = side.helper(Path::new("target/dist"));
///     let backend = BuildKit::new(gateway, helper).with_client(side.clone());
///     // ... builds with it
///     Ok(Output::default())
/// };
/// client.build(SolveRequest::new(id), session, &mut |event| side.hear(event), work).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ClientSide {
    pub(super) client: Client,
    /// The start of the names of what it does.
    pub(super) id: String,
    /// Prefixes of references whose registries have no TLS.
    pub(super) insecure: Vec<String>,
    pub(super) keychain: Option<Arc<dyn Keychain>>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    directories: BTreeMap<String, Directory>,
    secrets: BTreeMap<String, Vec<u8>>,
    listeners: BTreeMap<String, mpsc::UnboundedSender<Event>>,
    exports: usize,
}

impl ClientSide {
    /// The side of a client for solves whose names begin with this, and which is the name of their session.
    pub fn new(client: Client, id: impl Into<String>) -> Self {
        Self { client, id: id.into(), insecure: Vec::new(), keychain: None, shared: Arc::default() }
    }

    /// Pushes without TLS to registries of references that begin so.
    #[must_use]
    pub fn with_insecure_registries(mut self, prefixes: Vec<String>) -> Self {
        self.insecure = prefixes;
        self
    }

    /// Serves these credentials for registries.
    #[must_use]
    pub fn with_keychain(mut self, keychain: impl Keychain + 'static) -> Self {
        self.keychain = Some(Arc::new(keychain));
        self
    }

    /// A session that serves what the backend needs. Its name is that of this value.
    #[must_use]
    pub fn serve(&self, session: Session) -> Session {
        let session = session.with_directories(self.clone()).with_secrets(self.clone());
        self.keychain.iter().cloned().fold(session, Session::with_shared_keychain)
    }

    /// Takes an event of the solve.
    pub fn hear(&self, event: Event) {
        let vertex = match &event {
            Event::Started { vertex, .. } | Event::Completed { vertex, .. } => vertex,
            Event::Log(log) => &log.vertex,
            _ => return,
        };
        if let Some(listener) = self.shared().listeners.get(vertex) {
            // Who does not listen any more does not want to know.
            let _ = listener.send(event);
        }
    }

    /// The helper in a directory of this machine, which has the program `cnb-helper`.
    pub fn helper(&self, directory: &Path) -> State {
        const NAME: &str = "cnb-helper";
        self.shared().directories.insert(NAME.to_owned(), directory.into());
        Local::new(NAME).session(&self.id).include([NAME]).named("[internal] load the helper").state()
    }

    /// A directory of this machine.
    pub(super) fn load(&self, path: &Path, filter: Option<Arc<dyn Filter>>) -> Result<State> {
        if let Err(error) = std::fs::read_dir(path) {
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
                _ => ErrorKind::InvalidInput,
            };
            return Err(Error::new(kind, format!("cannot read {}", path.display())).with_source(error));
        }
        let mut directory = Directory::new(path);
        if let Some(filter) = filter {
            directory = directory.with_filter(move |path, is_directory| filter.takes(path, is_directory));
        }
        let mut shared = self.shared();
        let name = format!("directory-{}", shared.directories.len());
        shared.directories.insert(name.clone(), directory);
        // Its path says which files BuildKit may have of it already.
        let hint = path.display().to_string();
        let local = Local::new(&name).session(&self.id).shared_key_hint(hint);
        Ok(local.named(format!("[internal] load {}", path.display())).state())
    }

    /// Serves a secret. Gives its name.
    pub(super) fn keep(&self, secret: &[u8]) -> String {
        let mut shared = self.shared();
        let known = shared.secrets.iter().find(|(_, known)| known.as_slice() == secret);
        if let Some((id, _)) = known {
            return id.clone();
        }
        let id = format!("secret-{}", shared.secrets.len());
        shared.secrets.insert(id.clone(), secret.to_vec());
        id
    }

    /// Hears what is told of a vertex from now on.
    pub(super) fn listen(&self, vertex: &str) -> Listening {
        let (sender, events) = mpsc::unbounded_channel();
        self.shared().listeners.insert(vertex.to_owned(), sender);
        Listening { side: self.clone(), vertex: vertex.to_owned(), events }
    }

    /// A name for a solve of its own.
    pub(super) fn export_id(&self) -> String {
        let mut shared = self.shared();
        shared.exports += 1;
        format!("{}-export-{}", self.id, shared.exports)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Directories for ClientSide {
    fn directory(&self, name: &str) -> Option<Directory> {
        self.shared().directories.get(name).cloned()
    }
}

#[tonic::async_trait]
impl Secrets for ClientSide {
    async fn secret(&self, id: &str) -> std::result::Result<Option<Vec<u8>>, SecretError> {
        Ok(self.shared().secrets.get(id).cloned())
    }
}

impl fmt::Debug for ClientSide {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientSide").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What is told of a vertex.
pub(super) struct Listening {
    side: ClientSide,
    vertex: String,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Listening {
    /// Tells what a vertex writes until its work ends, and all of it when it did.
    pub(super) async fn during(
        mut self,
        work: impl Future<Output = Result<i32>>,
        told: &mut Told<'_>,
    ) -> Result<i32> {
        let mut work = pin!(work);
        let mut is_over = false;
        let code = loop {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => is_over = tell(event, told),
                code = &mut work => break code?,
            }
        };
        // What a vertex wrote comes on another way than that it ended. Of one that is known already nothing comes.
        while !is_over && let Ok(Some(event)) = timeout(LAG, self.events.recv()).await {
            is_over = tell(event, told);
        }
        Ok(code)
    }
}

/// Tells an event. Gives whether it is the last of its vertex.
fn tell(event: Event, told: &mut Told<'_>) -> bool {
    match event {
        Event::Log(log) => {
            let stream = match log.stream {
                Stream::Stdout => event::Stream::Stdout,
                Stream::Stderr => event::Stream::Stderr,
            };
            told.output(stream, &log.bytes);
            false
        }
        Event::Completed { cached, .. } => {
            told.completed(cached);
            true
        }
        _ => false,
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.side.shared().listeners.remove(&self.vertex);
    }
}
