//! The one place with an unsafe call.

use rustix::thread::UnshareFlags;

/// Gives the calling process new namespaces.
///
/// A new user namespace needs a process with a single thread: the kernel answers `EINVAL` otherwise.
#[expect(unsafe_code, reason = "rustix cannot tell safe flags from `FILES` by type")]
pub(super) fn namespaces(flags: Namespaces) -> rustix::io::Result<()> {
    let flags = match flags {
        Namespaces::Mount => UnshareFlags::NEWNS,
        Namespaces::User => UnshareFlags::NEWUSER,
        Namespaces::UserAndMount => UnshareFlags::NEWUSER | UnshareFlags::NEWNS,
    };
    // SAFETY: only `UnshareFlags::FILES` can break memory or descriptor safety, and it is none of these flags.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

/// Which namespaces to make.
#[derive(Clone, Copy, Debug)]
pub(super) enum Namespaces {
    /// A copy of the mounts.
    Mount,
    /// Users.
    User,
    /// Both; the new user namespace owns the mounts.
    UserAndMount,
}
