//! Commands in containers.

mod capabilities;
mod limits;
mod marshal;
mod mount;
mod run;
mod secret;

use std::net::IpAddr;

pub use limits::UlimitName;
pub use mount::Mount;
pub use run::Run;
pub use secret::Secret;
pub use secret::Ssh;

use crate::annotate::Annotations;
use crate::annotate::annotate;
use crate::ops::CdiDevice;
use crate::ops::HostIp;
use crate::ops::LinuxResources;
use crate::ops::Meta;
use crate::ops::Network;
use crate::ops::Packed;
use crate::ops::Platform;
use crate::ops::ProxyEnv;
use crate::ops::Security;

/// A command in a container, for [`State::run`](crate::State::run).
///
/// A value of its own: clone it to run it on several trees, or as the start of similar ones.
///
/// ```
/// use cnb_llb::{Exec, Image, Mount, State};
///
/// let source = State::scratch();
/// let exec = Exec::new(["make", "install"])
///     .env("CI", "true")
///     .cwd("/src")
///     .mount(Mount::bind(&source, "/src").read_only())
///     .mount(Mount::bind(&State::scratch(), "/out"));
/// let run = Image::new("docker.io/library/gcc:14").state().run(exec);
/// let installed = run.output("/out").expect("it is mounted to be written");
/// ```
#[derive(Clone, Debug)]
pub struct Exec {
    meta: Meta,
    env: Vec<(String, String)>,
    read_only_root: bool,
    mounts: Vec<Mount>,
    secrets: Vec<Secret>,
    ssh: Vec<Ssh>,
    devices: Vec<CdiDevice>,
    network: Network,
    security: Security,
    says_exit_codes: bool,
    platform: Option<Platform>,
    annotations: Annotations,
}

annotate!(Exec);

impl Exec {
    /// A program, looked for in `PATH`, and its arguments. No shell reads them. Its directory is `/`.
    pub fn new(args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let meta = Meta {
            args: args.into_iter().map(Into::into).collect(),
            cwd: "/".to_owned(),
            // What the mounts need of directories does not stay behind; Go's client never says otherwise.
            remove_mount_stubs_recursive: true,
            ..Meta::default()
        };
        Self {
            meta,
            env: Vec::new(),
            read_only_root: false,
            mounts: Vec::new(),
            secrets: Vec::new(),
            ssh: Vec::new(),
            devices: Vec::new(),
            network: Network::default(),
            security: Security::default(),
            says_exit_codes: false,
            platform: None,
            annotations: Annotations::default(),
        }
    }

    /// A line that `/bin/sh -c` reads.
    pub fn shell(line: impl Into<String>) -> Self {
        Self::new(["/bin/sh".to_owned(), "-c".to_owned(), line.into()])
    }

    /// Sets a variable. One that was set before loses its place to the new one. Daemons set `PATH` if nobody
    /// does.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.into()));
        self
    }

    /// Sets variables, in order.
    #[must_use]
    pub fn envs(self, variables: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        variables.into_iter().fold(self, |exec, (name, value)| exec.env(name, value))
    }

    /// The directory it starts in, from the root.
    #[must_use]
    pub fn cwd(mut self, directory: impl Into<String>) -> Self {
        self.meta.cwd = directory.into();
        self
    }

    /// Who runs it: a name or number, and after a colon one of a group. Root if not said.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.meta.user = user.into();
        self
    }

    /// What the container calls itself; the daemon decides if not said.
    #[must_use]
    pub fn hostname(mut self, name: impl Into<String>) -> Self {
        self.meta.hostname = name.into();
        self
    }

    /// Adds a name to `/etc/hosts`.
    #[must_use]
    pub fn host(mut self, name: impl Into<String>, address: IpAddr) -> Self {
        self.meta.extra_hosts.push(HostIp { host: name.into(), ip: address.to_string() });
        self
    }

    /// The cgroup that the container's is made in.
    #[must_use]
    pub fn cgroup_parent(mut self, cgroup: impl Into<String>) -> Self {
        self.meta.cgroup_parent = cgroup.into();
        self
    }

    /// The exit codes that mean success; 0 if not said.
    #[must_use]
    pub fn valid_exit_codes(mut self, codes: impl IntoIterator<Item = i32>) -> Self {
        self.meta.valid_exit_codes = Packed(codes.into_iter().collect());
        self.says_exit_codes = true;
        self
    }

    /// Its network.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// What it may do.
    #[must_use]
    pub fn security(mut self, security: Security) -> Self {
        self.security = security;
        self
    }

    /// Variables for proxies, which change no cache key.
    #[must_use]
    pub fn proxy(mut self, proxy: ProxyEnv) -> Self {
        self.meta.proxy_env = Some(proxy);
        self
    }

    /// Gives it a device, by its name in the Container Device Interface, for example `vendor.com/gpu=0`.
    #[must_use]
    pub fn device(mut self, name: impl Into<String>) -> Self {
        self.devices.push(CdiDevice { name: name.into(), optional: false });
        self
    }

    /// Gives it a device if the daemon has it.
    #[must_use]
    pub fn optional_device(mut self, name: impl Into<String>) -> Self {
        self.devices.push(CdiDevice { name: name.into(), optional: true });
        self
    }

    /// It cannot change its root: what it leaves is the tree it was given.
    #[must_use]
    pub fn read_only_root(mut self) -> Self {
        self.read_only_root = true;
        self
    }

    /// Mounts a tree, a cache or memory.
    #[must_use]
    pub fn mount(mut self, mount: Mount) -> Self {
        self.mounts.push(mount);
        self
    }

    /// Gives it a secret of the client.
    #[must_use]
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Gives it an SSH agent of the client.
    #[must_use]
    pub fn ssh(mut self, ssh: Ssh) -> Self {
        self.ssh.push(ssh);
        self
    }

    /// Limits its memory and processors. Not part of its digest: another limit makes no other result.
    #[must_use]
    pub fn resources(mut self, resources: LinuxResources) -> Self {
        self.annotations.metadata.linux_resources = Some(resources);
        self
    }

    /// Says for which platform; that of its root if not said, and [`Platform::native`] if that has none.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = Some(platform);
        self
    }
}
