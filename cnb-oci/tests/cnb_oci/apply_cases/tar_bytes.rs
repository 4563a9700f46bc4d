//! Tars with whatever is wrong in them.

use tar::EntryType;
use tar::Header;

/// An entry with the size of its content.
pub(super) struct Raw {
    pub header: Header,
    pub content: Vec<u8>,
}

impl Raw {
    pub(super) fn new(name: impl AsRef<[u8]>, kind: EntryType) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000_000);
        header.set_size(0);
        let name = name.as_ref();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        Self { header, content: Vec::new() }
    }

    pub(super) fn set(mut self, change: impl FnOnce(&mut Header)) -> Self {
        change(&mut self.header);
        self
    }

    fn content(mut self, content: impl AsRef<[u8]>) -> Self {
        self.content = content.as_ref().to_vec();
        self.header.set_size(self.content.len() as u64);
        self
    }

    fn target(self, target: impl AsRef<[u8]>) -> Self {
        let target = target.as_ref().to_vec();
        self.set(|header| header.as_old_mut().linkname[..target.len()].copy_from_slice(&target))
    }
}

pub(super) fn file(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Raw {
    Raw::new(name, EntryType::Regular).content(content)
}

pub(super) fn dir(name: impl AsRef<[u8]>) -> Raw {
    Raw::new(name, EntryType::Directory)
}

pub(super) fn symlink(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Raw {
    Raw::new(name, EntryType::Symlink).target(target)
}

pub(super) fn hard_link(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Raw {
    Raw::new(name, EntryType::Link).target(target)
}

pub(super) fn device(name: &str, major: u32, minor: u32) -> Raw {
    Raw::new(name, EntryType::Char).set(|header| {
        header.set_device_major(major).expect("a number");
        header.set_device_minor(minor).expect("a number");
    })
}

/// What PAX says of the next entry.
pub(super) fn pax(records: &[(&str, &[u8])]) -> Raw {
    let mut bytes = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let length = (rest..rest + 10).find(|length| length - length.to_string().len() == rest);
        bytes.extend(format!("{} {key}=", length.expect("a number")).into_bytes());
        bytes.extend(*value);
        bytes.push(b'\n');
    }
    Raw::new("pax", EntryType::XHeader).content(bytes)
}

/// GNU's long name (`L`) or long target (`K`) of the next entry.
pub(super) fn gnu_long(kind: EntryType, name: &str) -> Raw {
    Raw::new("././@LongLink", kind).content(format!("{name}\0"))
}

pub(super) fn tar(entries: impl IntoIterator<Item = Raw>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for mut entry in entries {
        entry.header.set_cksum();
        bytes.extend(entry.header.as_bytes());
        bytes.extend(&entry.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}
