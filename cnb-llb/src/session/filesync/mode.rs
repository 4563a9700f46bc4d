//! Modes of files as Go writes them.

use std::fs::FileType;
use std::os::unix::fs::FileTypeExt;

/// A directory.
pub(crate) const DIRECTORY: u32 = 1 << 31;
/// A symbolic link.
pub(crate) const SYMLINK: u32 = 1 << 27;
/// A device; of blocks unless it is of characters.
pub(crate) const DEVICE: u32 = 1 << 26;
/// A named pipe.
pub(crate) const NAMED_PIPE: u32 = 1 << 25;
/// A socket.
pub(crate) const SOCKET: u32 = 1 << 24;
/// The device is one of characters.
pub(crate) const CHARACTERS: u32 = 1 << 21;
/// Anything but a regular file.
pub(crate) const KIND: u32 = DIRECTORY | SYMLINK | DEVICE | NAMED_PIPE | SOCKET | CHARACTERS | 1 << 19;

/// Bits of Unix beside the permissions, and Go's for the same.
const SPECIAL: [(u32, u32); 3] = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];

/// Go's mode for a kind of file and the bits of Unix.
pub(crate) fn from_unix(kind: FileType, mode: u32) -> u32 {
    let bits = if kind.is_dir() {
        DIRECTORY
    } else if kind.is_symlink() {
        SYMLINK
    } else if kind.is_char_device() {
        DEVICE | CHARACTERS
    } else if kind.is_block_device() {
        DEVICE
    } else if kind.is_fifo() {
        NAMED_PIPE
    } else if kind.is_socket() {
        SOCKET
    } else {
        0
    };
    let special = SPECIAL.iter().filter(|(unix, _)| mode & unix != 0).map(|(_, go)| go);
    special.fold(bits | (mode & 0o777), |mode, bit| mode | bit)
}

/// The permissions and special bits of Unix.
pub(crate) fn to_unix(mode: u32) -> u32 {
    let special = SPECIAL.iter().filter(|(_, go)| mode & go != 0).map(|(unix, _)| unix);
    special.fold(mode & 0o777, |mode, bit| mode | bit)
}
