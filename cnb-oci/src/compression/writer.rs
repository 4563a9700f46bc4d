//! One layer.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::io::Write;
use std::sync::mpsc::Receiver;

use super::encoder::Frame;
use super::pool::BLOCK;
use super::pool::Compressor;
use super::pool::Encoded;

/// Compresses what is written to it. All output is written in the thread that writes to this.
pub struct CompressWriter<W> {
    compressor: Compressor,
    out: W,
    frame: Frame,
    /// Bytes that are not under way yet: less than a block.
    block: Vec<u8>,
    under_way: VecDeque<Receiver<io::Result<Encoded>>>,
    size: u64,
    started: bool,
}

impl<W: Write> CompressWriter<W> {
    pub(super) fn new(compressor: Compressor, out: W) -> Self {
        let frame = Frame::new(compressor.compression());
        let block = compressor.buffer();
        Self { compressor, out, frame, block, under_way: VecDeque::new(), size: 0, started: false }
    }

    /// Compresses what is left and gives the writer back, which is not flushed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        // Without any block, some formats are nothing at all, and that is no archive.
        if !self.block.is_empty() || self.size == 0 {
            self.start_block()?;
        }
        while let Some(first) = self.under_way.pop_front() {
            self.write_block(&first)?;
        }
        self.out.write_all(&self.frame.tail(self.size))?;
        Ok(self.out)
    }

    fn start_block(&mut self) -> io::Result<()> {
        if self.under_way.len() >= self.compressor.ahead()
            && let Some(first) = self.under_way.pop_front()
        {
            self.write_block(&first)?;
        }
        let block = std::mem::replace(&mut self.block, self.compressor.buffer());
        self.under_way.push_back(self.compressor.start(block)?);
        Ok(())
    }

    fn write_block(&mut self, block: &Receiver<io::Result<Encoded>>) -> io::Result<()> {
        let Encoded { bytes, checksum } =
            block.recv().map_err(|_| io::Error::other("a thread that compresses panicked"))??;
        if !self.started {
            self.started = true;
            self.out.write_all(&self.frame.head())?;
        }
        self.frame.add(&checksum);
        self.out.write_all(&bytes)?;
        self.compressor.recycle(bytes);
        Ok(())
    }
}

impl<W: Write> Write for CompressWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        self.size += taken as u64;
        if self.block.len() == BLOCK {
            self.start_block()?;
        }
        Ok(taken)
    }

    /// Does nothing: a block ends where it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: fmt::Debug> fmt::Debug for CompressWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompressWriter").field("out", &self.out).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::super::Compression;
    use super::*;
    use crate::apply::decompress;

    fn compressions() -> Vec<Compression> {
        let mut texts = vec!["gzip:1", "gzip:6", "uncompressed"];
        if cfg!(feature = "zstd") {
            texts.extend(["zstd:1", "zstd:3"]);
        }
        texts.into_iter().map(|text| text.parse().expect("a compression")).collect()
    }

    fn compress(compressor: &Compressor, bytes: &[u8], piece: usize) -> Vec<u8> {
        let mut writer = compressor.writer(Vec::new());
        for piece in bytes.chunks(piece.max(1)) {
            writer.write_all(piece).expect("memory");
        }
        writer.finish().expect("memory")
    }

    fn expand(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        let mut reader = decompress(compression.oci_media_type(), bytes).expect("a known compression");
        reader.read_to_end(&mut output).expect("what was compressed");
        output
    }

    #[test]
    fn bytes_depend_on_the_input_alone_and_come_back() {
        let block: Vec<u8> = (0..3 * BLOCK + 17).map(|i| (i * i / 7).to_le_bytes()[0]).collect();
        for compression in compressions() {
            let (one, three) = (Compressor::on(compression, 1), Compressor::on(compression, 3));
            for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, block.len()] {
                let input = &block[..size];
                let compressed = compress(&one, input, size);
                assert_eq!(compressed, compress(&three, input, 777_777), "{compression} {size}");
                assert!(expand(compression, &compressed) == input, "{compression} {size}");
            }
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
        for compression in compressions() {
            let compressed = compress(&Compressor::on(compression, 2), &input, BLOCK);
            assert!(expand(compression, &compressed) == input, "{compression}");
            assert!(compressed.len() >= input.len(), "{compression}");
        }
    }

    #[test]
    fn gzip_is_one_member() {
        let input = vec![7; 2 * BLOCK + 1];
        let compressed = compress(&Compressor::default(), &input, BLOCK);
        let mut output = Vec::new();
        let mut member = flate2::bufread::GzDecoder::new(&*compressed);
        member.read_to_end(&mut output).expect("gzip");
        assert!(output == input && member.into_inner().is_empty());
    }

    #[test]
    fn layers_share_threads_and_a_writer_that_fails_stops_none() {
        #[derive(Debug)]
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let compressor = Compressor::on(Compression::default(), 2);
        let input = vec![1; 9 * BLOCK];
        let mut full = compressor.writer(Full);
        let error = full.write_all(&input).and_then(|()| full.finish().map(|_| ())).expect_err("a full disk");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        // More layers than threads, a block of each at a time.
        let mut writers: Vec<_> = (0..7).map(|_| compressor.writer(Vec::new())).collect();
        for block in input.chunks(BLOCK / 2) {
            for writer in &mut writers {
                writer.write_all(block).expect("memory");
            }
        }
        for writer in writers {
            let compressed = writer.finish().expect("memory");
            assert!(expand(Compression::default(), &compressed) == input);
        }
    }
}
