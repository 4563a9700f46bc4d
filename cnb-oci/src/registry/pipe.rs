//! Bytes from a writer in one thread to a reader in another, hashed on the way.

use std::io;
use std::io::Read;
use std::io::Write;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;

use bytes::Buf as _;
use bytes::Bytes;
use bytes::BytesMut;

use crate::blob::Blob;
use crate::hash::Hasher;

/// The bytes that travel together.
const CHUNK: usize = 256 << 10;
/// The chunks that may wait for the reader.
const WAITING: usize = 4;

/// The end to write to. Dropped before [`PipeWriter::finish`], it makes the reader fail.
pub(super) struct PipeWriter {
    chunk: BytesMut,
    hasher: Hasher,
    chunks: SyncSender<Option<Bytes>>,
}

/// The end to read from.
pub(super) struct PipeReader {
    chunk: Bytes,
    chunks: Receiver<Option<Bytes>>,
    is_finished: bool,
    is_given_up: bool,
}

pub(super) fn pipe() -> (PipeWriter, PipeReader) {
    let (sender, receiver) = sync_channel(WAITING);
    let writer = PipeWriter { chunk: BytesMut::with_capacity(CHUNK), hasher: Hasher::new(), chunks: sender };
    (writer, PipeReader { chunk: Bytes::new(), chunks: receiver, is_finished: false, is_given_up: false })
}

impl PipeWriter {
    /// Says that this was all, and what it was.
    pub(super) fn finish(mut self) -> io::Result<Blob> {
        self.flush()?;
        self.chunks.send(None).map_err(|_| gone())?;
        Ok(Blob { size: self.hasher.size(), digest: self.hasher.finish() })
    }
}

impl PipeReader {
    /// Whether the writer was dropped before it was finished.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up
    }
}

impl Write for PipeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.hasher.update(&bytes[..taken]);
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == CHUNK {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.chunk, BytesMut::with_capacity(CHUNK));
        self.chunks.send(Some(full.freeze())).map_err(|_| gone())
    }
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && !self.is_finished {
            match self.chunks.recv() {
                Ok(Some(chunk)) => self.chunk = chunk,
                Ok(None) => self.is_finished = true,
                Err(_) => {
                    self.is_given_up = true;
                    return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the writer gave up"));
                }
            }
        }
        let read = self.chunk.len().min(buffer.len());
        self.chunk.copy_to_slice(&mut buffer[..read]);
        Ok(read)
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the reader is gone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_arrive_and_are_hashed() {
        let bytes: Vec<u8> = (0..3 * CHUNK + 17).map(|i| u8::try_from(i % 251).expect("small")).collect();
        let (mut writer, mut reader) = pipe();
        let read = std::thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).map(|_| read)
        });
        writer.write_all(&bytes).expect("the reader reads");
        let blob = writer.finish().expect("the reader reads");
        assert_eq!((blob.digest, blob.size), (crate::digest(&bytes), bytes.len() as u64));
        assert!(read.join().expect("no panic").expect("finished") == bytes);
    }

    #[test]
    fn a_writer_that_gives_up_is_no_end() {
        let (mut writer, mut reader) = pipe();
        writer.write_all(b"some").expect("there is room");
        writer.flush().expect("there is room");
        drop(writer);
        let mut read = Vec::new();
        assert_eq!(
            reader.read_to_end(&mut read).expect_err("not finished").kind(),
            io::ErrorKind::BrokenPipe
        );
        assert_eq!(read, b"some");
    }

    #[test]
    fn a_reader_that_is_gone_is_said() {
        let (mut writer, reader) = pipe();
        drop(reader);
        writer.write_all(b"some").expect("it is not full");
        assert_eq!(writer.finish().expect_err("nobody reads").kind(), io::ErrorKind::BrokenPipe);
    }
}
