//! Records of extended headers.
//!
//! A record is `LENGTH KEY=VALUE\n`, where the length in decimal digits counts the whole record. Source: "pax
//! Extended Header" of POSIX; attributes are records `SCHILY.xattr.NAME`, as in star.

use std::collections::BTreeMap;
use std::io;

use rustix::fs::Timespec;

use super::archive::invalid;

const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

/// What an extended header says of the next entry.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Records {
    pub path: Option<Vec<u8>>,
    /// The target of a link.
    pub target: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u64>,
    pub gid: Option<u64>,
    pub mtime: Option<Timespec>,
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// Everything, by key.
    pub all: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Reads an extended header.
pub(super) fn parse(mut bytes: &[u8]) -> io::Result<Records> {
    let mut records = Records::default();
    while !bytes.is_empty() {
        let (key, value, rest) = record(bytes).ok_or_else(|| invalid("an extended header is malformed"))?;
        records.set(key, value)?;
        bytes = rest;
    }
    Ok(records)
}

impl Records {
    fn set(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.all.insert(key.to_vec(), value.to_vec());
        if let Some(name) = key.strip_prefix(ATTRIBUTE) {
            self.attributes.push((name.to_vec(), value.to_vec()));
            return Ok(());
        }
        if key.starts_with(b"GNU.sparse.") {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "it has a sparse file"));
        }
        // An empty value takes a record back.
        let text = (!value.is_empty()).then_some(value);
        match key {
            b"path" => self.path = text.map(<[u8]>::to_vec),
            b"linkpath" => self.target = text.map(<[u8]>::to_vec),
            b"size" => self.size = text.map(number).transpose()?,
            b"uid" => self.uid = text.map(number).transpose()?,
            b"gid" => self.gid = text.map(number).transpose()?,
            b"mtime" => self.mtime = text.map(time).transpose()?,
            _ => {}
        }
        Ok(())
    }
}

/// Key and value of the first record, and what is behind it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|&byte| byte == b' ')?;
    let length = usize::try_from(number(&bytes[..space]).ok()?).ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], rest))
}

fn number(digits: &[u8]) -> io::Result<u64> {
    let text = str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    text.and_then(|text| text.parse().ok()).ok_or_else(|| invalid("a number in an extended header is none"))
}

/// Seconds since 1970, which may be negative and have decimals.
fn time(text: &[u8]) -> io::Result<Timespec> {
    let (text, negative) = text.strip_prefix(b"-").map_or((text, false), |text| (text, true));
    let dot = text.iter().position(|&byte| byte == b'.').unwrap_or(text.len());
    let seconds = number(&text[..dot])?;
    let seconds = i64::try_from(seconds).map_err(|_| invalid("a time in an extended header is too far"))?;
    let mut decimals = text.get(dot + 1..).unwrap_or_default().to_vec();
    decimals.resize(9, b'0');
    let nanoseconds = number(&decimals)?.cast_signed();
    Ok(match (negative, nanoseconds) {
        (false, _) => Timespec { tv_sec: seconds, tv_nsec: nanoseconds },
        (true, 0) => Timespec { tv_sec: -seconds, tv_nsec: 0 },
        (true, _) => Timespec { tv_sec: -seconds - 1, tv_nsec: 1_000_000_000 - nanoseconds },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_have_any_bytes() {
        let mut bytes = b"28 SCHILY.xattr.user.a=\n\xff\0=\n".to_vec();
        bytes.extend(b"12 path=a\xffb\n");
        let records = parse(&bytes).expect("records");
        assert_eq!(records.attributes, [(b"user.a".to_vec(), b"\n\xff\0=".to_vec())]);
        assert_eq!(records.path.as_deref(), Some(&b"a\xffb"[..]));
    }

    #[test]
    fn malformed_records_are_refused() {
        let malformed: &[&[u8]] = &[
            b"x",
            b"8 path=a\n",
            b"11 path=a\n",
            b"10 path=a ",
            b"7 path\n",
            b"-1 path=a\n",
            b"1 path=a\n",
            b"0 a=b\n",
            b"99999999999999999999 a=b\n",
            b"9 uid=-1\n",
            b"9 size=x\n",
            b"13 mtime=1.x\n",
        ];
        for bytes in malformed {
            assert!(parse(bytes).is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn times_have_decimals() {
        let cases: &[(&[u8], (i64, i64))] = &[
            (b"0", (0, 0)),
            (b"12.5", (12, 500_000_000)),
            (b"1.0000000019", (1, 1)),
            (b"-1", (-1, 0)),
            (b"-1.25", (-2, 750_000_000)),
        ];
        for (text, (seconds, nanoseconds)) in cases {
            let time = time(text).expect("a time");
            assert_eq!((time.tv_sec, time.tv_nsec), (*seconds, *nanoseconds));
        }
    }
}
