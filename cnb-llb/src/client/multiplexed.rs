//! The streams of a container in one connection.

use std::io;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;

/// Standard output, of the streams that a header tells apart.
const STDOUT: u8 = 1;

/// How much of a complaint is kept, in bytes.
const COMPLAINT: usize = 4 * 1024;

/// The standard streams of a process without a terminal, as Docker Engine sends them: a header of 8 bytes (the stream,
/// three zeros, the length in big endian) before each piece of output; input as it is.
///
/// What the process writes to its standard error is why its output ends, if it does.
#[derive(Debug)]
pub(crate) struct Multiplexed<S> {
    stream: S,
    header: [u8; 8],
    /// How much of the header is there.
    filled: usize,
    /// How much of the piece is left.
    left: usize,
    /// The start of what the process wrote to its standard error.
    complaint: Vec<u8>,
}

impl<S> Multiplexed<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, header: [0; 8], filled: 0, left: 0, complaint: Vec::new() }
    }

    fn length(&self) -> usize {
        let [_, _, _, _, length @ ..] = self.header;
        u32::from_be_bytes(length) as usize
    }

    /// The end of the output: an error if the process complained.
    fn end(&self) -> io::Result<()> {
        match String::from_utf8_lossy(&self.complaint).trim() {
            "" => Ok(()),
            complaint => Err(io::Error::other(format!("the program in the container says: {complaint}"))),
        }
    }
}

impl<S: AsyncRead + Unpin> Multiplexed<S> {
    /// Reads up to the first byte of a piece. Returns whether there is one.
    fn poll_header(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.left == 0 {
            let mut buffer = ReadBuf::new(&mut self.header[self.filled..]);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            match buffer.filled().len() {
                0 if self.filled == 0 => return Poll::Ready(Ok(false)),
                0 => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                read => self.filled += read,
            }
            if self.filled == self.header.len() {
                self.filled = 0;
                self.left = self.length();
            }
        }
        Poll::Ready(Ok(true))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Multiplexed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while ready!(this.poll_header(context))? {
            let mut piece = [0; 8 * 1024];
            let output = this.header[0] == STDOUT;
            let room = if output { target.remaining() } else { piece.len() };
            let length = this.left.min(room).min(piece.len());
            let mut piece = ReadBuf::new(&mut piece[..length]);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut piece))?;
            match piece.filled() {
                [] => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                read => this.left -= read.len(),
            }
            if output {
                target.put_slice(piece.filled());
                return Poll::Ready(Ok(()));
            }
            let room = COMPLAINT - this.complaint.len();
            this.complaint.extend_from_slice(&piece.filled()[..piece.filled().len().min(room)]);
        }
        Poll::Ready(this.end())
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Multiplexed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    fn piece(stream: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0], length.as_slice(), bytes].concat()
    }

    #[tokio::test]
    async fn output_is_put_together() {
        let pieces = [piece(1, b"ab"), piece(2, b"\n"), piece(1, b""), piece(1, b"cd")].concat();
        let mut read = Vec::new();
        Multiplexed::new(pieces.as_slice()).read_to_end(&mut read).await.expect("it is whole");
        assert_eq!(read, b"abcd");
    }

    #[tokio::test]
    async fn complaints_are_why_the_output_ends() {
        let complaint = piece(2, b"error: no buildkitd\n");
        let pieces = [piece(1, b"ab"), complaint, piece(1, b"cd")].concat();
        let mut read = Vec::new();
        let error = Multiplexed::new(pieces.as_slice()).read_to_end(&mut read).await.expect_err("it is said");
        assert_eq!(error.to_string(), "the program in the container says: error: no buildkitd");
        assert_eq!(read, b"abcd");
        let long = piece(2, &[b'x'; 10_000]);
        let error = Multiplexed::new(long.as_slice()).read_to_end(&mut read).await.expect_err("it is said");
        assert!(error.to_string().ends_with("xxx") && error.to_string().len() < 5_000);
    }

    #[tokio::test]
    async fn a_piece_that_ends_early_is_an_error() {
        let whole = piece(1, b"abcd");
        for length in [1, 7, 8, 11] {
            let read = Multiplexed::new(&whole[..length]).read_to_end(&mut Vec::new()).await;
            assert_eq!(
                read.map_err(|error| error.kind()),
                Err(io::ErrorKind::UnexpectedEof),
                "{length} bytes"
            );
        }
    }
}
