//! Protocol buffers as BuildKit's Go library writes them when it is asked to be deterministic.

/// A message that grows field by field, in the order of the calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message(Vec<u8>);

const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;

impl Message {
    /// An `int32`, `int64` or `bool`; left out when zero. Negative numbers take ten bytes.
    pub(crate) fn int(self, field: u64, value: i64) -> Self {
        if value == 0 { self } else { self.explicit_int(field, value) }
    }

    /// A number that is written also when zero, as in entries of maps.
    pub(crate) fn explicit_int(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3 | VARINT);
        self.varint(value.cast_unsigned());
        self
    }

    /// A `string` or `bytes`; left out when empty.
    pub(crate) fn bytes(self, field: u64, value: impl AsRef<[u8]>) -> Self {
        if value.as_ref().is_empty() { self } else { self.explicit_bytes(field, value) }
    }

    /// Bytes that are written also when empty, as in repeated fields and entries of maps.
    pub(crate) fn explicit_bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.varint(field << 3 | LENGTH_DELIMITED);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// A message inside this one, written also when empty.
    pub(crate) fn message(self, field: u64, message: Self) -> Self {
        self.explicit_bytes(field, message.0)
    }

    /// An entry of a `map<string, string>`. Callers add them in the byte order of the keys.
    pub(crate) fn entry(self, field: u64, key: &str, value: &str) -> Self {
        self.message(field, Self::default().explicit_bytes(1, key).explicit_bytes(2, value))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        loop {
            let low = value.to_le_bytes()[0] & 0x7f;
            value >>= 7;
            if value == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_protobuf_says() {
        let empty = Message::default;
        let cases = [
            (empty().int(1, 0), vec![]),
            (empty().int(1, 300), vec![0x08, 0xac, 0x02]),
            (empty().int(1, -1), vec![0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
            (empty().explicit_int(2, 0), vec![0x10, 0]),
            (empty().bytes(3, ""), vec![]),
            (empty().bytes(16, "x"), vec![0x82, 0x01, 1, b'x']),
            (empty().message(11, empty()), vec![0x5a, 0]),
            // The map {"b": ""} of BuildKit's own tests.
            (empty().entry(2, "b", ""), vec![0x12, 5, 0x0a, 1, b'b', 0x12, 0]),
        ];
        for (message, expected) in cases {
            assert_eq!(message.into_bytes(), expected);
        }
    }
}
