//! What a daemon must be able to do for a command.

use super::Exec;
use super::Mount;
use crate::Capability;
use crate::ops::ContentCache;
use crate::ops::MountType;
use crate::ops::Network;
use crate::ops::Security;

impl Exec {
    pub(super) fn capabilities(&self) -> impl Iterator<Item = Capability> {
        let meta = &self.meta;
        let needed = [
            (true, Capability::EXEC_META_BASE),
            (!meta.cgroup_parent.is_empty(), Capability::EXEC_META_CGROUP_PARENT),
            (meta.proxy_env.is_some(), Capability::EXEC_META_PROXY),
            (!meta.ulimit.is_empty(), Capability::EXEC_META_ULIMIT),
            (self.says_exit_codes, Capability::EXEC_VALID_EXIT_CODE),
            (self.network != Network::Sandbox, Capability::EXEC_META_NETWORK),
            (self.security != Security::Sandbox, Capability::EXEC_META_SECURITY),
            (!self.devices.is_empty(), Capability::EXEC_META_CDI),
            (self.annotations.metadata.linux_resources.is_some(), Capability::EXEC_META_LINUX_RESOURCES),
            (self.secrets.iter().any(|secret| secret.file.is_some()), Capability::EXEC_MOUNT_SECRET),
            (self.secrets.iter().any(|secret| secret.variable.is_some()), Capability::EXEC_SECRET_ENV),
            (!self.ssh.is_empty(), Capability::EXEC_MOUNT_SSH),
        ];
        chosen(needed).chain(self.mounts.iter().flat_map(Mount::capabilities))
    }
}

impl Mount {
    fn capabilities(&self) -> impl Iterator<Item = Capability> {
        let message = &self.message;
        let is = |kind| message.mount_type == kind;
        let is_bind = is(MountType::Bind);
        let has_size = message.tmpfs_opt.as_ref().is_some_and(|tmpfs| tmpfs.size > 0);
        let drops_changes = is_bind && !message.readonly && !self.has_output();
        chosen([
            (is_bind && !self.state.is_scratch(), Capability::EXEC_MOUNT_BIND),
            (drops_changes, Capability::EXEC_MOUNT_BIND_READ_WRITE_NO_OUTPUT),
            (is(MountType::Cache), Capability::EXEC_MOUNT_CACHE),
            (is(MountType::Cache), Capability::EXEC_MOUNT_CACHE_SHARING),
            (is(MountType::Tmpfs), Capability::EXEC_MOUNT_TMPFS),
            (has_size, Capability::EXEC_MOUNT_TMPFS_SIZE),
            (!message.selector.is_empty(), Capability::EXEC_MOUNT_SELECTOR),
            (message.content_cache != ContentCache::Default, Capability::EXEC_MOUNT_CONTENT_CACHE),
        ])
    }
}

fn chosen<const N: usize>(needed: [(bool, Capability); N]) -> impl Iterator<Item = Capability> {
    needed.into_iter().filter_map(|(is_needed, capability)| is_needed.then_some(capability))
}
