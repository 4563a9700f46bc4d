//! Processes to run, one after another.

use serde::Deserialize;
use serde::Serialize;

use super::layers::LayersPlan;
use super::tree::TreePlan;
use crate::backend::User;

/// Runs processes one after another, and ends with the exit code of the first that fails. Trees can be made before each of
/// them, and layers after the last.
///
/// Every process starts with umask 022, nothing on standard input, no supplementary groups, no way to new
/// privileges, and exactly the environment given here. What it leaves running is killed when it ends, where the
/// helper is the first process of its namespace.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct RunPlan {
    /// What to run, in order. The first that does not end with 0 is the last, unless it is optional. Before each of
    /// several the helper writes a [line](super::step_marker).
    pub processes: Vec<Process>,
    /// Absolute paths of directories that only root may enter as long as the container exists: they get mode 0700 first of
    /// all. What a plan needs besides the processes is in there.
    pub private: Vec<String>,
    /// Layers that are made when the last process has ended and none failed.
    pub layers: Option<LayersPlan>,
    /// Absolute paths of directories that are emptied before the first process starts.
    pub emptied: Vec<String>,
    /// Directories to give away before the first process starts.
    pub owned: Vec<Owned>,
    /// Says nothing to the helper: plans that differ in it are different files, so that what ran by one is not
    /// taken for what another asks for.
    pub nonce: String,
}

/// A directory that was just made, for example a file system in memory or a new cache.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Owned {
    /// The absolute path of the directory in the container.
    pub path: String,
    /// Who gets it, with mode 0755, if it is empty and belongs to `0:0`. Otherwise it stays as it is: somebody
    /// had it before.
    pub owner: User,
}

/// A process to run.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Process {
    /// What to call it in errors.
    pub name: String,
    /// Program and arguments; the program is an absolute path.
    pub argv: Vec<String>,
    /// Its environment. A later value of a name wins. Without a `HOME`, or with an empty one, it gets what
    /// [`passwd::home`](crate::passwd::home) finds in the `/etc/passwd` of the container.
    pub env: Vec<(String, String)>,
    /// Variables that the process gets from the environment of the helper, because their values are secret.
    /// Their values win over those of `env`.
    pub secret_env: Vec<String>,
    /// Who runs it.
    pub user: User,
    /// Its working directory, which exists.
    pub cwd: String,
    /// Absolute paths of directories that the process must not enter: while it runs, they belong to `0:0` and
    /// have mode 0700. Nothing can be hidden from user 0.
    pub hidden: Vec<String>,
    /// Trees that are made before it starts. What is in their directories is removed: a process before may have had them.
    pub trees: Vec<TreePlan>,
    /// Whether the next one runs also when this one fails, which is told on standard error.
    pub optional: bool,
}
