//! Who we are: the namespaces in which the local backend does its work.

use std::fs;
use std::io;
use std::io::Write as _;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use cnb_core::backend::User;
use rustix::io::Errno;
use rustix::mount::MountPropagationFlags;

use super::unshare::Namespaces;
use super::unshare::namespaces;

/// Fewest subordinate ids that a range must have: up to `nobody`, which images do use.
const ENOUGH_IDS: u32 = 65_536;

/// What a user namespace of all ids has in `/proc/self/uid_map`.
const ALL_IDS: u32 = u32::MAX;

/// How to get the rights that containers need.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Mode {
    /// `Root` for root, `Range` where it is possible, else `Single`.
    #[default]
    Auto,
    /// A user namespace that has the caller as 0 and the caller's range of `/etc/subuid` and `/etc/subgid`
    /// from 1 on. Needs `newuidmap` and `newgidmap`.
    Range,
    /// No user namespace.
    Root,
    /// A user namespace that has the caller as 0 and nobody else.
    Single,
}

/// The outcome of [`enter`]: who is who in the namespaces of this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mapping {
    mode: Mode,
    in_user_namespace: bool,
    ids: u32,
}

impl Mapping {
    /// The mode that was entered; never [`Mode::Auto`].
    pub fn mode(self) -> Mode {
        self.mode
    }

    /// How many users and groups there are, from 0 on.
    pub fn ids(self) -> u32 {
        self.ids
    }

    /// Whether files may be given to this user or group.
    pub fn has_id(self, id: u32) -> bool {
        id < self.ids
    }

    /// Whether this process is outside of the first user namespace, where overlay mounts need `userxattr`.
    pub fn in_user_namespace(self) -> bool {
        self.in_user_namespace
    }

    /// A short name for what belongs to this mode alone.
    pub(super) fn name(self) -> &'static str {
        match self.mode {
            Mode::Auto | Mode::Root => "root",
            Mode::Range => "range",
            Mode::Single => "single",
        }
    }
}

/// Moves this process into namespaces of its own, so that it acts as user 0 with a private list of mounts,
/// which vanish with it however it ends.
///
/// To be called by a *program*, first thing, while it has a single thread: it changes the whole process, and
/// the kernel refuses when there are more threads.
///
/// # Errors
/// See [`Error`].
pub fn enter(mode: Mode) -> Result<Mapping, Error> {
    let uid = rustix::process::geteuid().as_raw();
    match mode {
        Mode::Root => enter_root(uid),
        Mode::Range => enter_range(uid, &subordinate_ids(uid)?),
        Mode::Single => enter_single(uid),
        Mode::Auto if uid == 0 => enter_root(uid),
        Mode::Auto => match subordinate_ids(uid) {
            Ok(ids) if has_map_programs() => enter_range(uid, &ids),
            _ => enter_single(uid),
        },
    }
}

/// Why the namespaces could not be entered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Mode [`Mode::Root`] for somebody else.
    #[error("only root can work without a user namespace, and the user is {0}")]
    NotRoot(u32),
    /// The kernel refuses a mount namespace to root.
    #[error("root may not create a mount namespace here; it lacks the capability CAP_SYS_ADMIN")]
    MountNamespace(#[source] io::Error),
    /// The kernel refuses a user namespace.
    #[error(
        "user namespaces are not permitted here; an administrator can permit them (sysctl \
         user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)"
    )]
    UserNamespace(#[source] io::Error),
    /// The process has more than one thread.
    #[error("a process with several threads cannot enter a user namespace")]
    SeveralThreads,
    /// There is no range for mode [`Mode::Range`].
    #[error("{file} gives user {uid} no range of at least {ENOUGH_IDS} ids")]
    NoRange {
        /// The file that was searched.
        file: &'static str,
        /// Who asked.
        uid: u32,
    },
    /// `newuidmap` or `newgidmap` failed.
    #[error("newuidmap or newgidmap failed: {0}")]
    MapPrograms(String),
    /// A file could not be read or written.
    #[error("could not use {0}")]
    File(&'static str, #[source] io::Error),
    /// The mounts could not be made private.
    #[error("could not make the mounts private")]
    Private(#[source] io::Error),
}

fn enter_root(uid: u32) -> Result<Mapping, Error> {
    if uid != 0 {
        return Err(Error::NotRoot(uid));
    }
    namespaces(Namespaces::Mount).map_err(|errno| Error::MountNamespace(errno.into()))?;
    make_mounts_private()?;
    let map = read("/proc/self/uid_map")?;
    let ids = first_ids(&map);
    Ok(Mapping { mode: Mode::Root, in_user_namespace: ids != ALL_IDS, ids })
}

fn enter_single(uid: u32) -> Result<Mapping, Error> {
    let gid = rustix::process::getegid().as_raw();
    unshare_user()?;
    write_single_map(User::ROOT, User::new(uid, gid))?;
    make_mounts_private()?;
    Ok(Mapping { mode: Mode::Single, in_user_namespace: true, ids: 1 })
}

/// Maps one user and one group of the parent namespace into this process's new one.
pub(super) fn write_single_map(user: User, parent: User) -> Result<(), Error> {
    write("/proc/self/uid_map", &format!("{} {} 1\n", user.uid, parent.uid))?;
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/gid_map", &format!("{} {} 1\n", user.gid, parent.gid))
}

fn enter_range(uid: u32, ids: &SubordinateIds) -> Result<Mapping, Error> {
    let gid = rustix::process::getegid().as_raw();
    let mut mapper = start_mapper(uid, gid, ids)?;
    let entered = unshare_user();
    let mut line = mapper.stdin.take().expect("the standard input is a pipe");
    if entered.is_ok() {
        line.write_all(b"\n").map_err(|error| Error::MapPrograms(error.to_string()))?;
    }
    drop(line);
    let output = mapper.wait_with_output().map_err(|error| Error::MapPrograms(error.to_string()))?;
    entered?;
    if !output.status.success() {
        return Err(Error::MapPrograms(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    make_mounts_private()?;
    Ok(Mapping { mode: Mode::Range, in_user_namespace: true, ids: 1 + ids.uids.count.min(ids.gids.count) })
}

/// Starts a child that stays outside of the namespace to come: `newuidmap` has its rights only there. It
/// waits for a line, which says that the namespace exists.
fn start_mapper(uid: u32, gid: u32, ids: &SubordinateIds) -> Result<Child, Error> {
    const SCRIPT: &str =
        "read -r _ || exit 0; newuidmap $1 0 $2 1 1 $3 $4 && exec newgidmap $1 0 $5 1 1 $6 $7";
    let numbers =
        [std::process::id(), uid, ids.uids.start, ids.uids.count, gid, ids.gids.start, ids.gids.count];
    Command::new("/bin/sh")
        .args(["-c", SCRIPT, "map"])
        .args(numbers.map(|number| number.to_string()))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Error::File("/bin/sh", error))
}

fn has_map_programs() -> bool {
    Command::new("/bin/sh")
        .args(["-c", "command -v newuidmap && command -v newgidmap"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn unshare_user() -> Result<(), Error> {
    namespaces(Namespaces::UserAndMount).map_err(|errno| match errno {
        Errno::INVAL => Error::SeveralThreads,
        errno => Error::UserNamespace(errno.into()),
    })
}

fn make_mounts_private() -> Result<(), Error> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).map_err(|errno| Error::Private(errno.into()))
}

/// The ranges of one user.
#[derive(Debug)]
struct SubordinateIds {
    uids: Range,
    gids: Range,
}

/// A range of ids outside of the namespace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Range {
    start: u32,
    count: u32,
}

fn subordinate_ids(uid: u32) -> Result<SubordinateIds, Error> {
    let passwd = read("/etc/passwd")?;
    let name = user_name(&passwd, uid);
    let range = |file| {
        let ranges = read(file)?;
        find_range(&ranges, uid, name).ok_or(Error::NoRange { file, uid })
    };
    Ok(SubordinateIds { uids: range("/etc/subuid")?, gids: range("/etc/subgid")? })
}

fn user_name(passwd: &str, uid: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

/// The first range of subuid(5) or subgid(5) that is large enough; its owner is a name or a uid.
fn find_range(ranges: &str, uid: u32, name: Option<&str>) -> Option<Range> {
    ranges.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let owner = fields.next()?;
        let range = Range { start: fields.next()?.parse().ok()?, count: fields.next()?.parse().ok()? };
        let is_owner = Some(owner) == name || owner.parse() == Ok(uid);
        (is_owner && range.count >= ENOUGH_IDS).then_some(range)
    })
}

/// How many ids from 0 on a `/proc/<pid>/uid_map` has.
fn first_ids(map: &str) -> u32 {
    let mut next = 0;
    for line in map.lines() {
        let mut fields = line.split_whitespace().map(|field| field.parse::<u32>().unwrap_or(0));
        let (Some(inside), Some(_), Some(count)) = (fields.next(), fields.next(), fields.next()) else {
            break;
        };
        if inside != next {
            break;
        }
        next = inside.saturating_add(count);
    }
    next
}

fn read(path: &'static str) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::File(path, error))
}

fn write(path: &'static str, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => Error::UserNamespace(error),
        _ => Error::File(path, error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_or_uid_and_must_be_large_enough() {
        let found = Some(Range { start: 200_000, count: 65_536 });
        for (ranges, expected) in [
            ("other:1:65536\nbuilder:200000:65536\n", found),
            ("1000:200000:65536", found),
            ("builder:5:10\nbuilder:200000:65536", found),
            ("builder:200000:65535", None),
            ("builder:x:65536\n\nbuilder", None),
            ("", None),
        ] {
            assert_eq!(find_range(ranges, 1000, Some("builder")), expected, "{ranges:?}");
        }
    }

    #[test]
    fn the_name_of_a_user_is_that_of_its_uid() {
        let passwd = "root:x:0:0::/root:/bin/sh\nbuilder:x:1000:1000::/:/bin/sh\n";
        assert_eq!(user_name(passwd, 1000), Some("builder"));
        assert_eq!(user_name(passwd, 1001), None);
    }

    #[test]
    fn ids_are_counted_up_to_the_first_gap() {
        for (map, expected) in [
            ("         0          0 4294967295\n", ALL_IDS),
            ("0 1000 1\n1 200000 65536\n", 65_537),
            ("0 1000 1\n2 200000 65536\n", 1),
            ("1001 0 1\n", 0),
            ("", 0),
        ] {
            assert_eq!(first_ids(map), expected, "{map:?}");
        }
    }
}
