//! Commands in containers.

use crate::wire::Packed;
use crate::wire::choices;
use crate::wire::messages;

messages! {
    /// `pb.ExecOp`: a command in a container.
    ExecOp {
        1 meta "meta": Option<Meta>,
        2 mounts "mounts": Vec<Mount>,
        3 network "network": Network,
        4 security "security": Security,
        5 secretenv "secretenv": Vec<SecretEnv>,
        6 cdi_devices "cdiDevices": Vec<CdiDevice>,
    }

    /// `pb.Meta`: the process.
    Meta {
        1 args "args": Vec<String>,
        2 env "env": Vec<String>,
        3 cwd "cwd": String,
        4 user "user": String,
        5 proxy_env "proxy_env": Option<ProxyEnv>,
        6 extra_hosts "extraHosts": Vec<HostIp>,
        7 hostname "hostname": String,
        9 ulimit "ulimit": Vec<Ulimit>,
        10 cgroup_parent "cgroupParent": String,
        11 remove_mount_stubs_recursive "removeMountStubsRecursive": bool,
        12 valid_exit_codes "validExitCodes": Packed<i32>,
    }

    /// `pb.HostIP`: a line of `/etc/hosts`.
    HostIp {
        1 host "Host": String,
        2 ip "IP": String,
    }

    /// `pb.Ulimit`: see setrlimit(2).
    Ulimit {
        1 name "Name": String,
        2 soft "Soft": i64,
        3 hard "Hard": i64,
    }

    /// `pb.SecretEnv`: a secret in an environment variable.
    SecretEnv {
        1 id "ID": String,
        2 name "name": String,
        3 optional "optional": bool,
    }

    /// `pb.CDIDevice`: a device by its name in the Container Device Interface.
    CdiDevice {
        1 name "name": String,
        2 optional "optional": bool,
    }

    /// `pb.Mount`: a tree in the container.
    Mount {
        1 input "input": i64,
        2 selector "selector": String,
        3 dest "dest": String,
        4 output "output": i64,
        5 readonly "readonly": bool,
        6 mount_type "mountType": MountType,
        19 tmpfs_opt "TmpfsOpt": Option<TmpfsOpt>,
        20 cache_opt "cacheOpt": Option<CacheOpt>,
        21 secret_opt "secretOpt": Option<SecretOpt>,
        22 ssh_opt "SSHOpt": Option<SshOpt>,
        23 result_id "resultID": String,
        24 content_cache "contentCache": ContentCache,
    }

    /// `pb.TmpfsOpt`.
    TmpfsOpt {
        1 size "size": i64,
    }

    /// `pb.CacheOpt`.
    CacheOpt {
        1 id "ID": String,
        2 sharing "sharing": Sharing,
    }

    /// `pb.SecretOpt`.
    SecretOpt {
        1 id "ID": String,
        2 uid "uid": u32,
        3 gid "gid": u32,
        4 mode "mode": u32,
        5 optional "optional": bool,
    }

    /// `pb.SSHOpt`.
    SshOpt {
        1 id "ID": String,
        2 uid "uid": u32,
        3 gid "gid": u32,
        4 mode "mode": u32,
        5 optional "optional": bool,
    }

    /// `pb.ProxyEnv`: variables that the process sees, but that change no cache key.
    ProxyEnv {
        1 http_proxy "http_proxy": String,
        2 https_proxy "https_proxy": String,
        3 ftp_proxy "ftp_proxy": String,
        4 no_proxy "no_proxy": String,
        5 all_proxy "all_proxy": String,
    }
}

choices! {
    /// `pb.NetMode`: the network of a container.
    Network {
        /// Its own, with a way out.
        0 Sandbox,
        /// The daemon's. Needs the entitlement `network.host`.
        1 Host,
        /// None but the loopback.
        2 None,
    }

    /// `pb.SecurityMode`: what the processes of a container may do.
    Security {
        /// What a container may do by default.
        0 Sandbox,
        /// Everything. Needs the entitlement `security.insecure`.
        1 Insecure,
    }

    /// `pb.MountType`.
    MountType {
        /// A tree.
        0 Bind,
        /// A file with a secret.
        1 Secret,
        /// The socket of an SSH agent.
        2 Ssh,
        /// A directory that stays on the daemon.
        3 Cache,
        /// A directory in memory.
        4 Tmpfs,
    }

    /// `pb.CacheSharingOpt`: what happens when several commands want a cache at once.
    Sharing {
        /// They have it at the same time.
        0 Shared,
        /// Each gets its own.
        1 Private,
        /// They wait for each other.
        2 Locked,
    }

    /// `pb.MountContentCache`: whether what is in a mounted tree, rather than how it was made, decides on
    /// reuse.
    ContentCache {
        /// Where it is safe: read-only mounts and mounts without an output.
        0 Default,
        /// Yes.
        1 On,
        /// No.
        2 Off,
    }
}
