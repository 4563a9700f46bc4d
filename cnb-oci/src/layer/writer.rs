//! One layer, written entry by entry.

use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;

use cnb_core::backend::File;
use cnb_core::backend::FileKind;
use cnb_core::backend::Parent;
use cnb_core::digest::DiffId;

use super::Dialect;
use super::Error;
use super::header::BLOCK;
use super::header::Header;
use super::header::Kind;
use crate::hash::Hasher;

/// Writes the tar of one layer into `out` and hashes it on the way. Nothing but one buffer is kept in
/// memory.
///
/// ```
/// use cnb_core::backend::File;
/// use cnb_oci::layer::Dialect;
/// use cnb_oci::layer::LayerWriter;
///
/// let mut layer = LayerWriter::new(Vec::new(), Dialect::Lifecycle);
/// layer.file(&File::directory("/cnb"))?;
/// layer.file(&File::regular("/cnb/hello", "hello"))?;
/// let (tar, written) = layer.finish()?;
/// assert_eq!(written.size, 2560);
/// assert_eq!(tar.len(), 2560);
/// # Ok::<(), cnb_oci::layer::Error>(())
/// ```
#[derive(Debug)]
pub struct LayerWriter<W> {
    out: W,
    hasher: Hasher,
    dialect: Dialect,
    buffer: Vec<u8>,
}

/// A tar that was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Written {
    /// The digest of the tar.
    pub diff_id: DiffId,
    /// Its bytes.
    pub size: u64,
}

impl<W: Write> LayerWriter<W> {
    /// An empty layer.
    pub fn new(out: W, dialect: Dialect) -> Self {
        Self { out, hasher: Hasher::new(), dialect, buffer: vec![0; 256 * 1024] }
    }

    /// Adds a file given as a value, with its own mode and owner.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn file(&mut self, file: &File) -> Result<(), Error> {
        let (kind, content): (_, &[u8]) = match &file.kind {
            FileKind::Directory => (Kind::Directory, b""),
            FileKind::Regular(content) => (Kind::Regular { size: content.len() as u64 }, content),
            FileKind::Symlink(target) => (Kind::Symlink { target: target.as_bytes() }, b""),
        };
        let (uid, gid) = (file.owner.uid, file.owner.gid);
        self.header(Header { path: file.path.as_bytes(), kind, mode: file.mode, uid, gid, mtime: 0 })?;
        self.write(content)?;
        self.pad(content.len() as u64)
    }

    /// Adds a directory above the files of the layer.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn parent(&mut self, parent: &Parent) -> Result<(), Error> {
        let Parent { path, owner, mode } = parent;
        let kind = Kind::Directory;
        self.header(Header {
            path: path.as_bytes(),
            kind,
            mode: *mode,
            uid: owner.uid,
            gid: owner.gid,
            mtime: 0,
        })
    }

    /// Ends the tar. Gives back the writer, which is not flushed.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(mut self) -> Result<(W, Written), Error> {
        self.write(&[0; 2 * BLOCK])?;
        let size = self.hasher.size();
        Ok((self.out, Written { diff_id: self.hasher.finish(), size }))
    }

    /// Adds a header, as the dialect has it.
    pub(super) fn header(&mut self, header: Header<'_>) -> Result<(), Error> {
        let mut name = Vec::new();
        let header = self.dialect.header(header, &mut name);
        header.map_or(Ok(()), |header| self.write(&header.encode()))
    }

    /// Adds a header, as the dialect has it, in the encoding that is given.
    pub(super) fn header_as(
        &mut self,
        header: Header<'_>,
        encode: impl FnOnce(&Header<'_>) -> Vec<u8>,
    ) -> Result<(), Error> {
        let mut name = Vec::new();
        let header = self.dialect.header(header, &mut name);
        header.map_or(Ok(()), |header| self.write(&encode(&header)))
    }

    /// Adds exactly `size` bytes of the file at `path` and pads them to full blocks.
    pub(super) fn content(&mut self, content: &mut dyn Read, size: u64, path: &Path) -> Result<(), Error> {
        let mut left = size;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            let read = match content.read(&mut self.buffer[..wanted]) {
                Ok(0) => return Err(Error::Changed { path: path.to_owned() }),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
            };
            self.hasher.update(&self.buffer[..read]);
            self.out.write_all(&self.buffer[..read]).map_err(|source| Error::Write { source })?;
            left -= read as u64;
        }
        self.pad(size)
    }

    /// Fills the last block of `size` bytes.
    fn pad(&mut self, size: u64) -> Result<(), Error> {
        let missing = size.next_multiple_of(BLOCK as u64) - size;
        self.write(&[0; BLOCK][..usize::try_from(missing).expect("it is less than a block")])
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hasher.update(bytes);
        self.out.write_all(bytes).map_err(|source| Error::Write { source })
    }
}
