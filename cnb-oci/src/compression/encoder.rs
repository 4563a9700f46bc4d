//! One block.

use std::io;

use crc32fast::Hasher as Crc32;
use flate2::Compress;
use flate2::FlushCompress;
use flate2::Status;

use super::Algorithm;
use super::Compression;

/// Compresses blocks, one after the other, with one state.
pub(super) enum Encoder {
    Gzip(Compress),
    Uncompressed,
    #[cfg(feature = "zstd")]
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Encoder {
    #[cfg_attr(
        not(feature = "zstd"),
        expect(clippy::unnecessary_wraps, reason = "making one for zstd may fail")
    )]
    pub(super) fn new(compression: Compression) -> io::Result<Self> {
        Ok(match compression.algorithm {
            Algorithm::Gzip => {
                Self::Gzip(Compress::new(flate2::Compression::new(compression.level.into()), false))
            }
            Algorithm::Uncompressed => Self::Uncompressed,
            #[cfg(feature = "zstd")]
            Algorithm::Zstd => Self::Zstd(zstd::bulk::Compressor::new(compression.level.into())?),
        })
    }

    /// Compresses a block into an empty buffer.
    pub(super) fn encode(&mut self, block: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Gzip(state) => deflate(state, block, output),
            Self::Uncompressed => {
                output.extend_from_slice(block);
                Ok(())
            }
            #[cfg(feature = "zstd")]
            Self::Zstd(state) => {
                output.reserve(zstd::zstd_safe::compress_bound(block.len()));
                state.compress_to_buffer(block, output).map(|_| ())
            }
        }
    }
}

/// Makes a piece of a deflate stream that ends at a byte and is not the last.
fn deflate(state: &mut Compress, block: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    state.reset();
    output.reserve(block.len() / 2 + 64);
    loop {
        let read = usize::try_from(state.total_in()).expect("it is at most the block");
        let status = state.compress_vec(&block[read..], output, FlushCompress::Sync)?;
        if state.total_in() == block.len() as u64 && output.len() < output.capacity() {
            return Ok(());
        }
        if status == Status::BufError || output.len() == output.capacity() {
            output.reserve(block.len() / 2 + 64);
        }
    }
}

/// What stands before, and what behind the blocks.
pub(super) enum Frame {
    /// Gzip keeps a checksum and the size modulo 2^32 of all blocks.
    Gzip {
        level: u8,
        checksum: Crc32,
    },
    None,
}

/// An empty deflate block that says it is the last one.
const END: [u8; 2] = [3, 0];

impl Frame {
    pub(super) fn new(compression: Compression) -> Self {
        match compression.algorithm {
            Algorithm::Gzip => Self::Gzip { level: compression.level, checksum: Crc32::new() },
            _ => Self::None,
        }
    }

    /// RFC 1952: magic number, method deflate, no flags, no time, how much was tried, unknown system.
    pub(super) fn head(&self) -> Vec<u8> {
        match self {
            Self::Gzip { level, .. } => {
                let effort = match level {
                    1 => 4,
                    9 => 2,
                    _ => 0,
                };
                vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, effort, 255]
            }
            Self::None => Vec::new(),
        }
    }

    /// Takes the checksum of the next block into account.
    pub(super) fn add(&mut self, block: &Crc32) {
        if let Self::Gzip { checksum, .. } = self {
            checksum.combine(block);
        }
    }

    /// The end of a stream of so many bytes.
    pub(super) fn tail(&self, size: u64) -> Vec<u8> {
        match self {
            Self::Gzip { checksum, .. } => {
                let checksum = checksum.clone().finalize();
                [&END[..], &checksum.to_le_bytes(), &size.to_le_bytes()[..4]].concat()
            }
            Self::None => Vec::new(),
        }
    }
}
