//! JSON as Go's `encoding/json` writes it.
//!
//! It differs from `serde_json` in strings, where `<`, `>`, `&`, U+2028 and U+2029 are escaped, and in
//! floating point numbers: `1` for 1.0, `1e+21` and `1e-7` for large and small ones.
//! Source: `encode.go` of Go 1.26 (`appendString`, `floatEncoder`).

use std::io;
use std::io::Write;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// `value` in one line without spaces. Struct fields and map keys come in the order in which `value`
/// gives them; see [`to_string_sorted`] for maps that are not ordered.
///
/// ```
/// use cnb_core::encode::go_json;
///
/// assert_eq!(go_json::to_string(&("a<b", 1.0, 1e21))?, r#"["a\u003cb",1,1e+21]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
/// When a map has keys that are no strings, or `value` refuses to be serialised.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Go))?;
    Ok(String::from_utf8(bytes).expect("the serializer writes whole strings"))
}

/// `value` with the keys of all its maps and structs in byte order, as Go writes maps.
///
/// # Errors
/// As for [`to_string`].
pub fn to_string_sorted<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(value)?;
    value.sort_all_objects();
    to_string(&value)
}

/// A string of bytes that may not be UTF-8: each byte that is no part of a character becomes `\ufffd`.
///
/// ```
/// use cnb_core::encode::go_json;
///
/// assert_eq!(go_json::string(b"a\xff&"), r#""a\ufffd\u0026""#);
/// ```
pub fn string(bytes: &[u8]) -> String {
    let mut json = String::from("\"");
    let mut rest = bytes;
    while !rest.is_empty() {
        let (valid, after) = match std::str::from_utf8(rest) {
            Ok(valid) => (valid, &rest[rest.len()..]),
            Err(error) => {
                let (valid, after) = rest.split_at(error.valid_up_to());
                (std::str::from_utf8(valid).expect("the error says it is valid"), after)
            }
        };
        let quoted = to_string(valid).expect("a string can be serialised");
        json.push_str(&quoted[1..quoted.len() - 1]);
        rest = after;
        if let [_, after @ ..] = rest {
            json.push_str("\\ufffd");
            rest = after;
        }
    }
    json.push('"');
    json
}

struct Go;

impl Formatter for Go {
    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        write_float(writer, &value.to_string(), &format!("{value:e}"))
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        write_float(writer, &value.to_string(), &format!("{value:e}"))
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut start = 0;
        for (index, character) in text.char_indices() {
            if matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') {
                writer.write_all(&text.as_bytes()[start..index])?;
                write!(writer, "\\u{:04x}", u32::from(character))?;
                start = index + character.len_utf8();
            }
        }
        writer.write_all(&text.as_bytes()[start..])
    }
}

/// Chooses between the two shortest notations of a number.
fn write_float<W: ?Sized + Write>(writer: &mut W, plain: &str, scientific: &str) -> io::Result<()> {
    let (digits, exponent) = scientific.split_once('e').expect("the notation has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    if (-6..21).contains(&exponent) {
        writer.write_all(plain.as_bytes())
    } else {
        write!(writer, "{digits}e{exponent:+}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::json;

    use super::*;

    #[test]
    fn floats_are_written_as_go_writes_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (3.25, "3.25"),
            (999_999.0, "999999"),
            (1_700_000_000.0, "1700000000"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (0.000_001, "0.000001"),
            (0.000_000_12, "1.2e-7"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
        ];
        for (value, expected) in cases {
            assert_eq!(to_string(&value).expect("a number"), expected);
        }
        assert_eq!(to_string(&0.1f32).expect("a number"), "0.1");
    }

    #[test]
    fn floats_are_read_exactly() {
        let cases = [
            ("14444444444444444444444444444444444444444444444444.0", 1.444_444_444_444_444_4e49),
            ("1.4444444444444444e+49", 1.444_444_444_444_444_4e49),
            ("8.5e-255", 8.5e-255),
        ];
        for (text, expected) in cases {
            let value: f64 = serde_json::from_str(text).expect("a number");
            assert_eq!(value.to_bits(), f64::to_bits(expected), "{text}");
        }
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        let text = "<a href=\"x\">&amp;\u{2028}\u{2029}\u{8}\u{c}\n\r\t\u{1}\u{7f}\\é\u{fffd}";
        let expected = concat!(
            r#""\u003ca href=\"x\"\u003e\u0026amp;\u2028\u2029\b\f\n\r\t\u0001"#,
            "\u{7f}",
            r"\\é",
            "\u{fffd}\"",
        );
        assert_eq!(to_string(text).expect("a string"), expected);
        assert_eq!(string(text.as_bytes()), expected);
    }

    #[test]
    fn only_bytes_outside_of_characters_are_replaced() {
        assert_eq!(string(b""), r#""""#);
        assert_eq!(string(b"\xe2\x82"), r#""\ufffd\ufffd""#);
        assert_eq!(string(b"\x80x\xc3\xa9\xff"), "\"\\ufffdxé\\ufffd\"");
    }

    #[test]
    fn maps_can_be_sorted_by_bytes_at_every_depth() {
        let value = json!({"b": [{"z": 1, "a": 2}], "B": 1, "a-b": 1, "a": 1});
        assert_eq!(to_string(&value).expect("json"), r#"{"b":[{"z":1,"a":2}],"B":1,"a-b":1,"a":1}"#);
        assert_eq!(to_string_sorted(&value).expect("json"), r#"{"B":1,"a":1,"a-b":1,"b":[{"a":2,"z":1}]}"#);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in any_json()) {
            let text = to_string(&value).expect("json");
            let escaped = ['<', '>', '&', '\u{2028}', '\u{2029}'];
            prop_assert!(!text.contains(escaped));
            prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("json"), value);
        }

        #[test]
        fn floats_read_back(value in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO) {
            let text = to_string(&value).expect("a number");
            prop_assert_eq!(text.parse::<f64>().expect("a number").to_bits(), value.to_bits());
        }

        #[test]
        fn bytes_that_are_utf8_are_a_string(text in ".*") {
            prop_assert_eq!(string(text.as_bytes()), to_string(&text).expect("a string"));
        }
    }
}
