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

/// The standard streams of a process without a terminal, as Docker Engine sends them: a header of 8 bytes (the stream,
/// three zeros, the length in big endian) before each piece of output; input as it is.
///
/// What the process writes to its standard error is passed over.
#[derive(Debug)]
pub(crate) struct Multiplexed<S> {
    stream: S,
    header: [u8; 8],
    /// How much of the header is there.
    filled: usize,
    /// How much of the piece is left.
    left: usize,
}

impl<S> Multiplexed<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, header: [0; 8], filled: 0, left: 0 }
    }

    fn length(&self) -> usize {
        let [_, _, _, _, length @ ..] = self.header;
        u32::from_be_bytes(length) as usize
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
        }
        Poll::Ready(Ok(()))
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
    async fn output_is_put_together_and_the_rest_passed_over() {
        let pieces = [piece(1, b"ab"), piece(2, &[b'x'; 10_000]), piece(1, b""), piece(1, b"cd")].concat();
        let mut read = Vec::new();
        Multiplexed::new(pieces.as_slice()).read_to_end(&mut read).await.expect("it is whole");
        assert_eq!(read, b"abcd");
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
