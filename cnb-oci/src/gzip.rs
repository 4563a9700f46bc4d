//! Gzip on all cores: each MiB becomes a member of its own.
//!
//! RFC 1952 lets a file have any number of members, and every reader of layers takes that. The bytes depend on
//! the input and the level alone, not on how many cores there are.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::io::Write;
use std::thread;
use std::thread::JoinHandle;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes that go into one member.
const MEMBER: usize = 1 << 20;

/// The level of the Go lifecycle: building often matters more than the last tenth of the size.
const LEVEL: u32 = 1;

/// Compresses what is written to it.
///
/// ```
/// use std::io::Read as _;
/// use std::io::Write as _;
///
/// use cnb_oci::gzip::GzipWriter;
///
/// let mut gzip = GzipWriter::new(Vec::new());
/// gzip.write_all(b"hello")?;
/// let bytes = gzip.finish()?;
/// let mut text = String::new();
/// flate2::read::MultiGzDecoder::new(&*bytes).read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct GzipWriter<W> {
    out: W,
    block: Vec<u8>,
    members: VecDeque<JoinHandle<io::Result<Vec<u8>>>>,
    cores: usize,
    empty: bool,
}

impl<W: Write> GzipWriter<W> {
    /// Compresses into `out` on the cores that this process may use.
    pub fn new(out: W) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { out, block: Vec::with_capacity(MEMBER), members: VecDeque::new(), cores, empty: true }
    }

    /// Compresses what is left and gives the writer back, which is not flushed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.block.is_empty() || self.empty {
            self.compress_block()?;
        }
        while !self.members.is_empty() {
            self.write_member()?;
        }
        Ok(self.out)
    }

    fn compress_block(&mut self) -> io::Result<()> {
        if self.members.len() >= self.cores {
            self.write_member()?;
        }
        self.empty = false;
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(MEMBER));
        self.members.push_back(thread::Builder::new().spawn(move || compress(&block))?);
        Ok(())
    }

    fn write_member(&mut self) -> io::Result<()> {
        let Some(member) = self.members.pop_front() else { return Ok(()) };
        let bytes = member.join().map_err(|_| io::Error::other("a thread that compresses panicked"))??;
        self.out.write_all(&bytes)
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(MEMBER - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == MEMBER {
            self.compress_block()?;
        }
        Ok(taken)
    }

    /// Does nothing: a member ends where it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: fmt::Debug> fmt::Debug for GzipWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GzipWriter").field("out", &self.out).finish_non_exhaustive()
    }
}

fn compress(block: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(block.len() / 2), Compression::new(LEVEL));
    encoder.write_all(block)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn gzip(bytes: &[u8], piece: usize, cores: usize) -> Vec<u8> {
        let mut gzip = GzipWriter { cores, ..GzipWriter::new(Vec::new()) };
        for piece in bytes.chunks(piece.max(1)) {
            gzip.write_all(piece).expect("memory");
        }
        gzip.finish().expect("memory")
    }

    #[test]
    fn bytes_depend_on_the_input_alone_and_come_back() {
        let block: Vec<u8> = (0..3 * MEMBER + 17).map(|i| (i * i / 7).to_le_bytes()[0]).collect();
        for size in [0, 1, MEMBER - 1, MEMBER, MEMBER + 1, block.len()] {
            let input = &block[..size];
            let compressed = gzip(input, size, 1);
            assert_eq!(compressed, gzip(input, 777_777, 3), "{size}");
            let mut output = Vec::new();
            flate2::read::MultiGzDecoder::new(&*compressed).read_to_end(&mut output).expect("gzip");
            assert!(output == input, "{size}");
        }
    }
}
