//! Where the program keeps things and finds its helpers.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use cnb_cache::store::FileStore;

use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// The cache directory: `--cache-dir`, else `$XDG_CACHE_HOME/cnb`, else `$HOME/.cache/cnb`.
///
/// Call it before entering a user namespace: what is a home directory depends on the user.
pub(crate) fn cache_dir(flag: Option<&Path>) -> Result<PathBuf> {
    let directory = match flag {
        Some(directory) => directory.to_owned(),
        None => user_cache().ok_or_else(|| {
            let message = "no directory for caches: set HOME or XDG_CACHE_HOME, or pass --cache-dir DIR";
            Failure::new(Exit::Machine, message)
        })?,
    };
    std::path::absolute(&directory)
        .map_err(|error| Failure::new(Exit::Other, format!("`{}` is no path: {error}", directory.display())))
}

/// The store in a cache directory.
pub(crate) fn store(cache_dir: &Path) -> FileStore {
    FileStore::new(cache_dir.join("store"), Arc::new(now))
}

/// Seconds since 1970.
#[allow(clippy::disallowed_methods, reason = "a program reads its clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[allow(clippy::disallowed_methods, reason = "a program reads its environment")]
fn user_cache() -> Option<PathBuf> {
    // Relative values are invalid: XDG base directory specification.
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|dir| dir.join("cnb"))
}

/// A helper program that is installed beside this one.
///
/// It must be statically linked: it runs in root file systems that have no libraries for it.
pub(crate) fn helper(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().map_err(|error| {
        Failure::new(Exit::Machine, format!("the path of this program is unknown: {error}"))
    })?;
    let beside = own.with_file_name(name);
    if beside.is_file() {
        return Ok(beside);
    }
    let message = format!(
        "the helper program `{name}` is not installed: `{}` does not exist\n  \
         help: it belongs beside `cnb`; from a checkout, `cargo xtask dist` builds all programs into \
         target/dist",
        beside.display()
    );
    Err(Failure::new(Exit::Machine, message))
}
