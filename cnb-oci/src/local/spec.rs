//! The OCI runtime configuration of a step.
//! <https://github.com/opencontainers/runtime-spec/blob/main/config.md>

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend::Network;
use cnb_core::backend::User;
use oci_spec::runtime::Capability;
use oci_spec::runtime::Linux;
use oci_spec::runtime::LinuxBuilder;
use oci_spec::runtime::LinuxCapabilitiesBuilder;
use oci_spec::runtime::LinuxNamespaceBuilder;
use oci_spec::runtime::LinuxNamespaceType;
use oci_spec::runtime::Mount;
use oci_spec::runtime::MountBuilder;
use oci_spec::runtime::Process;
use oci_spec::runtime::ProcessBuilder;
use oci_spec::runtime::RootBuilder;
use oci_spec::runtime::Spec;
use oci_spec::runtime::SpecBuilder;
use oci_spec::runtime::UserBuilder;
use rustix::fs::StatVfsMountFlags;

use super::container::SOCKET;

/// Where `cnb-init` and its socket are in a container.
const INIT: &str = "/.cnb-init/init";
const INIT_SOCKET: &str = "/.cnb-init/control";

/// Directories that files of ours are mounted in.
pub(super) const DIRECTORIES: [&str; 2] = ["/.cnb-init", "/etc"];

/// What the root of a container image may do with its own files and processes; what Docker and Podman give.
/// `cnb-init` needs `Setfcap` to map root to another user.
const ROOT_CAPABILITIES: [Capability; 11] = [
    Capability::Chown,
    Capability::DacOverride,
    Capability::Fowner,
    Capability::Fsetid,
    Capability::Kill,
    Capability::NetBindService,
    Capability::Setfcap,
    Capability::Setgid,
    Capability::Setpcap,
    Capability::Setuid,
    Capability::SysChroot,
];

/// Files of /proc and /sys that tell of the machine or change it; what Docker and Podman hide.
const MASKED: [&str; 10] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
];
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What a container is made of.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    /// The mounted root file system.
    pub root: &'a Path,
    /// The directory of the bundle.
    pub bundle: &'a Path,
    /// The program `cnb-init` on this machine.
    pub init: &'a Path,
    /// Instead of a socket, what to tell `cnb-init`.
    pub init_argument: Option<&'a str>,
    /// Who runs `cnb-init`.
    pub user: User,
    pub network: Network,
    pub in_user_namespace: bool,
    /// What is mounted beyond the file systems that every container has.
    pub binds: Vec<Bind>,
}

/// A directory or file of this machine in the container.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Bind {
    pub source: PathBuf,
    pub target: String,
    pub read_only: bool,
}

/// The configuration of a container. Its process is `cnb-init`; what to run is told by its socket.
pub(super) fn spec(parts: &Parts<'_>) -> Spec {
    SpecBuilder::default()
        .version("1.0.2")
        .hostname("cnb")
        .root(RootBuilder::default().path(parts.root).readonly(false).build().expect(COMPLETE))
        .process(process(parts))
        .mounts(mounts(parts))
        .linux(linux(parts.network))
        .build()
        .expect(COMPLETE)
}

const COMPLETE: &str = "every required field is set";

fn process(parts: &Parts<'_>) -> Process {
    let capabilities: &[_] = if parts.user.uid == 0 { &ROOT_CAPABILITIES } else { &[] };
    let set = || capabilities.iter().copied().collect::<oci_spec::runtime::Capabilities>();
    let capabilities = LinuxCapabilitiesBuilder::default()
        .bounding(set())
        .effective(set())
        .permitted(set())
        .inheritable(oci_spec::runtime::Capabilities::default())
        .ambient(oci_spec::runtime::Capabilities::default())
        .build()
        .expect(COMPLETE);
    let user = UserBuilder::default().uid(parts.user.uid).gid(parts.user.gid).build().expect(COMPLETE);
    ProcessBuilder::default()
        .user(user)
        .args([INIT, parts.init_argument.unwrap_or(INIT_SOCKET)].map(str::to_owned))
        .env(Vec::new())
        .cwd("/")
        .capabilities(capabilities)
        .no_new_privileges(true)
        .build()
        .expect(COMPLETE)
}

fn linux(network: Network) -> Linux {
    let mut namespaces = vec![
        LinuxNamespaceType::Pid,
        LinuxNamespaceType::Mount,
        LinuxNamespaceType::Ipc,
        LinuxNamespaceType::Uts,
    ];
    if network != Network::Host {
        namespaces.push(LinuxNamespaceType::Network);
    }
    let namespace = |typ| LinuxNamespaceBuilder::default().typ(typ).build().expect(COMPLETE);
    LinuxBuilder::default()
        .namespaces(namespaces.into_iter().map(namespace).collect::<Vec<_>>())
        .masked_paths(MASKED.map(str::to_owned))
        .readonly_paths(READ_ONLY.map(str::to_owned))
        .build()
        .expect(COMPLETE)
}

fn mounts(parts: &Parts<'_>) -> Vec<Mount> {
    let mut mounts = vec![
        file_system("/proc", "proc", &["nosuid", "nodev", "noexec"]),
        file_system("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=64m"]),
        file_system("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
        file_system("/dev/shm", "tmpfs", &["nosuid", "nodev", "noexec", "mode=1777", "size=64m"]),
        sysfs(parts),
    ];
    if parts.network == Network::Host {
        mounts.extend(["/etc/hosts", "/etc/resolv.conf"].into_iter().filter_map(name_resolution));
    }
    mounts.push(bind(&Bind { source: parts.init.into(), target: INIT.into(), read_only: true }));
    if parts.init_argument.is_none() {
        let source = parts.bundle.join(SOCKET);
        mounts.push(bind(&Bind { source, target: INIT_SOCKET.into(), read_only: true }));
    }
    mounts.extend(parts.binds.iter().map(bind));
    mounts
}

fn file_system(target: &str, typ: &str, options: &[&str]) -> Mount {
    MountBuilder::default()
        .destination(target)
        .typ(typ)
        .source(typ)
        .options(options.iter().map(|&option| option.to_owned()).collect::<Vec<_>>())
        .build()
        .expect(COMPLETE)
}

/// A new one needs a network namespace that our user namespace owns.
fn sysfs(parts: &Parts<'_>) -> Mount {
    if parts.in_user_namespace && parts.network == Network::Host {
        bind(&Bind { source: "/sys".into(), target: "/sys".into(), read_only: true })
    } else {
        file_system("/sys", "sysfs", &["nosuid", "nodev", "noexec", "ro"])
    }
}

/// The machine's file, links resolved: what a link leads to is not in the container.
fn name_resolution(path: &str) -> Option<Mount> {
    let source = fs::canonicalize(path).ok()?;
    Some(bind(&Bind { source, target: path.to_owned(), read_only: true }))
}

fn bind(bind: &Bind) -> Mount {
    let mut options = vec!["rbind".to_owned(), "rprivate".to_owned()];
    if bind.read_only {
        options.push("ro".to_owned());
        options.extend(locked_options(&bind.source).into_iter().map(str::to_owned));
    }
    MountBuilder::default()
        .destination(&bind.target)
        .typ("bind")
        .source(&bind.source)
        .options(options)
        .build()
        .expect(COMPLETE)
}

/// A user namespace may not take these off a mount that it got from outside, and a remount names all.
fn locked_options(source: &Path) -> Vec<&'static str> {
    let flags = rustix::fs::statvfs(source).map_or(StatVfsMountFlags::empty(), |stat| stat.f_flag);
    [
        (StatVfsMountFlags::NODEV, "nodev"),
        (StatVfsMountFlags::NOEXEC, "noexec"),
        (StatVfsMountFlags::NOSUID, "nosuid"),
    ]
    .into_iter()
    .filter_map(|(flag, option)| flags.contains(flag).then_some(option))
    .collect()
}
