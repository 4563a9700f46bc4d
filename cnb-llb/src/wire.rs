//! Protocol buffers, written as BuildKit's Go library writes them when it is asked to be deterministic.
//!
//! Our own, because the digest of a vertex is the SHA-256 of its bytes, and general libraries write other
//! ones: the members of a `oneof` come where they are declared here, not where their numbers say, and the
//! entries of maps are written in full, sorted by key.

mod field;
mod message;
mod reader;

pub(crate) use field::Field;
pub use field::Packed;
pub(crate) use message::Message;
pub(crate) use message::choices;
pub(crate) use message::messages;
pub(crate) use reader::Reader;
pub(crate) use reader::Value;
pub use reader::WireError;

/// How deep messages may be inside each other: definitions hold source maps, which hold definitions.
const MAX_DEPTH: u32 = 64;

/// Reads a whole message.
pub(crate) fn decode<M: Message>(bytes: &[u8]) -> Result<M, WireError> {
    decode_inside(bytes, MAX_DEPTH)
}

fn decode_inside<M: Message>(bytes: &[u8], depth: u32) -> Result<M, WireError> {
    let mut message = M::default();
    merge_inside(&mut message, bytes, depth)?;
    Ok(message)
}

/// Reads fields of a message into one that may have some, as protobuf says of a message that comes twice.
fn merge_inside<M: Message>(message: &mut M, bytes: &[u8], depth: u32) -> Result<(), WireError> {
    let depth = depth.checked_sub(1).ok_or(WireError::TooDeep)?;
    let mut reader = Reader::new(bytes);
    while let Some((tag, value)) = reader.field()? {
        message.merge_field(tag, value, depth)?;
    }
    Ok(())
}

/// Writes a whole message.
pub(crate) fn encode(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    message.encode_fields(&mut bytes);
    bytes
}

const VARINT: u32 = 0;
const LENGTH_DELIMITED: u32 = 2;

/// Seven bits a byte, the lowest first; every byte but the last has its highest bit set.
fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn write_key(tag: u32, kind: u32, out: &mut Vec<u8>) {
    write_varint(u64::from(tag << 3 | kind), out);
}

pub(crate) fn write_bytes(tag: u32, bytes: &[u8], out: &mut Vec<u8>) {
    write_key(tag, LENGTH_DELIMITED, out);
    write_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Writes what `write` writes with its length before it.
pub(crate) fn write_nested(tag: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    write_key(tag, LENGTH_DELIMITED, out);
    let start = out.len();
    // Most messages are shorter than 128 bytes: their length is one byte.
    out.push(0);
    write(out);
    let length = out.len() - start - 1;
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out[start] = short,
        _ => {
            let mut long = Vec::with_capacity(10);
            write_varint(length as u64, &mut long);
            out.splice(start..=start, long);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes);
        bytes
    }

    #[test]
    fn fields_are_written_as_protobuf_says() {
        let entry = BTreeMap::from([("b".to_owned(), String::new())]);
        let cases = [
            (written(|out| 0_i64.encode(1, out)), vec![]),
            (written(|out| 300_i64.encode(1, out)), vec![0x08, 0xac, 0x02]),
            (
                written(|out| (-1_i64).encode(1, out)),
                vec![0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
            ),
            (
                written(|out| (-1_i32).encode(1, out)),
                vec![0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
            ),
            (written(|out| Some(0_u32).encode(2, out)), vec![0x10, 0]),
            (written(|out| String::new().encode(3, out)), vec![]),
            (written(|out| "x".to_owned().encode(16, out)), vec![0x82, 0x01, 1, b'x']),
            (written(|out| vec![String::new()].encode(3, out)), vec![0x1a, 0]),
            (written(|out| Packed(vec![0_i64, -1]).encode(2, out)), {
                vec![0x12, 11, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]
            }),
            (written(|out| write_nested(11, out, |_| ())), vec![0x5a, 0]),
            // The map {"b": ""} of BuildKit's own tests.
            (written(|out| entry.encode(2, out)), vec![0x12, 5, 0x0a, 1, b'b', 0x12, 0]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(bytes, expected);
        }
    }

    #[test]
    fn a_long_message_has_its_length_in_several_bytes() {
        let bytes = written(|out| write_nested(1, out, |out| out.extend([7; 300])));
        assert_eq!(bytes[..3], [0x0a, 0xac, 0x02]);
        assert_eq!(bytes[3..], [7; 300]);
    }
}
