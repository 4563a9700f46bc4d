//! Modes of files as Go writes them.

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
pub(crate) const SPECIAL: [(u32, u32); 3] = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];

/// The permissions and special bits of Unix.
pub(crate) fn to_unix(mode: u32) -> u32 {
    let special = SPECIAL.iter().filter(|(_, go)| mode & go != 0).map(|(unix, _)| unix);
    special.fold(mode & 0o777, |mode, bit| mode | bit)
}
