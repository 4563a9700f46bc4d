//! Who owns a file, also where the kernel cannot say it.
//!
//! With a single mapped user ([`Mode::Single`](super::userns::Mode::Single)) every file belongs to 0. Then
//! the owner that a file ought to have is kept in an extended attribute.

use std::os::fd::AsRawFd as _;
use std::os::fd::OwnedFd;

use cnb_core::backend::User;
use rustix::fs::AtFlags;
use rustix::fs::Gid;
use rustix::fs::Stat;
use rustix::fs::Uid;
use rustix::fs::XattrFlags;
use rustix::io::Errno;
use rustix::io::Result;

use super::userns::Mapping;
use super::userns::Mode;

const ATTRIBUTE: &str = "user.cnb.owner";

/// Gives files to users and says who has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owners {
    mapping: Mapping,
}

impl Owners {
    pub(super) fn new(mapping: Mapping) -> Self {
        Self { mapping }
    }

    /// Gives what the name in a directory is to `owner`.
    pub(super) fn set(self, directory: &OwnedFd, name: &str, owner: User) -> Result<()> {
        if self.are_real() {
            let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
            return rustix::fs::chownat(directory, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW);
        }
        let label = format!("{}:{}", owner.uid, owner.gid);
        match rustix::fs::lsetxattr(path(directory, name), ATTRIBUTE, label.as_bytes(), XattrFlags::empty()) {
            // Links have no attributes, and some file systems have none at all.
            Err(Errno::PERM | Errno::NOTSUP) => Ok(()),
            set => set,
        }
    }

    /// Notes the owner of a file that is shared with another tree, where the file system does not.
    pub(super) fn note(self, directory: &OwnedFd, name: &str, owner: User) -> Result<()> {
        if self.are_real() { Ok(()) } else { self.set(directory, name, owner) }
    }

    /// Who owns what the name in a directory is; `default` where nothing is known.
    pub(super) fn get(self, directory: &OwnedFd, name: &str, stat: &Stat, default: User) -> User {
        if self.are_real() {
            return User::new(stat.st_uid, stat.st_gid);
        }
        let mut buffer = [0_u8; 32];
        let label = rustix::fs::lgetxattr(path(directory, name), ATTRIBUTE, &mut buffer);
        label.ok().and_then(|length| parse(buffer.get(..length)?)).unwrap_or(default)
    }

    fn are_real(self) -> bool {
        self.mapping.mode() != Mode::Single
    }
}

fn path(directory: &OwnedFd, name: &str) -> String {
    format!("/proc/self/fd/{}/{name}", directory.as_raw_fd())
}

fn parse(label: &[u8]) -> Option<User> {
    let (uid, gid) = std::str::from_utf8(label).ok()?.split_once(':')?;
    Some(User::new(uid.parse().ok()?, gid.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_two_numbers() {
        assert_eq!(parse(b"1001:1000"), Some(User::new(1001, 1000)));
        for label in [&b""[..], b"1", b"1:", b"a:b", b"1:2:3", b"\xff:1"] {
            assert_eq!(parse(label), None, "{label:?}");
        }
    }
}
