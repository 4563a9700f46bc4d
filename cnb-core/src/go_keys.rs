//! Keys as Go's decoders match them with the fields of a struct: exactly, else whatever their case; and null, which leaves
//! everything at its zero value.
//!
//! Source: `unifyStruct` in `decode.go` of github.com/BurntSushi/toml, and `decode.go` of Go's `encoding/json`.

use std::fmt;
use std::iter;

use serde::Deserializer;
use serde::de;
use serde::de::DeserializeSeed;
use serde::de::EnumAccess;
use serde::de::IntoDeserializer;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Unexpected;
use serde::de::Visitor;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::value::MapDeserializer;
use serde::de::value::SeqDeserializer;

/// Reads what the deserializer reads, and matches the keys of all structs in it as Go does. Keys of maps stay as they are.
/// Of a key that is there in several cases the first one counts.
pub(crate) struct GoKeys<D>(pub(crate) D);

macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($argument,)* Inside::new(visitor))
        })*
    };
}

macro_rules! forward_or_zero {
    ($($method:ident: $null:expr),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.deserialize_option(Inside { null: $null, ..Inside::new(visitor) })
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for GoKeys<D> {
    type Error = D::Error;

    forward!(
        deserialize_any(),
        deserialize_char(),
        deserialize_bytes(),
        deserialize_byte_buf(),
        deserialize_option(),
        deserialize_unit(),
        deserialize_unit_struct(name: &'static str),
        deserialize_newtype_struct(name: &'static str),
        deserialize_tuple(len: usize),
        deserialize_tuple_struct(name: &'static str, len: usize),
        deserialize_enum(name: &'static str, variants: &'static [&'static str]),
        deserialize_identifier(),
        deserialize_ignored_any(),
    );

    forward_or_zero!(
        deserialize_bool: Null::False,
        deserialize_i8: Null::Number,
        deserialize_i16: Null::Number,
        deserialize_i32: Null::Number,
        deserialize_i64: Null::Number,
        deserialize_u8: Null::Number,
        deserialize_u16: Null::Number,
        deserialize_u32: Null::Number,
        deserialize_u64: Null::Number,
        deserialize_f32: Null::Number,
        deserialize_f64: Null::Number,
        deserialize_str: Null::Text,
        deserialize_string: Null::Text,
        deserialize_seq: Null::List,
        deserialize_map: Null::Map,
    );

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(Inside { fields, null: Null::Struct(name), ..Inside::new(visitor) })
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// A key that no struct has.
const IGNORED: &str = "";

/// What null is read as.
#[derive(Clone, Copy)]
enum Null {
    Nothing,
    False,
    Number,
    Text,
    List,
    Map,
    Struct(&'static str),
}

/// A visitor, a seed or an access that hands on this way of reading; `fields` are those of the struct, if it is one, and
/// `seen` those that were there already.
struct Inside<T> {
    visitor: T,
    fields: &'static [&'static str],
    seen: Vec<&'static str>,
    null: Null,
}

impl<T> Inside<T> {
    fn new(visitor: T) -> Self {
        Self { visitor, fields: &[], seen: Vec::new(), null: Null::Nothing }
    }

    /// The field that a key stands for.
    fn field(&self, key: &str) -> Option<&'static str> {
        let is_same_but_for_case = |field: &&&str| field.to_lowercase() == key.to_lowercase();
        let exact = self.fields.iter().find(|field| **field == key);
        exact.or_else(|| self.fields.iter().find(is_same_but_for_case)).copied()
    }
}

macro_rules! visit {
    ($($method:ident($type:ty)),* $(,)?) => {
        $(fn $method<E: de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Inside<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    visit!(
        visit_bool(bool),
        visit_i64(i64),
        visit_i128(i128),
        visit_u64(u64),
        visit_u128(u128),
        visit_f64(f64),
        visit_char(char),
        visit_str(&str),
        visit_borrowed_str(&'de str),
        visit_string(String),
        visit_bytes(&[u8]),
        visit_byte_buf(Vec<u8>),
    );

    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        match self.null {
            Null::Nothing => self.visitor.visit_none(),
            Null::False => self.visitor.visit_bool(false),
            Null::Number => self.visitor.visit_u64(0),
            Null::Text => self.visitor.visit_str(""),
            Null::List => self.visitor.visit_seq(SeqDeserializer::new(iter::empty::<()>())),
            Null::Map | Null::Struct(_) => {
                self.visitor.visit_map(MapDeserializer::new(iter::empty::<((), ())>()))
            }
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        match self.null {
            Null::Nothing => self.visitor.visit_some(GoKeys(deserializer)),
            Null::Struct(name) => deserializer.deserialize_struct(name, self.fields, self),
            _ => deserializer.deserialize_any(self),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(GoKeys(deserializer))
    }

    /// A list is no struct, though serde would take one.
    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        match self.null {
            Null::Struct(_) => Err(de::Error::invalid_type(Unexpected::Seq, &self)),
            _ => self.visitor.visit_seq(Inside::new(elements)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Inside { fields: self.fields, ..Inside::new(entries) })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(data)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Inside<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.visitor.deserialize(GoKeys(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Inside<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.visitor.next_element_seed(Inside::new(seed))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Inside<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        if self.fields.is_empty() {
            return self.visitor.next_key_seed(seed);
        }
        let Some(key) = self.visitor.next_key::<String>()? else { return Ok(None) };
        match self.field(&key) {
            Some(field) if self.seen.contains(&field) => {
                seed.deserialize(BorrowedStrDeserializer::new(IGNORED)).map(Some)
            }
            Some(field) => {
                self.seen.push(field);
                seed.deserialize(BorrowedStrDeserializer::new(field)).map(Some)
            }
            None => seed.deserialize(key.into_deserializer()).map(Some),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.visitor.next_value_seed(Inside::new(seed))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use toml::Spanned;
    use toml::value::Datetime;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default, rename_all = "kebab-case")]
    struct Outer {
        id: String,
        clear_env: bool,
        inner: Vec<Inner>,
        maybe: Option<Inner>,
        map: BTreeMap<String, i64>,
        any: Option<toml::Value>,
        place: Option<Spanned<String>>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Inner {
        name: String,
    }

    #[derive(Deserialize)]
    struct Empty {}

    fn from_toml(text: &str) -> Result<Outer, toml::de::Error> {
        Outer::deserialize(GoKeys(toml::de::Deserializer::parse(text)?))
    }

    #[test]
    fn keys_of_structs_match_whatever_their_case_and_keys_of_maps_stay() {
        let text = "ID = 'a'\nClear-Env = true\nPlace = 'p'\n[[Inner]]\nNAME = 'n'\n[Maybe]\nName = 'm'\n\
                    [Map]\nA = 1\na = 2\n[Any]\nWhen = 1979-05-27\n";
        let outer = from_toml(text).expect("a document");
        let date: Datetime = "1979-05-27".parse().expect("a date");
        assert_eq!((outer.id.as_str(), outer.clear_env), ("a", true));
        assert_eq!(outer.inner, [Inner { name: "n".to_owned() }]);
        assert_eq!(outer.maybe, Some(Inner { name: "m".to_owned() }));
        assert_eq!(outer.map, BTreeMap::from([("A".to_owned(), 1), ("a".to_owned(), 2)]));
        assert_eq!(outer.any.and_then(|any| any.get("When").cloned()), Some(toml::Value::Datetime(date)));
        let place = outer.place.expect("a place");
        assert_eq!((place.get_ref().as_str(), &text[place.span()]), ("p", "'p'"));
    }

    #[test]
    fn errors_keep_their_place() {
        let error = from_toml("id = 'a'\n[[INNER]]\nNAME = 3\n").expect_err("a name is a string");
        assert_eq!(error.span(), Some(26..27));
    }

    #[test]
    fn null_is_the_zero_value_wherever_it_is() {
        let json = |text| Outer::deserialize(GoKeys(&mut serde_json::Deserializer::from_str(text)));
        assert_eq!(json("null").expect("nothing"), Outer::default());
        let text = r#"{"id":null,"clear_env":null,"clear-env":null,"inner":[null,{"name":null}],"map":{"a":null},"maybe":null}"#;
        let outer = json(text).expect("a document");
        let inner = [Inner::default(), Inner::default()];
        let map = BTreeMap::from([("a".to_owned(), 0)]);
        assert_eq!(outer, Outer { inner: inner.into(), map, ..Outer::default() });
    }

    #[test]
    fn the_first_of_two_keys_counts() {
        let json = |text| Outer::deserialize(GoKeys(&mut serde_json::Deserializer::from_str(text)));
        assert_eq!(json(r#"{"ID":"a","id":"b"}"#).map(|outer| outer.id).ok().as_deref(), Some("a"));
    }

    #[test]
    fn a_list_is_no_struct() {
        let json = |text| Outer::deserialize(GoKeys(&mut serde_json::Deserializer::from_str(text)));
        assert_eq!(json(r#"{"ID": "a"}"#).map(|outer| outer.id).ok().as_deref(), Some("a"));
        assert!(json(r#"["a"]"#).is_err());
        assert!(json(r#"{"inner": [[]]}"#).is_err());
        assert!(Empty::deserialize(GoKeys(serde_json::json!({"a": 1}))).is_ok());
        assert!(Empty::deserialize(GoKeys(serde_json::json!([]))).is_err());
    }
}
