//! Layers as text: one entry a line, `KIND PATH [KEY=VALUE]...`.
//!
//! KIND is `dir`, `file`, `hard`, `symlink`, `char`, `block`, `fifo` or the one byte of another type. Keys are
//! `content`, `dev` (`MAJOR:MINOR`), `gid`, `mode` (octal), `size` (in the header, true or not), `to` (target of
//! a link), `uid`; every other key is a record of an extended header. `%XX` is a byte. The line `layer` begins
//! another layer.

/// An entry of a tar.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) kind: u8,
    pub(crate) path: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) device: (u32, u32),
    size: Option<u64>,
    records: Vec<(Vec<u8>, Vec<u8>)>,
}

/// More would only be slow.
const MAX_ENTRIES: usize = 64;

/// Reads the entries of each layer; lines that are none are left out.
pub(crate) fn read(text: &str) -> Vec<Vec<Entry>> {
    let mut layers = vec![Vec::new()];
    for line in text.lines().take(MAX_ENTRIES) {
        if line == "layer" {
            layers.push(Vec::new());
        } else if let Some(entry) = Entry::read(line) {
            layers.last_mut().expect("there is one").push(entry);
        }
    }
    layers.retain(|layer| !layer.is_empty());
    layers
}

/// The tar of a layer.
pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut tar: Vec<u8> = entries.iter().flat_map(Entry::blocks).collect();
    tar.extend([0; 2 * BLOCK]);
    tar
}

/// Writes the right checksum into a header.
pub(crate) fn mend(header: &mut [u8; BLOCK]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().copied().map(u32::from).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

pub(crate) const BLOCK: usize = 512;

/// The bytes of a name in a header.
const NAME: usize = 100;

impl Entry {
    /// One line.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let kind = kind(words.next()?)?;
        let path = decode(words.next()?);
        let mode = if kind == b'5' { 0o755 } else { 0o644 };
        let mut entry = Self { kind, path, mode, ..Self::default() };
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            entry.set(key, value);
        }
        Some(entry)
    }

    /// The text of a key that is none of a header.
    pub(crate) fn record(&self, key: &str) -> Option<&str> {
        let (_, value) = self.records.iter().find(|(known, _)| known == key.as_bytes())?;
        str::from_utf8(value).ok()
    }

    fn set(&mut self, key: &str, value: &str) {
        match key {
            "content" => self.content = decode(value),
            "dev" => {
                let (major, minor) = value.split_once(':').unwrap_or((value, "0"));
                self.device = (major.parse().unwrap_or(0), minor.parse().unwrap_or(0));
            }
            "gid" => self.gid = value.parse().unwrap_or(0),
            "mode" => self.mode = u32::from_str_radix(value, 8).unwrap_or(0),
            "size" => self.size = value.parse().ok(),
            "to" => self.target = decode(value),
            "uid" => self.uid = value.parse().unwrap_or(0),
            _ => self.records.push((decode(key), decode(value))),
        }
    }

    /// Its headers and content.
    fn blocks(&self) -> Vec<u8> {
        let mut records = self.records.clone();
        if self.path.len() > NAME {
            records.insert(0, (b"path".to_vec(), self.path.clone()));
        }
        if self.target.len() > NAME {
            records.insert(0, (b"linkpath".to_vec(), self.target.clone()));
        }
        let mut blocks = Vec::new();
        if !records.is_empty() {
            let content: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
            let extension = Self { kind: b'x', path: b"records".to_vec(), content, ..Self::default() };
            blocks = extension.plain();
        }
        blocks.extend(self.plain());
        blocks
    }

    fn plain(&self) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        let short = |bytes: &[u8]| bytes[..bytes.len().min(NAME)].to_vec();
        let (path, target) = (short(&self.path), short(&self.target));
        header.as_old_mut().name[..path.len()].copy_from_slice(&path);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(&target);
        header.set_entry_type(tar::EntryType::new(self.kind));
        header.set_mode(self.mode);
        header.set_uid(self.uid);
        header.set_gid(self.gid);
        header.set_mtime(1);
        header.set_size(self.size.unwrap_or(self.content.len() as u64));
        header.set_device_major(self.device.0).expect("a GNU header has devices");
        header.set_device_minor(self.device.1).expect("a GNU header has devices");
        let mut block = *header.as_bytes();
        mend(&mut block);
        let mut blocks = block.to_vec();
        blocks.extend_from_slice(&self.content);
        blocks.resize(blocks.len().next_multiple_of(BLOCK), 0);
        blocks
    }
}

fn kind(word: &str) -> Option<u8> {
    Some(match word {
        "file" => b'0',
        "hard" => b'1',
        "symlink" => b'2',
        "char" => b'3',
        "block" => b'4',
        "dir" => b'5',
        "fifo" => b'6',
        _ => match decode(word).as_slice() {
            [kind] => *kind,
            _ => return None,
        },
    })
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (rest + 1..rest + 20).find(|length| rest + length.to_string().len() == *length);
    let mut record = format!("{} ", length.expect("there is one")).into_bytes();
    record.extend([key, b"=", value, b"\n"].concat());
    record
}

fn decode(word: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), word.as_bytes());
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        let escaped = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_listing_becomes_layers() {
        let path = "a/".repeat(60);
        let text =
            format!("dir a mode=700\nnone\nlayer\nfile {path}%00 content=x%0a uid=5 size=2\nhard b to=c\n");
        let layers = read(&text);
        assert_eq!(layers.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        let tar = tar(&layers[1]);
        let mut archive = tar::Archive::new(tar.as_slice());
        let mut entries = archive.entries().expect("a tar").map(|entry| entry.expect("an entry"));
        let mut file = entries.next().expect("the file");
        assert_eq!(*file.path_bytes(), *format!("{path}\0").as_bytes());
        assert_eq!((file.header().mode().ok(), file.header().uid().ok()), (Some(0o644), Some(5)));
        let mut content = String::new();
        file.read_to_string(&mut content).expect("its content");
        assert_eq!(content, "x\n");
        let link = entries.next().expect("the link");
        assert_eq!(link.link_name_bytes().as_deref(), Some(&b"c"[..]));
        assert_eq!(link.header().entry_type(), tar::EntryType::Link);
    }
}
