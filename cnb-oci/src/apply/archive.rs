//! Entries of a tar stream.
//!
//! Headers are parsed by the crate `tar`. The stream is cut into entries here, because that crate ends the
//! records of an extended header at line feeds, which the values of extended attributes may contain, and then
//! misses the records behind them: the size among them.
//!
//! Source: "pax Interchange Format" of POSIX, GNU's manual of tar, and `archive/tar` of Go for what they leave
//! open.

use std::collections::BTreeMap;
use std::io;
use std::io::ErrorKind;
use std::io::Read;

use rustix::fs::Timespec;
use tar::EntryType;
use tar::Header;

use super::pax;
use super::pax::Records;

const BLOCK: usize = 512;

/// Most bytes of a long name or of an extended header; as in Go.
const MAX_EXTENSION: u64 = 1 << 20;

/// An entry of a layer.
#[derive(Debug)]
pub(crate) struct Entry {
    pub path: Vec<u8>,
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub mtime: Timespec,
    /// Extended attributes: names and values.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether its header is in the format of GNU tar.
    pub is_gnu: bool,
    /// All records of its extended header, by key; nothing when it has none.
    pub records: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
}

/// What an entry is.
#[derive(Debug)]
pub(crate) enum Kind {
    Directory,
    /// Its content is next in the archive.
    Regular,
    Symlink(Vec<u8>),
    HardLink(Vec<u8>),
    Fifo,
    CharacterDevice {
        major: u32,
        minor: u32,
    },
    BlockDevice {
        major: u32,
        minor: u32,
    },
}

/// A tar stream.
#[derive(Debug)]
pub(crate) struct Archive<R> {
    input: R,
    /// Bytes of the current entry that were not read yet.
    content: u64,
    /// Bytes from its end to the next header.
    padding: u64,
}

impl<R: Read> Archive<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, content: 0, padding: 0 }
    }

    /// The next entry; the rest of the current one is skipped.
    pub(crate) fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        let mut extensions = Extensions::default();
        loop {
            self.skip_content()?;
            let Some(header) = self.header()? else {
                return if extensions.is_empty() {
                    Ok(None)
                } else {
                    Err(invalid("it ends before an entry"))
                };
            };
            let size = header.entry_size()?;
            match header.entry_type() {
                EntryType::XHeader => extensions.records = pax::parse(&self.extension(size)?)?,
                EntryType::GNULongName => extensions.path = Some(until_nul(self.extension(size)?)),
                EntryType::GNULongLink => extensions.target = Some(until_nul(self.extension(size)?)),
                // It has comments, as of git, and no attributes of files.
                EntryType::XGlobalHeader => drop(self.extension(size)?),
                _ => return self.entry(&header, size, extensions).map(Some),
            }
        }
    }

    /// How many bytes of content of the current entry were not read yet.
    pub(crate) fn content_size(&self) -> u64 {
        self.content
    }

    /// Reads content of the current entry: nothing once all of it was read.
    pub(crate) fn read_content(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.content).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        loop {
            match self.input.read(&mut buffer[..most]) {
                Ok(0) => return Err(truncated()),
                Ok(length) => {
                    self.content -= length as u64;
                    return Ok(length);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what is behind the archive: readers verify digests at the end.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        io::copy(&mut self.input, &mut io::sink()).map(|_| ())
    }

    fn entry(&mut self, header: &Header, size: u64, extensions: Extensions) -> io::Result<Entry> {
        let Extensions { records, path, target } = extensions;
        let path = path.or(records.path).unwrap_or_else(|| header.path_bytes().into_owned());
        let link_name = header.link_name_bytes().map(std::borrow::Cow::into_owned);
        let target = target.or(records.target).or(link_name).unwrap_or_default();
        let kind = match header.entry_type() {
            // The oldest tars have no type for directories.
            EntryType::Regular if header.as_old().linkflag == [0] && path.ends_with(b"/") => Kind::Directory,
            EntryType::Regular | EntryType::Continuous => Kind::Regular,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink(target),
            EntryType::Link => Kind::HardLink(target),
            EntryType::Fifo => Kind::Fifo,
            EntryType::Char => Kind::CharacterDevice { major: major(header)?, minor: minor(header)? },
            EntryType::Block => Kind::BlockDevice { major: major(header)?, minor: minor(header)? },
            EntryType::GNUSparse => return Err(unsupported("it has a sparse file")),
            _ => return Err(unsupported("it has an entry of unknown type")),
        };
        // Entries of other types have no content, whatever their size field says.
        if matches!(kind, Kind::Regular) {
            self.expect_content(records.size.unwrap_or(size))?;
        }
        let seconds = || header.mtime().map(|seconds| Timespec { tv_sec: seconds.cast_signed(), tv_nsec: 0 });
        Ok(Entry {
            path,
            kind,
            mode: header.mode()? & 0o7777,
            uid: records.uid.map_or_else(|| header.uid(), Ok)?,
            gid: records.gid.map_or_else(|| header.gid(), Ok)?,
            mtime: records.mtime.map_or_else(seconds, Ok)?,
            attributes: records.attributes,
            is_gnu: header.as_gnu().is_some(),
            records: Some(records.all).filter(|all| !all.is_empty()),
        })
    }

    /// The next header; nothing at the end of the archive.
    fn header(&mut self) -> io::Result<Option<Header>> {
        let mut block = [0; BLOCK];
        let mut length = 0;
        while length < BLOCK {
            match self.input.read(&mut block[length..]) {
                Ok(0) if length == 0 => return Ok(None),
                Ok(0) => return Err(truncated()),
                Ok(more) => length += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if block == [0; BLOCK] {
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block).clone();
        if header.cksum()? != checksum(&block) {
            return Err(invalid("the checksum of a header is wrong"));
        }
        Ok(Some(header))
    }

    /// The content of an entry that says something of the next one.
    fn extension(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > MAX_EXTENSION {
            return Err(invalid("an extended header has more than 1 MiB"));
        }
        self.expect_content(size)?;
        let mut bytes = Vec::new();
        (&mut self.input).take(size).read_to_end(&mut bytes)?;
        self.content -= bytes.len() as u64;
        if self.content == 0 { Ok(bytes) } else { Err(truncated()) }
    }

    fn expect_content(&mut self, size: u64) -> io::Result<()> {
        let block = BLOCK as u64;
        // Go takes no larger ones, and the padding cannot overflow.
        if i64::try_from(size).is_err() {
            return Err(invalid("the size of an entry is no number of bytes"));
        }
        (self.content, self.padding) = (size, size.next_multiple_of(block) - size);
        Ok(())
    }

    fn skip_content(&mut self) -> io::Result<()> {
        let rest = self.content + self.padding;
        let skipped = io::copy(&mut (&mut self.input).take(rest), &mut io::sink())?;
        // Go lets the padding of the last entry be missing.
        if skipped < self.content {
            return Err(truncated());
        }
        (self.content, self.padding) = (0, 0);
        Ok(())
    }
}

/// What earlier headers say of an entry.
#[derive(Debug, Default)]
struct Extensions {
    records: Records,
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.path.is_none() && self.target.is_none() && self.records == Records::default()
    }
}

pub(crate) fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason)
}

fn unsupported(reason: &'static str) -> io::Error {
    io::Error::new(ErrorKind::Unsupported, reason)
}

fn truncated() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "it ends within an entry")
}

/// The sum of the header's bytes, with its own field as spaces.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    sum(&block[..148]) + 8 * u32::from(b' ') + sum(&block[156..])
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|&byte| byte == 0) {
        bytes.truncate(end);
    }
    bytes
}

fn major(header: &Header) -> io::Result<u32> {
    header.device_major()?.ok_or_else(|| invalid("a device has no number"))
}

fn minor(header: &Header) -> io::Result<u32> {
    header.device_minor()?.ok_or_else(|| invalid("a device has no number"))
}
