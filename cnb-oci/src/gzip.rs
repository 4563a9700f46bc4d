//! Gzip on all cores.
//!
//! The input is cut into blocks of one MiB that are deflated apart from each other; put together they are one
//! stream, as RFC 1951 lets blocks follow each other, and one gzip member, as some readers stop after the
//! first. The bytes depend on the input and the level alone, not on how many cores there are.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::io::Write;
use std::thread;
use std::thread::JoinHandle;

use crc32fast::Hasher as Crc32;
use flate2::Compress;
use flate2::Compression;
use flate2::FlushCompress;
use flate2::Status;

/// Bytes that are deflated together.
const BLOCK: usize = 1 << 20;

/// The level of the Go lifecycle: building often matters more than the last tenth of the size.
const LEVEL: u32 = 1;

/// RFC 1952: magic number, method deflate, no flags, no time, fastest, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// An empty deflate block that says it is the last one.
const END: [u8; 2] = [3, 0];

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
/// flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct GzipWriter<W> {
    out: W,
    block: Vec<u8>,
    deflating: VecDeque<JoinHandle<io::Result<Deflated>>>,
    cores: usize,
    checksum: Crc32,
    /// Bytes that went in; gzip keeps them modulo 2^32.
    size: u32,
    started: bool,
}

impl<W: Write> GzipWriter<W> {
    /// Compresses into `out` on the cores that this process may use.
    pub fn new(out: W) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let block = Vec::with_capacity(BLOCK);
        Self {
            out,
            block,
            deflating: VecDeque::new(),
            cores,
            checksum: Crc32::new(),
            size: 0,
            started: false,
        }
    }

    /// Compresses what is left and gives the writer back, which is not flushed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.block.is_empty() {
            self.deflate_block()?;
        }
        while !self.deflating.is_empty() {
            self.write_deflated()?;
        }
        self.start()?;
        self.out.write_all(&END)?;
        self.out.write_all(&self.checksum.finalize().to_le_bytes())?;
        self.out.write_all(&self.size.to_le_bytes())?;
        Ok(self.out)
    }

    fn start(&mut self) -> io::Result<()> {
        if !self.started {
            self.started = true;
            self.out.write_all(&HEADER)?;
        }
        Ok(())
    }

    fn deflate_block(&mut self) -> io::Result<()> {
        if self.deflating.len() >= self.cores {
            self.write_deflated()?;
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        self.deflating.push_back(thread::Builder::new().spawn(move || Deflated::new(&block))?);
        Ok(())
    }

    fn write_deflated(&mut self) -> io::Result<()> {
        let Some(deflating) = self.deflating.pop_front() else { return Ok(()) };
        let deflated =
            deflating.join().map_err(|_| io::Error::other("a thread that compresses panicked"))??;
        self.start()?;
        self.checksum.combine(&deflated.checksum);
        self.size = self.size.wrapping_add(deflated.size);
        self.out.write_all(&deflated.bytes)
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == BLOCK {
            self.deflate_block()?;
        }
        Ok(taken)
    }

    /// Does nothing: a block ends where it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: fmt::Debug> fmt::Debug for GzipWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GzipWriter").field("out", &self.out).finish_non_exhaustive()
    }
}

/// A block of the input as a piece of a deflate stream that ends at a byte and is not the last.
struct Deflated {
    bytes: Vec<u8>,
    checksum: Crc32,
    size: u32,
}

impl Deflated {
    fn new(block: &[u8]) -> io::Result<Self> {
        let mut checksum = Crc32::new();
        checksum.update(block);
        let mut compress = Compress::new(Compression::new(LEVEL), false);
        let mut bytes = Vec::with_capacity(block.len() / 2 + 64);
        loop {
            let read = usize::try_from(compress.total_in()).expect("it is at most the block");
            let status = compress.compress_vec(&block[read..], &mut bytes, FlushCompress::Sync)?;
            let complete = compress.total_in() == block.len() as u64 && bytes.len() < bytes.capacity();
            if complete {
                break;
            }
            if status == Status::BufError || bytes.len() == bytes.capacity() {
                bytes.reserve(block.len() / 2 + 64);
            }
        }
        let size = u32::try_from(block.len()).expect("a block is small");
        Ok(Self { bytes, checksum, size })
    }
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
        let block: Vec<u8> = (0..3 * BLOCK + 17).map(|i| (i * i / 7).to_le_bytes()[0]).collect();
        for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, block.len()] {
            let input = &block[..size];
            let compressed = gzip(input, size, 1);
            assert_eq!(compressed, gzip(input, 777_777, 3), "{size}");
            let mut output = Vec::new();
            flate2::read::GzDecoder::new(&*compressed).read_to_end(&mut output).expect("gzip");
            assert!(output == input, "{size}");
        }
    }

    #[test]
    fn what_cannot_be_compressed_comes_back_too() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let noise = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        });
        let input: Vec<u8> = noise.take(2 * BLOCK + 1).collect();
        let mut output = Vec::new();
        let compressed = gzip(&input, BLOCK, 2);
        flate2::read::GzDecoder::new(&*compressed).read_to_end(&mut output).expect("gzip");
        assert!(output == input && compressed.len() > input.len());
    }
}
