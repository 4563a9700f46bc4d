//! Taking protocol buffers apart.

use super::LENGTH_DELIMITED;
use super::VARINT;

const FIXED_64: u32 = 1;
const FIXED_32: u32 = 5;

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WireError {
    /// They end inside a field.
    Truncated,
    /// A number has more than 64 bits.
    Overflow,
    /// A field is written as nothing that protobuf knows, or not as its type is.
    Type,
    /// A text is not UTF-8.
    Text,
    /// Messages are inside each other too deeply.
    TooDeep,
}

impl std::error::Error for WireError {}

impl std::fmt::Display for WireError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truncated => formatter.write_str("it ends inside a field"),
            Self::Overflow => formatter.write_str("a number has more than 64 bits"),
            Self::Type => formatter.write_str("a field has another type"),
            Self::Text => formatter.write_str("a text is not UTF-8"),
            Self::TooDeep => formatter.write_str("messages are inside each other too deeply"),
        }
    }
}

/// The value of a field, as far as the bytes tell its type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// A number.
    Varint(u64),
    /// A text, bytes or a message.
    Bytes(&'a [u8]),
    /// Eight or four bytes. LLB has no such field.
    Fixed,
}

impl<'a> Value<'a> {
    pub(super) fn number(self) -> Result<u64, WireError> {
        if let Self::Varint(number) = self { Ok(number) } else { Err(WireError::Type) }
    }

    pub(super) fn bytes(self) -> Result<&'a [u8], WireError> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(WireError::Type) }
    }
}

/// What is left of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next field; none at the end.
    pub(crate) fn field(&mut self) -> Result<Option<(u32, Value<'a>)>, WireError> {
        if self.is_empty() {
            return Ok(None);
        }
        let key = u32::try_from(self.varint()?).map_err(|_| WireError::Type)?;
        let value = match key & 7 {
            VARINT => Value::Varint(self.varint()?),
            LENGTH_DELIMITED => {
                let length = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
                Value::Bytes(self.take(length)?)
            }
            FIXED_64 => self.take(8).map(|_| Value::Fixed)?,
            FIXED_32 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(WireError::Type),
        };
        Ok(Some((key >> 3, value)))
    }

    pub(super) fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::Overflow)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(WireError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_fields_are_refused() {
        let cases: [(&[u8], WireError); 6] = [
            (&[0x08], WireError::Truncated),
            (&[0x0a, 2, b'x'], WireError::Truncated),
            (&[0x09, 0, 0], WireError::Truncated),
            (&[0x0b], WireError::Type),
            (&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2], WireError::Overflow),
            (&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], WireError::Overflow),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Reader::new(bytes).field().err(), Some(expected), "{bytes:?}");
        }
    }

    #[test]
    fn the_largest_number_is_read() {
        let bytes = [0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        let field = Reader::new(&bytes).field().expect("it is one");
        assert!(matches!(field, Some((1, Value::Varint(u64::MAX)))));
    }
}
