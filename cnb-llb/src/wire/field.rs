//! The types of fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Message;
use super::Reader;
use super::VARINT;
use super::Value;
use super::WireError;
use super::merge_inside;
use super::write_bytes;
use super::write_key;
use super::write_nested;
use super::write_varint;
use crate::dump::Tree;

/// A value that a field of a message may have.
pub(crate) trait Field: Default {
    /// Whether it is what a field is that was not written.
    fn is_default(&self) -> bool;

    /// Writes it, also when it is the default.
    fn write(&self, tag: u32, out: &mut Vec<u8>);

    /// Writes it unless it is the default.
    fn encode(&self, tag: u32, out: &mut Vec<u8>) {
        if !self.is_default() {
            self.write(tag, out);
        }
    }

    /// Takes what was written, beside what an earlier occurrence of the field gave.
    fn merge_value(&mut self, value: Value<'_>, depth: u32) -> Result<(), WireError>;

    /// What a dump shows of it.
    fn tree(&self) -> Tree;
}

/// Numbers in one run, as repeated numbers are written.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Packed<T>(pub Vec<T>);

/// A number as a varint, and back; protobuf extends the sign to 64 bits.
pub(crate) trait Number: Copy + Default + PartialEq + Into<i128> {
    fn to_wire(self) -> u64;
    fn from_wire(wire: u64) -> Self;
}

macro_rules! numbers {
    ($($number:ty: |$wide:ident| $widen:expr, |$wire:ident| $narrow:expr;)*) => {$(
        impl Number for $number {
            fn to_wire(self) -> u64 {
                let $wide = self;
                $widen
            }

            fn from_wire($wire: u64) -> Self {
                $narrow
            }
        }

        impl Field for $number {
            fn is_default(&self) -> bool {
                *self == 0
            }

            fn write(&self, tag: u32, out: &mut Vec<u8>) {
                write_key(tag, VARINT, out);
                write_varint(self.to_wire(), out);
            }

            fn merge_value(&mut self, value: Value<'_>, _: u32) -> Result<(), WireError> {
                *self = Self::from_wire(value.number()?);
                Ok(())
            }

            fn tree(&self) -> Tree {
                Tree::Number((*self).into())
            }
        }
    )*};
}

// Protobuf says that a number too wide for its field loses its upper bits.
numbers! {
    i64: |value| value.cast_unsigned(), |wire| wire.cast_signed();
    u64: |value| value, |wire| wire;
    i32: |value| i64::from(value).cast_unsigned(), |wire| low_half(wire).cast_signed();
    u32: |value| u64::from(value), |wire| low_half(wire);
}

fn low_half(wire: u64) -> u32 {
    u32::try_from(wire & u64::from(u32::MAX)).expect("the mask leaves 32 bits")
}

impl Field for bool {
    fn is_default(&self) -> bool {
        !*self
    }

    fn write(&self, tag: u32, out: &mut Vec<u8>) {
        write_key(tag, VARINT, out);
        out.push(u8::from(*self));
    }

    fn merge_value(&mut self, value: Value<'_>, _: u32) -> Result<(), WireError> {
        *self = value.number()? != 0;
        Ok(())
    }

    fn tree(&self) -> Tree {
        Tree::Bool(*self)
    }
}

impl Field for String {
    fn is_default(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, tag: u32, out: &mut Vec<u8>) {
        write_bytes(tag, self.as_bytes(), out);
    }

    fn merge_value(&mut self, value: Value<'_>, _: u32) -> Result<(), WireError> {
        std::str::from_utf8(value.bytes()?).map_err(|_| WireError::Text)?.clone_into(self);
        Ok(())
    }

    fn tree(&self) -> Tree {
        Tree::Text(self.clone())
    }
}

/// `bytes`.
impl Field for Vec<u8> {
    fn is_default(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, tag: u32, out: &mut Vec<u8>) {
        write_bytes(tag, self, out);
    }

    fn merge_value(&mut self, value: Value<'_>, _: u32) -> Result<(), WireError> {
        value.bytes()?.clone_into(self);
        Ok(())
    }

    fn tree(&self) -> Tree {
        Tree::Bytes(self.clone())
    }
}

/// `bytes` that are shared.
impl Field for Arc<[u8]> {
    fn is_default(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, tag: u32, out: &mut Vec<u8>) {
        write_bytes(tag, self, out);
    }

    fn merge_value(&mut self, value: Value<'_>, _: u32) -> Result<(), WireError> {
        *self = value.bytes()?.into();
        Ok(())
    }

    fn tree(&self) -> Tree {
        Tree::Bytes(self.to_vec())
    }
}

/// Shared by several messages.
impl<T: Field + Clone> Field for Arc<T> {
    fn is_default(&self) -> bool {
        (**self).is_default()
    }

    fn write(&self, tag: u32, out: &mut Vec<u8>) {
        (**self).write(tag, out);
    }

    fn merge_value(&mut self, value: Value<'_>, depth: u32) -> Result<(), WireError> {
        Arc::make_mut(self).merge_value(value, depth)
    }

    fn tree(&self) -> Tree {
        (**self).tree()
    }
}

/// A message, or a number that is told apart from none: a member of a `oneof`.
impl<T: Field> Field for Option<T> {
    fn is_default(&self) -> bool {
        self.is_none()
    }

    fn write(&self, tag: u32, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.write(tag, out);
        }
    }

    fn merge_value(&mut self, value: Value<'_>, depth: u32) -> Result<(), WireError> {
        self.get_or_insert_default().merge_value(value, depth)
    }

    fn tree(&self) -> Tree {
        self.as_ref().map_or(Tree::Object(Vec::new()), Field::tree)
    }
}

/// `repeated`.
impl<T: Field> Field for Vec<T> {
    fn is_default(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, tag: u32, out: &mut Vec<u8>) {
        for value in self {
            value.write(tag, out);
        }
    }

    fn merge_value(&mut self, value: Value<'_>, depth: u32) -> Result<(), WireError> {
        let mut element = T::default();
        element.merge_value(value, depth)?;
        self.push(element);
        Ok(())
    }

    fn tree(&self) -> Tree {
        Tree::List(self.iter().map(Field::tree).collect())
    }
}

impl<T: Number> Field for Packed<T> {
    fn is_default(&self) -> bool {
        self.0.is_empty()
    }

    fn write(&self, tag: u32, out: &mut Vec<u8>) {
        write_nested(tag, out, |out| self.0.iter().for_each(|number| write_varint(number.to_wire(), out)));
    }

    fn merge_value(&mut self, value: Value<'_>, _: u32) -> Result<(), WireError> {
        match value {
            // Readers take both forms.
            Value::Varint(number) => self.0.push(T::from_wire(number)),
            Value::Bytes(bytes) => {
                let mut reader = Reader::new(bytes);
                while !reader.is_empty() {
                    self.0.push(T::from_wire(reader.varint()?));
                }
            }
            Value::Fixed => return Err(WireError::Type),
        }
        Ok(())
    }

    fn tree(&self) -> Tree {
        Tree::List(self.0.iter().map(|number| Tree::Number((*number).into())).collect())
    }
}

/// `map<string, ...>`: a repeated message of a key and a value.
impl<T: Field> Field for BTreeMap<String, T> {
    fn is_default(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, tag: u32, out: &mut Vec<u8>) {
        for (key, value) in self {
            write_nested(tag, out, |out| {
                key.write(1, out);
                value.write(2, out);
            });
        }
    }

    fn merge_value(&mut self, value: Value<'_>, depth: u32) -> Result<(), WireError> {
        let (mut key, mut element) = (String::new(), T::default());
        let mut reader = Reader::new(value.bytes()?);
        while let Some((tag, value)) = reader.field()? {
            match tag {
                1 => key.merge_value(value, depth)?,
                2 => element.merge_value(value, depth)?,
                _ => {}
            }
        }
        self.insert(key, element);
        Ok(())
    }

    fn tree(&self) -> Tree {
        Tree::Object(self.iter().map(|(key, value)| (key.clone().into(), value.tree())).collect())
    }
}

impl<M: Message> Field for M {
    fn is_default(&self) -> bool {
        false
    }

    fn write(&self, tag: u32, out: &mut Vec<u8>) {
        write_nested(tag, out, |out| self.encode_fields(out));
    }

    fn merge_value(&mut self, value: Value<'_>, depth: u32) -> Result<(), WireError> {
        merge_inside(self, value.bytes()?, depth)
    }

    fn tree(&self) -> Tree {
        Tree::Object(self.field_trees())
    }
}
