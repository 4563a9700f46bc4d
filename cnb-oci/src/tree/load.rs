//! Files from outside become a tree.

use std::fs;
use std::fs::FileType;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cnb_core::backend::Error;
use cnb_core::backend::ErrorKind;
use cnb_core::backend::Filter;
use cnb_core::backend::Result;
use cnb_core::backend::User;
use rustix::fs::Mode;
use rustix::fs::OFlags;

use super::Draft;
use super::draft;
use super::error::at;
use super::error::errno_at;
use super::inside::DIRECTORY;

/// Copies a directory the way git sees it: directories 0755, files 0644 or 0755, links as they are.
/// Pipes, sockets and devices are left out.
pub(crate) fn load(draft: &Draft, from: &Path, filter: Option<&dyn Filter>, owner: User) -> Result<()> {
    draft.set_root(0o755, owner)?;
    let into = draft.inside().open(".", DIRECTORY).map_err(errno_at("open", draft.path()))?;
    Loading { draft, filter, owner }.children(from, "", &into)
}

struct Loading<'a> {
    draft: &'a Draft,
    filter: Option<&'a dyn Filter>,
    owner: User,
}

impl Loading<'_> {
    /// Copies what is in `from`, whose path in the tree is `prefix`, into `into`.
    fn children(&self, from: &Path, prefix: &str, into: &OwnedFd) -> Result<()> {
        for entry in fs::read_dir(from).map_err(at("list", from))? {
            let entry = entry.map_err(at("list", from))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(at("look at", &path))?;
            let name = entry.file_name().into_string().map_err(|_| not_text(&path))?;
            let inner = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if self.filter.is_none_or(|filter| filter.takes(&inner, kind.is_dir())) {
                self.child(&path, kind, &inner, into, &name)?;
            }
        }
        Ok(())
    }

    fn child(&self, path: &Path, kind: FileType, inner: &str, into: &OwnedFd, name: &str) -> Result<()> {
        if kind.is_dir() {
            let made = self.draft.make_directory(into, name, 0o755, self.owner);
            let flags = DIRECTORY | OFlags::NOFOLLOW;
            let opened = made.and_then(|()| rustix::fs::openat(into, name, flags, Mode::empty()));
            return self.children(path, inner, &opened.map_err(|errno| loading(path)(errno.into()))?);
        }
        if kind.is_symlink() {
            let target = fs::read_link(path).map_err(at("read the link", path))?;
            let target = target.to_str().ok_or_else(|| not_text(path))?;
            let made = self.draft.make_link(into, name, target, self.owner);
            return made.map_err(|errno| loading(path)(errno.into()));
        }
        if !kind.is_file() {
            tracing::warn!(path = %path.display(), "left out what is neither file, directory nor link");
            return Ok(());
        }
        self.file(path, into, name).map_err(loading(path))
    }

    fn file(&self, path: &Path, into: &OwnedFd, name: &str) -> io::Result<()> {
        let mut from = fs::File::open(path)?;
        let executable = from.metadata()?.permissions().mode() & 0o100 != 0;
        io::copy(&mut from, &mut draft::create(into, name)?)?;
        let mode = if executable { 0o755 } else { 0o644 };
        Ok(self.draft.finish_file(into, name, mode, self.owner)?)
    }
}

fn loading(path: &Path) -> impl FnOnce(io::Error) -> Error {
    at("take into a tree", path)
}

fn not_text(path: &Path) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("the name of {} is not UTF-8", path.display()))
}
