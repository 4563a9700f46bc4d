//! What a client lends to a command.

use crate::ops;
use crate::ops::MountType;
use crate::ops::SecretEnv;
use crate::ops::SecretOpt;
use crate::ops::SshOpt;
use crate::vertex::NONE;

/// A secret of the client, by an ID. Neither its value nor its presence changes a cache key.
#[derive(Clone, Debug)]
pub struct Secret {
    option: SecretOpt,
    pub(super) file: Option<String>,
    pub(super) variable: Option<String>,
}

impl Secret {
    /// In a file, which only its owner, root if not said, may read.
    pub fn file(id: impl Into<String>, path: impl Into<String>) -> Self {
        let option = SecretOpt { id: id.into(), mode: 0o400, ..SecretOpt::default() };
        Self { option, file: Some(path.into()), variable: None }
    }

    /// In an environment variable.
    pub fn variable(id: impl Into<String>, name: impl Into<String>) -> Self {
        let option = SecretOpt { id: id.into(), ..SecretOpt::default() };
        Self { option, file: None, variable: Some(name.into()) }
    }

    /// In an environment variable too.
    #[must_use]
    pub fn and_variable(mut self, name: impl Into<String>) -> Self {
        self.variable = Some(name.into());
        self
    }

    /// Who owns the file.
    #[must_use]
    pub fn owner(mut self, uid: u32, gid: u32) -> Self {
        (self.option.uid, self.option.gid) = (uid, gid);
        self
    }

    /// The permissions of the file.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.option.mode = mode;
        self
    }

    /// The command runs without it if the client does not have it.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.option.optional = true;
        self
    }

    pub(super) fn to_env(&self) -> Option<SecretEnv> {
        let name = self.variable.clone()?;
        Some(SecretEnv { id: self.option.id.clone(), name, optional: self.option.optional })
    }

    pub(super) fn to_mount(&self) -> Option<ops::Mount> {
        let dest = self.file.clone()?;
        let secret_opt = Some(self.option.clone());
        Some(ops::Mount {
            input: NONE,
            dest,
            mount_type: MountType::Secret,
            secret_opt,
            ..ops::Mount::default()
        })
    }
}

/// An SSH agent of the client.
#[derive(Clone, Debug)]
pub struct Ssh {
    option: SshOpt,
    pub(super) path: Option<String>,
}

impl Ssh {
    /// The default agent of the client, as a socket that only its owner, root if not said, may use.
    ///
    /// `SSH_AUTH_SOCK` names the first socket of a command, unless the command has this variable.
    pub fn agent() -> Self {
        Self { option: SshOpt { mode: 0o600, ..SshOpt::default() }, path: None }
    }

    /// Another one than the default agent.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.option.id = id.into();
        self
    }

    /// Where the socket is; `/run/buildkit/ssh_agent.` and its number if not said.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Who owns the socket.
    #[must_use]
    pub fn owner(mut self, uid: u32, gid: u32) -> Self {
        (self.option.uid, self.option.gid) = (uid, gid);
        self
    }

    /// The permissions of the socket.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.option.mode = mode;
        self
    }

    /// The command runs without it if the client does not have it.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.option.optional = true;
        self
    }

    /// Where the socket of this number is.
    pub(super) fn path_or_default(&self, number: usize) -> String {
        self.path.clone().unwrap_or_else(|| format!("/run/buildkit/ssh_agent.{number}"))
    }

    pub(super) fn to_mount(&self, number: usize) -> ops::Mount {
        ops::Mount {
            input: NONE,
            dest: self.path_or_default(number),
            mount_type: MountType::Ssh,
            ssh_opt: Some(self.option.clone()),
            ..ops::Mount::default()
        }
    }
}
