//! The root file systems of images that were unpacked, for those who look after a disk. No backend is needed.
//!
//! ```text
//! CHAINID          a root file system, complete
//! CHAINID.lock     locked by those who use it; its time says when that began last. Taken alone by who unpacks or removes it
//! CHAINID.new      while it is unpacked
//! CHAINID.old      while it is removed
//! ```
//!
//! What is unpacked or removed has its final name whole or not at all, however a process ends, and what is left is removed
//! by the next one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::DirEntry;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use cnb_core::backend::Result;
use cnb_core::digest::Digest;

use super::cache;
use super::caches::bytes_below;
use super::caches::directories;
use super::caches::entries;
use super::error::at;
use super::stop::Stop;
use super::store;
use crate::in_use::Alone;
use crate::in_use::InUse;
use crate::in_use::last_use;

/// A root file system, or what is left of one.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Root {
    /// The mode of user namespaces whose root it is: `root`, `range` or `single`.
    pub mode: String,
    /// The layers it is made of: "Layer ChainID" of the OCI image configuration.
    pub chain_id: Digest,
    /// Bytes of its files, as far as they can be seen.
    pub bytes: u64,
    /// When somebody began to use it last, in seconds since 1970.
    pub used: u64,
    path: PathBuf,
}

/// All root file systems below the directory of a backend's [state](super::Options::state), by mode and name. There are
/// none when there is no such directory.
///
/// # Errors
/// When a directory cannot be listed.
pub fn list(state: &Path) -> Result<Vec<Root>> {
    let mut found = Vec::new();
    for (mode, path) in paths(state)? {
        let Some(chain_id) = path.file_name().and_then(chain_id) else { continue };
        let parts = [path.clone(), path.with_extension(NEW), path.with_extension(OLD)];
        let Some(part) = parts.iter().find(|part| part.is_dir()) else { continue };
        let used = last_use(&path.with_extension(LOCK), part);
        let mut seen = BTreeSet::new();
        let bytes = parts.iter().map(|part| bytes_below(part, &mut seen)).sum();
        found.push(Root { mode, chain_id, bytes, used, path });
    }
    Ok(found)
}

/// Removes what killed processes left. Returns how many bytes that are, as far as they could be seen.
///
/// # Errors
/// When something cannot be removed; see [`Root::remove`].
pub fn sweep(state: &Path) -> Result<u64> {
    let mut bytes = 0;
    for (_, path) in paths(state)? {
        let left = [NEW, OLD].map(|extension| path.with_extension(extension));
        if path.is_dir() && !left.iter().any(|left| left.exists()) {
            continue;
        }
        let Some(alone) = try_take(&path)? else { continue };
        bytes += left.iter().map(|left| bytes_below(left, &mut BTreeSet::new())).sum::<u64>();
        for left in &left {
            cache::remove_all(left)?;
        }
        if !path.is_dir() {
            forget(alone, &path)?;
        }
    }
    Ok(bytes)
}

impl Root {
    /// Removes it unless somebody uses or makes it. Says whether it was removed.
    ///
    /// # Errors
    /// When it cannot be locked or removed: files of the mode `range` belong to the users of that range. It is no root any
    /// more then.
    pub fn remove(&self) -> Result<bool> {
        let Some(alone) = try_take(&self.path)? else { return Ok(false) };
        cache::discard(&self.path, &self.path.with_extension(OLD))?;
        cache::remove_all(&self.path.with_extension(NEW))?;
        forget(alone, &self.path)?;
        Ok(true)
    }
}

/// The root with a name, which stays as long as the second value. `unpack` makes it if it is not there.
pub(super) fn take(
    roots: &Path,
    chain_id: &Digest,
    stop: &Stop,
    unpack: impl Fn(&Path, &Path) -> Result<()>,
) -> Result<(PathBuf, InUse)> {
    let root = roots.join(chain_id.hex());
    let lock = root.with_extension(LOCK);
    let failed = |error| at("lock", &lock)(error);
    store::make_private(roots)?;
    loop {
        if root.is_dir() {
            let in_use = InUse::share(&lock).map_err(failed)?;
            // Before, it could be removed.
            if root.is_dir() {
                return Ok((root, in_use));
            }
        } else if let Some(_alone) = Alone::try_take(&lock).map_err(failed)? {
            if !root.is_dir() {
                unpack(&root.with_extension(NEW), &root)?;
            }
        } else {
            // Who makes it uses it then, for as long as a build takes: the lock would come too late.
            stop.pause(INTERVAL).map_err(failed)?;
        }
    }
}

/// How often is looked whether somebody else has made a root.
const INTERVAL: Duration = Duration::from_millis(20);

const LOCK: &str = "lock";

const NEW: &str = "new";

const OLD: &str = "old";

/// Where roots are, or something of them: their modes, and their paths.
fn paths(state: &Path) -> Result<BTreeSet<(String, PathBuf)>> {
    let mut paths = BTreeSet::new();
    for mode in directories(state)? {
        let Ok(name) = mode.file_name().into_string() else { continue };
        let is_root = |entry: &DirEntry| entry.path().file_stem().and_then(chain_id).is_some();
        let found = entries(&mode.path().join("roots"))?.into_iter().filter(is_root);
        paths.extend(found.map(|entry| (name.clone(), entry.path().with_extension(""))));
    }
    Ok(paths)
}

fn chain_id(name: &OsStr) -> Option<Digest> {
    format!("sha256:{}", name.to_str()?).parse().ok()
}

fn try_take(root: &Path) -> Result<Option<Alone>> {
    let lock = root.with_extension(LOCK);
    Alone::try_take(&lock).map_err(at("lock", &lock))
}

fn forget(alone: Alone, root: &Path) -> Result<()> {
    alone.forget().map_err(at("remove", &root.with_extension(LOCK)))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::thread;

    use super::*;

    fn chain(byte: u8) -> Digest {
        Digest::from_bytes([byte; 32])
    }

    /// Uses a root of `roots`, which is unpacked if it is not there.
    fn use_it(roots: &Path, byte: u8) -> (PathBuf, InUse) {
        let unpack = |new: &Path, root: &Path| {
            fs::create_dir(new).expect("a directory");
            fs::write(new.join("file"), "12345").expect("a file");
            fs::rename(new, root).map_err(at("create", root))
        };
        take(roots, &chain(byte), &Stop::default(), unpack).expect("a root")
    }

    #[test]
    fn roots_are_found_and_removed_unless_somebody_uses_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = directory.path();
        assert_eq!(list(&state.join("none")).expect("no directory"), []);
        fs::create_dir_all(state.join("root/sessions/1-0")).expect("a directory");
        let (_, in_use) = use_it(&state.join("root/roots"), 2);
        drop(use_it(&state.join("root/roots"), 1));
        drop(use_it(&state.join("range/roots"), 1));

        let roots = list(state).expect("readable");
        let told: Vec<_> =
            roots.iter().map(|root| (root.mode.as_str(), root.chain_id.clone(), root.bytes)).collect();
        assert_eq!(told, [("range", chain(1), 5), ("root", chain(1), 5), ("root", chain(2), 5)]);
        assert!(roots.iter().all(|root| root.used > 0));
        assert!(!roots[2].remove().expect("somebody uses it"));
        assert!(roots[0].remove().expect("nobody uses it") && roots[1].remove().expect("nobody uses it"));
        assert!(roots[1].remove().expect("it is gone already"));
        assert_eq!(list(state).expect("readable"), roots[2..]);
        let (path, _) = use_it(&state.join("root/roots"), 1);
        assert_eq!(fs::read(path.join("file")).expect("it is unpacked again"), b"12345");
        drop(in_use);
        assert!(roots[2].remove().expect("nobody uses it"));
        assert_eq!(fs::read_dir(state.join("range/roots")).expect("a directory").count(), 0);
    }

    #[test]
    fn only_what_is_left_over_is_swept() {
        let directory = tempfile::tempdir().expect("a directory");
        let roots = directory.path().join("root/roots");
        drop(use_it(&roots, 1));
        let part = |byte, extension| roots.join(chain(byte).hex()).with_extension(extension);
        for left in [part(1, OLD), part(2, NEW), part(3, OLD)] {
            fs::create_dir(&left).expect("a directory");
            fs::write(left.join("file"), "123").expect("a file");
        }
        fs::write(part(4, LOCK), "").expect("a file");
        let making = try_take(&roots.join(chain(2).hex())).expect("no error").expect("nobody has it");
        assert_eq!(list(directory.path()).expect("readable").len(), 3, "they take space");
        assert_eq!(sweep(directory.path()).expect("no error"), 6);
        assert!(part(2, NEW).exists(), "somebody makes it");
        drop(making);
        assert_eq!(sweep(directory.path()).expect("no error"), 3);
        let mut names: Vec<_> =
            fs::read_dir(&roots).expect("a directory").flatten().map(|it| it.path()).collect();
        names.sort();
        assert_eq!(names, [part(1, ""), part(1, LOCK)]);
    }

    #[test]
    fn what_was_removed_before_its_use_began_is_unpacked_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let roots = directory.path().join("root/roots");
        let unpacked = Cell::new(0);
        let unpack = |_: &Path, root: &Path| {
            unpacked.set(unpacked.get() + 1);
            // The first time it is gone at once.
            if unpacked.get() == 1 { Ok(()) } else { fs::create_dir(root).map_err(at("create", root)) }
        };
        let (path, _in_use) = take(&roots, &chain(1), &Stop::default(), unpack).expect("a root");
        assert!(path.is_dir());
        assert_eq!(unpacked.get(), 2);
    }
    #[test]
    fn who_waits_for_a_root_does_not_wait_for_its_use() {
        let directory = tempfile::tempdir().expect("a directory");
        let roots = directory.path().join("root/roots");
        store::make_private(&roots).expect("a directory");
        let root = roots.join(chain(1).hex());
        let unpack = |_: &Path, _: &Path| unreachable!("somebody else does it");
        let (stop, given_up) = (Stop::default(), Stop::default());
        let making = try_take(&root).expect("no error").expect("nobody has it");
        thread::scope(|scope| {
            let vain = scope.spawn(|| take(&roots, &chain(1), &given_up, unpack).map(drop));
            given_up.now();
            vain.join().expect("no panic").expect_err("it is still made");
            let other = scope.spawn(|| take(&roots, &chain(1), &stop, unpack).map(drop));
            fs::create_dir(&root).expect("a directory");
            drop(making);
            let _in_use = InUse::share(&root.with_extension(LOCK)).expect("who made it uses it");
            other.join().expect("no panic").expect("it is there");
        });
    }
}
