//! Tar headers as Go's `archive/tar` writes them when no format is chosen: USTAR where all fields fit, else
//! USTAR with PAX records for those that do not.
//!
//! Source: `archive/tar` of Go 1.26, `Header.allowedFormats`, `Writer.writeUSTARHeader`,
//! `Writer.writePAXHeader`. The crate `tar` writes other bytes for the same values, its checksum first.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// PAX records by key.
pub(crate) type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// Bytes of a tar block. Headers and contents are padded to it.
pub(crate) const BLOCK: usize = 512;

const NAME: usize = 100;
const PREFIX: usize = 155;
/// The largest number in a field of eight bytes: seven octal digits.
const MAX_SHORT: u64 = 0o7_777_777;
/// The largest number in a field of twelve bytes: eleven octal digits.
const MAX_LONG: u64 = 0o77_777_777_777;

/// What one tar entry says about a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) path: &'a [u8],
    pub(crate) kind: Kind<'a>,
    /// Permission bits with set-uid, set-gid and sticky.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Seconds since 1970.
    pub(crate) mtime: u64,
}

/// What kind of file a tar entry is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind<'a> {
    Block { major: u32, minor: u32 },
    Character { major: u32, minor: u32 },
    Directory,
    Fifo,
    HardLink { target: &'a [u8] },
    Regular { size: u64 },
    Symlink { target: &'a [u8] },
}

impl Kind<'_> {
    fn flag(self) -> u8 {
        match self {
            Kind::Regular { .. } => b'0',
            Kind::HardLink { .. } => b'1',
            Kind::Symlink { .. } => b'2',
            Kind::Character { .. } => b'3',
            Kind::Block { .. } => b'4',
            Kind::Directory => b'5',
            Kind::Fifo => b'6',
        }
    }

    fn device(self) -> (u32, u32) {
        match self {
            Kind::Block { major, minor } | Kind::Character { major, minor } => (major, minor),
            _ => (0, 0),
        }
    }

    fn size(self) -> u64 {
        if let Kind::Regular { size } = self { size } else { 0 }
    }

    fn target(&self) -> &[u8] {
        if let Kind::HardLink { target } | Kind::Symlink { target } = self { target } else { b"" }
    }
}

impl Header<'_> {
    /// The blocks that come before the content of the file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let records = self.records(None);
        if records.is_empty() {
            let (prefix, name) = split(self.path).unwrap_or((b"", self.path));
            return self.block(prefix, name, self.kind.target()).finish().to_vec();
        }
        self.pax(&records)
    }

    /// As [`Header::encode`] for an entry that has PAX records already; none of them is lost.
    pub(crate) fn encode_with(&self, records: &Records) -> Vec<u8> {
        self.pax(&self.records(Some(records)))
    }

    /// In the format of GNU tar, which has no records: long names are entries of their own.
    pub(crate) fn encode_gnu(&self) -> Vec<u8> {
        let mut blocks = Vec::new();
        for (flag, text) in [(b'L', self.path), (b'K', self.kind.target())] {
            if text.len() > NAME {
                let mut block = extension(flag, b"././@LongLink", text.len() + 1);
                block.make_gnu();
                blocks.extend_from_slice(&block.finish());
                blocks.extend_from_slice(text);
                blocks.resize((blocks.len() + 1).next_multiple_of(BLOCK), 0);
            }
        }
        let mut main = self.block(b"", self.path, self.kind.target());
        main.make_gnu();
        for (at, width, number) in
            [(108, 8, u64::from(self.uid)), (116, 8, u64::from(self.gid)), (124, 12, self.kind.size())]
        {
            main.binary(at, width, number);
        }
        blocks.extend_from_slice(&main.finish());
        blocks
    }

    fn pax(&self, records: &Records) -> Vec<u8> {
        let mut blocks = Vec::new();
        if !records.is_empty() {
            let mut text = Vec::new();
            for (key, value) in records {
                push_record(&mut text, key, value);
            }
            blocks.extend_from_slice(&pax_block(self.path, text.len()).finish());
            blocks.extend_from_slice(&text);
            blocks.resize(blocks.len().next_multiple_of(BLOCK), 0);
        }
        let main = self.block(b"", &ascii(self.path), &ascii(self.kind.target()));
        blocks.extend_from_slice(&main.finish());
        blocks
    }

    /// The PAX records that this header needs, and those that it has.
    fn records(&self, own: Option<&Records>) -> Records {
        let mut records = own.cloned().unwrap_or_default();
        let mut add = |key: &str, value: &[u8]| drop(records.insert(key.into(), value.into()));
        if u64::from(self.gid) > MAX_SHORT {
            add("gid", self.gid.to_string().as_bytes());
        }
        if u64::from(self.uid) > MAX_SHORT {
            add("uid", self.uid.to_string().as_bytes());
        }
        if self.kind.size() > MAX_LONG {
            add("size", self.kind.size().to_string().as_bytes());
        }
        let target = self.kind.target();
        if !target.is_ascii() || target.len() > NAME {
            add("linkpath", target);
        }
        // A header with records has no prefix.
        let is_pax = own.is_some() || !records.is_empty();
        let long = !self.path.is_ascii() || self.path.len() > NAME;
        if long && (is_pax || split(self.path).is_none()) {
            records.insert("path".into(), self.path.into());
        }
        records
    }

    fn block(&self, prefix: &[u8], name: &[u8], link: &[u8]) -> Block {
        let (major, minor) = self.kind.device();
        let mut block = Block::new(self.kind.flag());
        block.text(0, NAME, name);
        block.short(100, self.mode.into());
        block.short(108, self.uid.into());
        block.short(116, self.gid.into());
        block.long(124, self.kind.size());
        block.long(136, self.mtime);
        block.text(157, NAME, link);
        block.short(329, major.into());
        block.short(337, minor.into());
        block.text(345, PREFIX, prefix);
        block
    }
}

/// The header of a PAX entry with `size` bytes of records about `path`.
fn pax_block(path: &[u8], size: usize) -> Block {
    let base = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let path = [&path[..base], b"PaxHeaders.0/", &path[base..]].concat();
    let mut name = ascii(path_clean::clean(OsStr::from_bytes(&path)).as_os_str().as_bytes());
    name.truncate(NAME);
    while name.last() == Some(&b'/') {
        name.pop();
    }
    extension(b'x', &name, size)
}

/// The header of an entry with `size` bytes about the next one.
fn extension(flag: u8, name: &[u8], size: usize) -> Block {
    let mut block = Block::new(flag);
    block.text(0, NAME, name);
    block.short(100, 0);
    block.short(108, 0);
    block.short(116, 0);
    block.long(124, size as u64);
    block.long(136, 0);
    block
}

/// The one block of a header while it is filled.
struct Block([u8; BLOCK]);

impl Block {
    fn new(flag: u8) -> Self {
        let mut bytes = [0; BLOCK];
        bytes[156] = flag;
        bytes[257..265].copy_from_slice(b"ustar\x0000");
        Self(bytes)
    }

    /// Cuts what is too long. Where the cut is at a `/`, readers would take a file for a directory: Go ends
    /// the text before it.
    fn text(&mut self, at: usize, width: usize, text: &[u8]) {
        let cut = &text[..text.len().min(width)];
        self.0[at..at + cut.len()].copy_from_slice(cut);
        if text.len() > width && cut.last() == Some(&b'/') {
            let trimmed = cut.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
            self.0[at + trimmed] = 0;
        }
    }

    /// A number in eight bytes; zero when it does not fit, as it is in a PAX record then.
    fn short(&mut self, at: usize, number: u64) {
        let number = if number > MAX_SHORT { 0 } else { number };
        self.0[at..at + 8].copy_from_slice(format!("{number:07o}\0").as_bytes());
    }

    /// A number in twelve bytes; zero when it does not fit, as it is in a PAX record then.
    fn long(&mut self, at: usize, number: u64) {
        let number = if number > MAX_LONG { 0 } else { number };
        self.0[at..at + 12].copy_from_slice(format!("{number:011o}\0").as_bytes());
    }

    /// A number that is too large for octal digits, as the format of GNU has it.
    fn binary(&mut self, at: usize, width: usize, number: u64) {
        if number > if width == 8 { MAX_SHORT } else { MAX_LONG } {
            self.0[at..at + width - 8].fill(0);
            self.0[at + width - 8..at + width].copy_from_slice(&number.to_be_bytes());
            self.0[at] |= 0x80;
        }
    }

    fn make_gnu(&mut self) {
        self.0[257..265].copy_from_slice(b"ustar  \0");
    }

    fn finish(mut self) -> [u8; BLOCK] {
        self.0[148..156].fill(b' ');
        let sum: u32 = self.0.iter().copied().map(u32::from).sum();
        self.0[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

/// Cuts a long path at the last `/` that leaves a prefix and a name that fit.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= NAME || !path.is_ascii() {
        return None;
    }
    let searched = if path.len() > PREFIX + 1 {
        PREFIX + 1
    } else if path.ends_with(b"/") {
        path.len() - 1
    } else {
        path.len()
    };
    let slash = path[..searched].iter().rposition(|byte| *byte == b'/')?;
    let (prefix, name) = (&path[..slash], &path[slash + 1..]);
    let fits = !prefix.is_empty() && prefix.len() <= PREFIX && !name.is_empty() && name.len() <= NAME;
    fits.then_some((prefix, name))
}

/// Without the bytes that are not ASCII.
fn ascii(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(u8::is_ascii).collect()
}

/// Appends `<length> <key>=<value>\n`, where the length counts its own digits.
fn push_record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    for part in [format!("{length} ").as_bytes(), key, b"=", value, b"\n"] {
        records.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;

    use super::*;

    fn symlink<'a>(path: &'a [u8], target: &'a [u8], uid: u32) -> Header<'a> {
        Header { path, kind: Kind::Symlink { target }, mode: 0o777, uid, gid: 7, mtime: 315_532_801 }
    }

    #[test]
    fn fields_that_fit_take_one_block() {
        let long = [b"/a".repeat(60), b"/b".to_vec()].concat();
        for path in [&b"/a"[..], &b"x".repeat(100), &long] {
            assert_eq!(symlink(path, b"t", 1).encode().len(), BLOCK, "{}", path.escape_ascii());
        }
    }

    #[test]
    fn fields_that_do_not_fit_become_sorted_records() {
        let encoded = symlink("/é".as_bytes(), &b"t".repeat(101), 0o10_000_000).encode();
        assert_eq!(&encoded[..15], b"/PaxHeaders.0\0\0");
        let records = &encoded[BLOCK..2 * BLOCK];
        let expected =
            [b"115 linkpath=", &b"t".repeat(101)[..], b"\n12 path=/\xc3\xa9\n15 uid=2097152\n\0"].concat();
        assert!(records.starts_with(&expected), "{}", records.escape_ascii());
        assert_eq!(&encoded[2 * BLOCK..2 * BLOCK + 2], b"/\0");
        assert_eq!(&encoded[2 * BLOCK + 108..2 * BLOCK + 116], b"0000000\0");
    }

    #[test]
    fn the_length_of_a_record_counts_its_own_digits() {
        for (value, expected) in [(1, 5), (5, 9), (6, 11), (94, 99), (95, 101)] {
            let mut records = Vec::new();
            push_record(&mut records, b"", &vec![b'v'; value]);
            assert_eq!(records.len(), expected);
            assert!(records.starts_with(format!("{expected} =").as_bytes()));
        }
    }

    /// The generator of `tests/go/headers.go`.
    struct Random(u64);

    impl Random {
        fn next(&mut self, below: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % below
        }

        fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
            choices[usize::try_from(self.next(choices.len() as u64)).expect("a few")]
        }

        fn id(&mut self) -> u32 {
            let below = self.one_of(&[3000, 1 << 32]);
            self.small(below)
        }

        fn byte(&mut self, first: u8, below: u64) -> u8 {
            first + u8::try_from(self.next(below)).expect("it is below 256")
        }

        fn text(&mut self, start: &[u8]) -> Vec<u8> {
            let longest = self.one_of(&[20, 110, 300]);
            let mut text = start.to_vec();
            let odd = self.next(4) == 0;
            for _ in 0..=self.next(longest) {
                if odd && self.next(20) == 0 {
                    text.push(self.byte(0x80, 0x80));
                } else if self.next(25) == 0 && !text.ends_with(b"/") {
                    text.push(b'/');
                } else {
                    text.push(self.byte(b'b', 20));
                }
            }
            while text.ends_with(b"/") {
                text.pop();
            }
            text.push(b'z');
            text
        }

        fn small(&mut self, below: u64) -> u32 {
            u32::try_from(self.next(below)).expect("it is below 2^32")
        }
    }

    #[test]
    fn go_writes_the_same_headers() {
        let mut random = Random(1);
        let mut hasher = crate::hash::Hasher::new();
        for _ in 0..20_000 {
            let flag = random.one_of(b"023456");
            let path = random.text(b"/a");
            let mode = random.small(0o10_000);
            let (uid, gid) = (random.id(), random.id());
            let target;
            let kind = match flag {
                b'0' => Kind::Regular { size: random.next(1 << 31) << random.next(8) },
                b'2' => {
                    target = random.text(b"a");
                    Kind::Symlink { target: &target }
                }
                b'3' => Kind::Character { major: random.small(4096), minor: random.small(1 << 20) },
                b'4' => Kind::Block { major: random.small(4096), minor: random.small(1 << 20) },
                b'5' => Kind::Directory,
                _ => Kind::Fifo,
            };
            hasher.update(&Header { path: &path, kind, mode, uid, gid, mtime: 315_532_801 }.encode());
        }
        assert_eq!(hasher.finish().hex(), "ef5024fc2576688a81c01c03007e01b322b99d0970a9edc98cc94d0df70d75c1");
    }

    /// Any byte but NUL, which no file name has, and the line feed, where the crate `tar` ends a PAX record.
    fn byte() -> impl Strategy<Value = u8> {
        (1..=255u8).prop_filter("readable", |byte| *byte != b'\n')
    }

    fn kinds() -> impl Strategy<Value = (u8, u64, Vec<u8>)> {
        (0..6u8, prop_oneof![0..10u64, MAX_LONG - 1..MAX_LONG + 3], prop::collection::vec(byte(), 1..200))
    }

    fn paths() -> impl Strategy<Value = Vec<u8>> {
        let name = prop_oneof![
            prop::collection::vec(b'a'..=b'z', 1..120),
            prop::collection::vec(byte().prop_filter("no separator", |byte| *byte != b'/'), 1..20),
        ];
        prop::collection::vec(name, 1..6).prop_map(|names| [b"/", &names.join(&b'/')[..]].concat())
    }

    proptest! {
        #[test]
        fn another_reader_reads_what_is_written(
            path in paths(),
            (kind, size, target) in kinds(),
            mode in 0..0o10_000u32,
            uid: u32,
            gid: u32,
        ) {
            let kind = match kind {
                0 => Kind::Block { major: 8, minor: 1_048_575 },
                1 => Kind::Character { major: 1, minor: 3 },
                2 => Kind::Directory,
                3 => Kind::Fifo,
                4 => Kind::Regular { size },
                _ => Kind::Symlink { target: &target },
            };
            let header = Header { path: &path, kind, mode, uid, gid, mtime: 315_532_801 };
            let bytes = header.encode();
            prop_assert_eq!(bytes.len() % BLOCK, 0);
            let mut archive = tar::Archive::new(bytes.chain(std::io::repeat(0)));
            let entry = archive.entries().expect("entries").next().expect("an entry").expect("it is valid");
            prop_assert_eq!(&*entry.path_bytes(), &path[..]);
            prop_assert_eq!(entry.link_name_bytes().unwrap_or_default(), kind.target());
            prop_assert_eq!(entry.header().mode().expect("mode"), mode);
            prop_assert_eq!(entry.size(), kind.size());
            prop_assert_eq!(entry.header().entry_type().as_byte(), kind.flag());
            if uid <= 0o7_777_777 {
                prop_assert_eq!(entry.header().uid().expect("uid"), u64::from(uid));
            }
            if gid <= 0o7_777_777 {
                prop_assert_eq!(entry.header().gid().expect("gid"), u64::from(gid));
            }
        }
    }
}
