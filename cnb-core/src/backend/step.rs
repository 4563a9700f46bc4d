//! One process to run, and what it sees.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::Serialize;

use super::layer::LayerPart;
use super::tree::Tree;

/// A process to run in a container.
///
/// It starts with umask 022, no standard input, no capabilities beyond what its user needs, and exactly the
/// environment given here. Only `HOME` is added where none is given, or an empty one: the home directory of
/// its user as [`passwd::home`](crate::passwd::home) finds it in the `/etc/passwd` that it sees. OCI runtimes
/// do the same. It sees a `/proc` of its own and the usual devices in `/dev`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// What to call it in events and errors.
    pub name: String,
    /// What it does, in a few words for people who watch; empty if that is not worth saying. Not all backends show it.
    pub title: String,
    /// Its root file system. Writable; what is written outside of mounts is lost.
    pub root: Tree,
    /// Program and arguments; the program is an absolute path.
    pub argv: Vec<String>,
    /// Environment, in order. A later value of a name wins.
    pub env: Vec<(String, String)>,
    /// Environment whose values are secret.
    pub secret_env: Vec<(String, Secret)>,
    /// Who runs it.
    pub user: User,
    /// Working directory, which exists.
    pub cwd: String,
    /// What is mounted, in any order; a mount inside another is mounted after it. A target that does not
    /// exist in the root is made; one inside another mount exists there already.
    pub mounts: Vec<Mount>,
    /// What it can reach.
    pub network: Network,
    /// Whether what it leaves depends on nothing but root, command, environment, user and mounted trees. Then a
    /// backend may take what such a step left before instead of running it again; nothing is told of what it
    /// wrote. Caches, secrets and the network are passed over.
    pub repeatable: bool,
    /// Whether a [chain](super::Backend::run_chain) goes on when it fails.
    pub optional: bool,
    /// Layers that trees will become, by the targets of the mounts that have them, where that is known before. In a chain
    /// they are those of the trees that all of it leaves.
    ///
    /// This asks for nothing: it lets a backend make them together with the trees, for when
    /// [`finalize`](super::Backend::finalize) asks for the same.
    pub layers: Vec<(String, LayerPart)>,
}

impl Step {
    /// A step as `0:0` in `/`, without network and mounts.
    pub fn new(
        name: impl Into<String>,
        root: Tree,
        argv: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            name: name.into(),
            title: String::new(),
            root,
            argv: argv.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            secret_env: Vec::new(),
            user: User::ROOT,
            cwd: "/".to_owned(),
            mounts: Vec::new(),
            network: Network::None,
            repeatable: false,
            optional: false,
            layers: Vec::new(),
        }
    }

    /// Says what it does.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Adds a variable with a secret value.
    #[must_use]
    pub fn with_secret_env(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.secret_env.push((name.into(), value.into()));
        self
    }

    /// Sets the user.
    #[must_use]
    pub fn with_user(mut self, user: User) -> Self {
        self.user = user;
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn with_cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = cwd.into();
        self
    }

    /// Adds a mount.
    #[must_use]
    pub fn with_mount(mut self, target: impl Into<String>, kind: MountKind) -> Self {
        self.mounts.push(Mount { target: target.into(), kind });
        self
    }

    /// Sets what it can reach.
    #[must_use]
    pub fn with_network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Says that what it left before is as good as running it again.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Says which layer the tree at a mount will become.
    #[must_use]
    pub fn with_layer(mut self, target: impl Into<String>, part: LayerPart) -> Self {
        self.layers.push((target.into(), part));
        self
    }

    /// Says that a chain goes on when it fails.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// Something mounted into a step.
#[derive(Clone, Debug)]
pub struct Mount {
    /// The absolute path in the container.
    pub target: String,
    /// What is there.
    pub kind: MountKind,
}

/// What is mounted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MountKind {
    /// The socket of an SSH agent of the client, under the name the client has for it: mostly `default`.
    Agent(String),
    /// A directory that keeps its content between steps. At most one step at a time has it: others wait.
    /// New ones are empty, mode 0755, and belong to the step's user.
    Cache(CacheId),
    /// In a [chain](super::Backend::run_chain), the tree that the steps before left at this target; to be changed as
    /// that of [`Self::InOut`].
    Carried,
    /// A tree that the step may change; the changed tree is in [`StepOutput::outputs`].
    InOut(Tree),
    /// A tree that the step may read.
    ReadOnly(Tree),
    /// A read-only directory of secret files, which the step's user may read and which never reaches a disk
    /// where the backend can avoid it.
    Secrets(Vec<SecretFile>),
    /// A directory that keeps its content between steps, as that of [`Self::Cache`], but several steps have it at the same
    /// time and see at once what the others write: what they change they lock themselves, with locks on files that
    /// work between containers of one machine. A name that is used here is no name of a [`Self::Cache`].
    SharedCache(CacheId),
    /// An empty directory in memory that the step's user owns.
    Tmpfs,
}

impl MountKind {
    /// The name of the cache, if it is one, of one step or of several.
    pub fn cache(&self) -> Option<&CacheId> {
        match self {
            Self::Cache(id) | Self::SharedCache(id) => Some(id),
            _ => None,
        }
    }
}

/// The name of a cache: made of ASCII letters, digits, `-`, `_` and `.`, not starting with `.`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CacheId(String);

impl CacheId {
    /// The cache with this name, if it is one.
    pub fn new(name: impl Into<String>) -> Option<Self> {
        let name = name.into();
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let valid = !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_plain);
        valid.then_some(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A file with secret content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecretFile {
    /// Path relative to the mount, `/`-separated.
    pub path: String,
    /// The content.
    pub content: Secret,
}

/// Where a secret comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Secret {
    /// From the caller.
    Bytes(SecretBytes),
    /// From the client that a backend works for: one of the secrets that it offers, which the caller cannot see.
    OfClient {
        /// The name that the client has for it.
        id: String,
    },
}

impl From<SecretBytes> for Secret {
    fn from(bytes: SecretBytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl Secret {
    /// The bytes, for backends without clients.
    ///
    /// # Errors
    /// `Unsupported` when a client has them.
    pub fn expose(&self) -> super::Result<&[u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.expose()),
            Self::OfClient { id } => Err(super::Error::new(
                super::ErrorKind::Unsupported,
                format!("there is no client that has the secret `{id}`"),
            )),
        }
    }
}

/// Bytes that no `Debug` output shows.
#[derive(Clone, Eq, PartialEq)]
pub struct SecretBytes(Bytes);

impl SecretBytes {
    /// Keeps these bytes secret.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

/// A user and group by number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl User {
    /// `0:0`.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };

    /// The user `uid:gid`.
    pub const fn new(uid: u32, gid: u32) -> Self {
        Self { uid, gid }
    }
}

/// What a step can reach.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Network {
    /// The network of the machine that runs the step, its name resolution included.
    Host,
    /// Loopback at most.
    #[default]
    None,
}

/// What a step left.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StepOutput {
    /// The exit code of the process, or 128 plus the number of the signal that ended it.
    pub exit_code: i32,
    /// The trees behind [`MountKind::InOut`] mounts as the step left them, by target; also when it failed.
    pub outputs: BTreeMap<String, Tree>,
    /// Whether nothing ran, because the backend had what the step [left before](Step::repeatable), if it knows that.
    pub reused: Option<bool>,
}

impl StepOutput {
    /// What a step left; for backends.
    pub fn new(exit_code: i32, outputs: BTreeMap<String, Tree>) -> Self {
        Self { exit_code, outputs, reused: None }
    }
}
