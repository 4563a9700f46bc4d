//! How a command becomes an operation.

use super::Exec;
use super::Mount;
use super::Run;
use crate::Capability;
use crate::ops::ContentCache;
use crate::ops::ExecOp;
use crate::ops::MountType;
use crate::ops::Network;
use crate::ops::Op;
use crate::ops::Platform;
use crate::ops::Security;
use crate::ops::{self};
use crate::state::State;
use crate::vertex::Inputs;
use crate::vertex::NONE;
use crate::vertex::Vertex;

const ROOT: &str = "/";
const SSH_AUTH_SOCK: &str = "SSH_AUTH_SOCK";

impl Exec {
    /// The operation, with this tree as its root.
    pub(crate) fn on(mut self, root: &State) -> Run {
        let root_mount = Mount::bind(root, ROOT);
        self.mounts.insert(0, if self.read_only_root { root_mount.read_only() } else { root_mount });
        // The order of the bytes of directories, which is that of the outputs too.
        self.mounts.sort_by(|one, other| one.message.dest.cmp(&other.message.dest));
        self.need_capabilities();
        self.set_environment();

        let (mut inputs, mut outputs) = (Inputs::default(), 0..);
        let mounts =
            self.mounts.iter().map(|mount| bind(mount, &mut inputs, &mut outputs)).collect::<Vec<_>>();
        let secrets = self.secrets.iter().filter_map(super::Secret::to_mount);
        let agents = self.ssh.iter().enumerate().map(|(number, ssh)| ssh.to_mount(number));
        let exec = ExecOp {
            meta: Some(self.meta),
            mounts: mounts.iter().cloned().chain(secrets).chain(agents).collect(),
            network: self.network,
            security: self.security,
            secretenv: self.secrets.iter().filter_map(super::Secret::to_env).collect(),
            cdi_devices: self.devices,
        };
        let platform = self.platform.clone().or_else(|| root.platform().cloned());
        let op = Op {
            inputs: inputs.to_message(),
            platform: Some(platform.unwrap_or_else(Platform::native)),
            exec: Some(exec),
            ..Op::default()
        };
        let vertex = Vertex::new(op, inputs.into_vertices(), self.annotations);

        let left = self.mounts.iter().zip(mounts).filter_map(|(mount, message)| {
            let state = match message.output {
                NONE if message.readonly && message.mount_type == MountType::Bind => mount.state.clone(),
                NONE => return None,
                index => mount.state.with_output(&vertex, index),
            };
            let platform = self.platform.clone().filter(|_| message.output != NONE);
            let state = platform.into_iter().fold(state, State::with_platform);
            Some((message.dest, state))
        });
        let outputs: Vec<(String, State)> = left.collect();
        let root = outputs.iter().find(|(dest, _)| dest == ROOT).map(|(_, state)| state.clone());
        Run { root: root.expect("the root is mounted with an output, or read-only"), outputs }
    }

    fn set_environment(&mut self) {
        if let Some(ssh) = self.ssh.first()
            && !self.env.iter().any(|(name, _)| name == SSH_AUTH_SOCK)
        {
            self.env.push((SSH_AUTH_SOCK.to_owned(), ssh.path_or_default(0)));
        }
        self.meta.env = self.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    }

    fn need_capabilities(&mut self) {
        let bind = |mount: &&Mount| mount.message.mount_type == MountType::Bind;
        let is = |kind| move |mount: &Mount| mount.message.mount_type == kind;
        let mounts = &self.mounts;
        let with_size = |mount: &Mount| mount.message.tmpfs_opt.as_ref().is_some_and(|tmpfs| tmpfs.size > 0);
        let needed = [
            (true, Capability::EXEC_META_BASE),
            (!self.meta.cgroup_parent.is_empty(), Capability::EXEC_META_CGROUP_PARENT),
            (self.network != Network::Sandbox, Capability::EXEC_META_NETWORK),
            (self.meta.proxy_env.is_some(), Capability::EXEC_META_PROXY),
            (self.security != Security::Sandbox, Capability::EXEC_META_SECURITY),
            (!self.meta.ulimit.is_empty(), Capability::EXEC_META_ULIMIT),
            (!self.devices.is_empty(), Capability::EXEC_META_CDI),
            (self.annotations.metadata.linux_resources.is_some(), Capability::EXEC_META_LINUX_RESOURCES),
            (mounts.iter().filter(bind).any(|mount| !mount.state.is_scratch()), Capability::EXEC_MOUNT_BIND),
            (mounts.iter().any(Mount::drops_changes), Capability::EXEC_MOUNT_BIND_READ_WRITE_NO_OUTPUT),
            (mounts.iter().any(is(MountType::Cache)), Capability::EXEC_MOUNT_CACHE),
            (mounts.iter().any(is(MountType::Cache)), Capability::EXEC_MOUNT_CACHE_SHARING),
            (mounts.iter().any(|mount| !mount.message.selector.is_empty()), Capability::EXEC_MOUNT_SELECTOR),
            (mounts.iter().any(is(MountType::Tmpfs)), Capability::EXEC_MOUNT_TMPFS),
            (mounts.iter().any(with_size), Capability::EXEC_MOUNT_TMPFS_SIZE),
            (self.secrets.iter().any(|secret| secret.file.is_some()), Capability::EXEC_MOUNT_SECRET),
            (self.secrets.iter().any(|secret| secret.variable.is_some()), Capability::EXEC_SECRET_ENV),
            (!self.ssh.is_empty(), Capability::EXEC_MOUNT_SSH),
            (
                mounts.iter().any(|mount| mount.message.content_cache != ContentCache::Default),
                Capability::EXEC_MOUNT_CONTENT_CACHE,
            ),
            (self.says_exit_codes, Capability::EXEC_VALID_EXIT_CODE),
        ];
        let needed = needed.into_iter().filter(|(is_needed, _)| *is_needed);
        needed.for_each(|(_, capability)| self.annotations.need(capability));
    }
}

/// The mount with its input, if it has one, and its output, if it leaves something.
fn bind(mount: &Mount, inputs: &mut Inputs, outputs: &mut impl Iterator<Item = i64>) -> ops::Mount {
    let input = mount.state.output().map_or(NONE, |output| inputs.index(output));
    let output = if mount.has_output() { outputs.next() } else { None };
    ops::Mount { input, output: output.unwrap_or(NONE), ..mount.message.clone() }
}
