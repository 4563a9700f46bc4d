//! What a command may use.

use super::Exec;
use crate::ops::LinuxResources;
use crate::ops::ProxyEnv;
use crate::ops::Ulimit;

/// What setrlimit(2) limits.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum UlimitName {
    /// The size of a core dump.
    Core,
    /// Processor time, in seconds.
    Cpu,
    /// The data segment.
    Data,
    /// The size of a file.
    FileSize,
    /// Locks on files.
    Locks,
    /// Memory that stays in RAM.
    LockedMemory,
    /// Bytes in message queues.
    MessageQueue,
    /// How far priority may be raised.
    Nice,
    /// Open files.
    OpenFiles,
    /// Processes of the user.
    Processes,
    /// Resident memory.
    ResidentSet,
    /// Real-time priority.
    RealtimePriority,
    /// Real-time processor time, in microseconds.
    RealtimeTime,
    /// Signals that are pending.
    PendingSignals,
    /// The stack.
    Stack,
}

impl UlimitName {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Core,
        Self::Cpu,
        Self::Data,
        Self::FileSize,
        Self::Locks,
        Self::LockedMemory,
        Self::MessageQueue,
        Self::Nice,
        Self::OpenFiles,
        Self::Processes,
        Self::ResidentSet,
        Self::RealtimePriority,
        Self::RealtimeTime,
        Self::PendingSignals,
        Self::Stack,
    ];

    /// As BuildKit and Docker write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Cpu => "cpu",
            Self::Data => "data",
            Self::FileSize => "fsize",
            Self::Locks => "locks",
            Self::LockedMemory => "memlock",
            Self::MessageQueue => "msgqueue",
            Self::Nice => "nice",
            Self::OpenFiles => "nofile",
            Self::Processes => "nproc",
            Self::ResidentSet => "rss",
            Self::RealtimePriority => "rtprio",
            Self::RealtimeTime => "rttime",
            Self::PendingSignals => "sigpending",
            Self::Stack => "stack",
        }
    }
}

impl Exec {
    /// Limits something, softly and hard; -1 for no limit.
    #[must_use]
    pub fn ulimit(mut self, name: UlimitName, soft: i64, hard: i64) -> Self {
        self.meta.ulimit.push(Ulimit { name: name.as_str().to_owned(), soft, hard });
        self
    }
}

impl LinuxResources {
    /// No limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of memory.
    #[must_use]
    pub fn with_memory(mut self, bytes: i64) -> Self {
        self.memory = bytes;
        self
    }

    /// Bytes of memory and swap together.
    #[must_use]
    pub fn with_memory_swap(mut self, bytes: i64) -> Self {
        self.memory_swap = bytes;
        self
    }

    /// Weight against other containers.
    #[must_use]
    pub fn with_cpu_shares(mut self, shares: u64) -> Self {
        self.cpu_shares = shares;
        self
    }

    /// Processor time per period, both in microseconds.
    #[must_use]
    pub fn with_cpu_quota(mut self, quota: i64, period: u64) -> Self {
        (self.cpu_quota, self.cpu_period) = (quota, period);
        self
    }

    /// The processors and the memory nodes, for example `0-3` and `0,1`.
    #[must_use]
    pub fn with_cpuset(mut self, cpus: impl Into<String>, memory_nodes: impl Into<String>) -> Self {
        (self.cpuset_cpus, self.cpuset_mems) = (cpus.into(), memory_nodes.into());
        self
    }
}

impl ProxyEnv {
    /// No proxies.
    pub fn new() -> Self {
        Self::default()
    }

    /// `HTTP_PROXY`
    #[must_use]
    pub fn with_http(mut self, url: impl Into<String>) -> Self {
        self.http_proxy = url.into();
        self
    }

    /// `HTTPS_PROXY`
    #[must_use]
    pub fn with_https(mut self, url: impl Into<String>) -> Self {
        self.https_proxy = url.into();
        self
    }

    /// `FTP_PROXY`
    #[must_use]
    pub fn with_ftp(mut self, url: impl Into<String>) -> Self {
        self.ftp_proxy = url.into();
        self
    }

    /// `NO_PROXY`
    #[must_use]
    pub fn with_exceptions(mut self, hosts: impl Into<String>) -> Self {
        self.no_proxy = hosts.into();
        self
    }

    /// `ALL_PROXY`
    #[must_use]
    pub fn with_all(mut self, url: impl Into<String>) -> Self {
        self.all_proxy = url.into();
        self
    }
}
