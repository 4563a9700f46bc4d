//! Copies that tell errors of the reader from those of the writer.

use std::io;
use std::io::Read;
use std::io::Write;

/// Copies all of `from`.
pub(crate) fn copy<E>(
    from: &mut dyn Read,
    to: &mut dyn Write,
    read_failed: impl FnOnce(io::Error) -> E,
    write_failed: impl FnOnce(io::Error) -> E,
) -> Result<(), E> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                if let Err(error) = to.write_all(&buffer[..read]) {
                    return Err(write_failed(error));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read_failed(error)),
        }
    }
}
