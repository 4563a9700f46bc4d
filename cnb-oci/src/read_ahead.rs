//! Reading in a thread of its own.

use std::fmt;
use std::io;
use std::io::Read;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::sync::mpsc::sync_channel;
use std::thread;

/// The bytes that travel together.
const CHUNK: usize = 256 << 10;
/// The chunks that may wait for the reader.
const WAITING: usize = 4;

/// Reads ahead of who uses the bytes: what comes before, such as hashing and expanding, happens at the same time as
/// what comes behind, such as writing files.
///
/// ```
/// use std::io::Read as _;
///
/// use cnb_oci::read_ahead::ReadAhead;
///
/// let mut text = String::new();
/// ReadAhead::new(&b"hello"[..])?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ReadAhead {
    /// An empty one is the end.
    chunks: Receiver<io::Result<Vec<u8>>>,
    used: Sender<Vec<u8>>,
    chunk: Vec<u8>,
    position: usize,
    is_at_end: bool,
}

impl ReadAhead {
    /// Reads until this is dropped, `from` is at its end, or reading fails.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn new(mut from: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, chunks) = sync_channel(WAITING);
        let (used, free) = channel();
        let read = move || {
            loop {
                let chunk = next(&mut from, free.try_recv().unwrap_or_default());
                let is_last = chunk.as_ref().map_or(true, Vec::is_empty);
                if sender.send(chunk).is_err() || is_last {
                    return;
                }
            }
        };
        thread::Builder::new().name("read".to_owned()).spawn(read)?;
        Ok(Self { chunks, used, chunk: Vec::new(), position: 0, is_at_end: false })
    }
}

fn next(from: &mut impl Read, mut chunk: Vec<u8>) -> io::Result<Vec<u8>> {
    chunk.resize(CHUNK, 0);
    loop {
        match from.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => {
                chunk.truncate(read?);
                return Ok(chunk);
            }
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position == self.chunk.len() && !self.is_at_end && !buffer.is_empty() {
            // Without a word of its own the end would be that of a thread that failed.
            let next = self.chunks.recv().map_err(|_| io::Error::other("nothing comes after an error"))??;
            self.is_at_end = next.is_empty();
            self.position = 0;
            // The thread may have ended.
            let _ = self.used.send(std::mem::replace(&mut self.chunk, next));
        }
        let taken = buffer.len().min(self.chunk.len() - self.position);
        buffer[..taken].copy_from_slice(&self.chunk[self.position..self.position + taken]);
        self.position += taken;
        Ok(taken)
    }
}

impl fmt::Debug for ReadAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadAhead").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces, then an error or the end.
    struct Pieces(Vec<Vec<u8>>, Option<io::ErrorKind>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return self.1.map_or(Ok(0), |kind| Err(kind.into()));
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn all_bytes_come_in_order_and_then_the_end() {
        let pieces: Vec<Vec<u8>> = (1..50).map(|i| vec![i; usize::from(i) * 1000]).collect();
        let mut reader = ReadAhead::new(Pieces(pieces.clone(), None)).expect("a thread");
        let mut read = Vec::new();
        reader.read_to_end(&mut read).expect("no error");
        assert!(read == pieces.concat());
        assert_eq!(reader.read(&mut [0; 8]).expect("still the end"), 0);
    }

    #[test]
    fn an_error_is_no_end_and_an_early_drop_none_either() {
        let kind = io::ErrorKind::InvalidData;
        let mut reader = ReadAhead::new(Pieces(vec![vec![1; 10]], Some(kind))).expect("a thread");
        let mut read = Vec::new();
        assert_eq!(reader.read_to_end(&mut read).expect_err("its error").kind(), kind);
        assert_eq!(read, [1; 10]);
        reader.read(&mut [0; 8]).expect_err("not the end");
        drop(ReadAhead::new(io::repeat(1)).expect("a thread"));
    }
}
