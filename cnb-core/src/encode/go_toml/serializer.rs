//! From anything that serde can walk to a document.

use std::fmt;

use serde::Serialize;
use serde::ser;
use serde::ser::Impossible;
use toml::value::Datetime;

use super::value::Table;
use super::value::Value;

const VERBATIM: &str = "$cnb_verbatim_toml";
/// How the crate `toml` marks a date and time.
const DATETIME: &str = "$__toml_private_Datetime";

/// A text that is a TOML value already and is written as it is.
#[derive(Clone, Debug)]
pub struct Verbatim(pub String);

impl Serialize for Verbatim {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(VERBATIM, &self.0)
    }
}

/// A value that TOML has no form for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("TOML has no form for {0}")]
pub struct EncodeError(String);

impl ser::Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// The table that a struct or a map is.
pub(super) fn table(document: &impl Serialize) -> Result<Table, EncodeError> {
    match document.serialize(Serializer)? {
        Some(Value::Table(table)) => Ok(table),
        _ => Err(unsupported("a document that is not a table")),
    }
}

fn unsupported(what: &str) -> EncodeError {
    EncodeError(what.to_owned())
}

/// Go has one form for a time without an offset, and writes all seconds.
fn datetime(text: &str) -> String {
    let mut value: Datetime = text.parse().expect("it was one");
    if let Some(time) = &mut value.time {
        time.second.get_or_insert(0);
    }
    let text = value.to_string();
    let utc = text.strip_suffix("+00:00").or_else(|| text.strip_suffix("-00:00"));
    utc.map_or_else(|| text.clone(), |time| format!("{time}Z"))
}

/// Gives `None` for what is left out.
struct Serializer;

type Encoded = Result<Option<Value>, EncodeError>;

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, number: $type) -> Encoded {
            let number = i64::try_from(number).map_err(|_| unsupported("an integer of more than 64 bits"))?;
            Ok(Some(Value::Integer(number)))
        })*
    };
}

impl ser::Serializer for Serializer {
    type Ok = Option<Value>;
    type Error = EncodeError;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Impossible<Option<Value>, EncodeError>;
    type SerializeMap = Entries;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Impossible<Option<Value>, EncodeError>;

    integers!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    );

    fn serialize_bool(self, flag: bool) -> Encoded {
        Ok(Some(Value::Boolean(flag)))
    }

    fn serialize_f32(self, number: f32) -> Encoded {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Encoded {
        Ok(Some(Value::Float(number)))
    }

    fn serialize_char(self, character: char) -> Encoded {
        Ok(Some(Value::String(character.into())))
    }

    fn serialize_str(self, text: &str) -> Encoded {
        Ok(Some(Value::String(text.to_owned())))
    }

    fn serialize_bytes(self, _: &[u8]) -> Encoded {
        Err(unsupported("bytes"))
    }

    fn serialize_none(self) -> Encoded {
        Ok(None)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Encoded {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Encoded {
        Ok(None)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Encoded {
        Ok(None)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Encoded {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, name: &'static str, value: &T) -> Encoded {
        match value.serialize(self)? {
            Some(Value::String(text)) if name == VERBATIM => Ok(Some(Value::Verbatim(text))),
            value => Ok(value),
        }
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Encoded {
        Err(unsupported("an enum with data"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements, EncodeError> {
        Ok(Elements(Vec::new()))
    }

    fn serialize_tuple(self, _: usize) -> Result<Elements, EncodeError> {
        Ok(Elements(Vec::new()))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Elements, EncodeError> {
        Ok(Elements(Vec::new()))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        Err(unsupported("an enum with data"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries, EncodeError> {
        Ok(Entries { table: Table::new(), key: None })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields, EncodeError> {
        Ok(Fields { table: Table::new(), is_datetime: name == DATETIME })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        Err(unsupported("an enum with data"))
    }
}

struct Elements(Vec<Value>);

impl Elements {
    fn push(&mut self, element: &(impl ?Sized + Serialize)) -> Result<(), EncodeError> {
        let element = element.serialize(Serializer)?;
        self.0.push(element.ok_or_else(|| unsupported("an absent element of an array"))?);
        Ok(())
    }

    fn into_value(self) -> Value {
        Value::Array(self.0)
    }
}

impl ser::SerializeSeq for Elements {
    type Ok = Option<Value>;
    type Error = EncodeError;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, element: &T) -> Result<(), EncodeError> {
        self.push(element)
    }

    fn end(self) -> Encoded {
        Ok(Some(self.into_value()))
    }
}

impl ser::SerializeTuple for Elements {
    type Ok = Option<Value>;
    type Error = EncodeError;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, element: &T) -> Result<(), EncodeError> {
        self.push(element)
    }

    fn end(self) -> Encoded {
        Ok(Some(self.into_value()))
    }
}

impl ser::SerializeTupleStruct for Elements {
    type Ok = Option<Value>;
    type Error = EncodeError;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, element: &T) -> Result<(), EncodeError> {
        self.push(element)
    }

    fn end(self) -> Encoded {
        Ok(Some(self.into_value()))
    }
}

struct Entries {
    table: Table,
    key: Option<String>,
}

impl ser::SerializeMap for Entries {
    type Ok = Option<Value>;
    type Error = EncodeError;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), EncodeError> {
        match key.serialize(Serializer)? {
            Some(Value::String(key)) => self.key = Some(key),
            _ => return Err(unsupported("a key that is not a string")),
        }
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), EncodeError> {
        let key = self.key.take().expect("serde gives the key before its value");
        self.table.extend(value.serialize(Serializer)?.map(|value| (key, value)));
        Ok(())
    }

    fn end(mut self) -> Encoded {
        self.table.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Some(Value::Table(self.table)))
    }
}

struct Fields {
    table: Table,
    is_datetime: bool,
}

impl ser::SerializeStruct for Fields {
    type Ok = Option<Value>;
    type Error = EncodeError;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.table.extend(value.serialize(Serializer)?.map(|value| (key.to_owned(), value)));
        Ok(())
    }

    fn end(mut self) -> Encoded {
        if !self.is_datetime {
            return Ok(Some(Value::Table(self.table)));
        }
        match self.table.pop() {
            Some((_, Value::String(text))) => Ok(Some(Value::Verbatim(datetime(&text)))),
            _ => Err(unsupported("a date and time that is not a text")),
        }
    }
}
