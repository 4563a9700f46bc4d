//! Bytes that nobody can guess.

use rustix::rand::GetRandomFlags;

use crate::exit::Exit;
use crate::exit::Failure;
use crate::exit::Result;

/// As many as are asked for, at most 256: so few come at once or not at all.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let failed = |reason: String| Failure::new(Exit::Machine, format!("no randomness: {reason}"));
    let count = rustix::rand::getrandom(&mut bytes, GetRandomFlags::empty());
    match count.map_err(|error| failed(error.to_string()))? {
        count if count == N => Ok(bytes),
        _ => Err(failed("too few bytes".to_owned())),
    }
}
