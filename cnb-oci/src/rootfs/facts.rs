//! What a root file system says of itself.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;

/// Where it says so; the first os-release counts, but is a link in most distributions.
const FILES: [&str; 3] = ["etc/passwd", "etc/os-release", "usr/lib/os-release"];
/// None of these is longer.
const MAX_FILE: u64 = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Facts {
    files: BTreeMap<&'static str, String>,
}

impl Facts {
    /// Reads a tar to its end.
    pub(super) fn read(tar: impl Read) -> io::Result<Self> {
        let mut facts = Self::default();
        let mut archive = tar::Archive::new(tar);
        let mut empty = true;
        for entry in archive.entries()? {
            let entry = entry?;
            empty = false;
            let path = entry.path()?;
            let path = path.strip_prefix(".").unwrap_or(&path);
            let known = FILES.into_iter().find(|file| path.as_os_str() == *file);
            if let Some(file) = known.filter(|_| entry.header().entry_type().is_file()) {
                facts.files.insert(file, io::read_to_string(entry.take(MAX_FILE))?);
            }
        }
        if empty { Err(io::Error::new(io::ErrorKind::InvalidData, "it has no entries")) } else { Ok(facts) }
    }

    /// The numbers of a user and its group in /etc/passwd.
    pub(super) fn user(&self, name: &str) -> Option<(&str, &str)> {
        let lines = self.files.get("etc/passwd")?.lines();
        lines.map(|line| line.split(':')).find_map(|mut fields| {
            (fields.next()? == name).then_some(())?;
            let (uid, gid) = (fields.nth(1)?, fields.next()?);
            (uid.parse::<u32>().is_ok() && gid.parse::<u32>().is_ok()).then_some((uid, gid))
        })
    }

    /// The text of os-release.
    pub(super) fn os_release(&self) -> Option<&str> {
        let file = FILES[1..].iter().find_map(|file| self.files.get(file))?;
        Some(file)
    }
}
