//! Values without a schema, as Go's `any` holds them between TOML and JSON.
//!
//! The metadata of a layer goes TOML -> label (JSON) -> analyzed.toml -> TOML. On that way numbers that came
//! from JSON are floating point numbers, dates that went into JSON are strings, and maps are sorted.

use serde::Deserialize;
use serde::Deserializer;
use serde_json::Map;
use serde_json::Number;
use serde_json::Value;
use toml::value::Datetime;

/// What Go's JSON encoder makes of a value that was read from TOML, with sorted maps.
///
/// # Errors
/// For numbers that JSON does not have.
pub fn from_toml(value: &toml::Value) -> Result<Value, UnsupportedNumber> {
    Ok(match value {
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => Number::from_f64(*number).ok_or(UnsupportedNumber(*number))?.into(),
        toml::Value::Boolean(flag) => (*flag).into(),
        toml::Value::Datetime(time) => rfc3339(time).into(),
        toml::Value::Array(values) => Value::Array(values.iter().map(from_toml).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => table_from_toml(table)?.into(),
    })
}

/// [`from_toml`] for a table.
///
/// # Errors
/// For numbers that JSON does not have.
pub fn table_from_toml(table: &toml::Table) -> Result<Map<String, Value>, UnsupportedNumber> {
    let mut map = Map::new();
    for (key, value) in table {
        map.insert(key.clone(), from_toml(value)?);
    }
    map.sort_keys();
    Ok(map)
}

/// What Go's TOML encoder makes of a value that was read from JSON. There is no null in TOML: it is left out.
pub fn to_toml(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64().unwrap_or(f64::MAX).into(),
        },
        Value::String(text) => text.clone().into(),
        Value::Array(values) => values.iter().filter_map(to_toml).collect::<Vec<_>>().into(),
        Value::Object(map) => table_to_toml(map).into(),
    })
}

/// [`to_toml`] for a map.
pub fn table_to_toml(map: &Map<String, Value>) -> toml::Table {
    map.iter().filter_map(|(key, value)| Some((key.clone(), to_toml(value)?))).collect()
}

/// Reads JSON as Go reads it into an `any`: all numbers are floating point numbers, and maps are sorted.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Value::deserialize(deserializer).map(as_go_reads)
}

/// [`deserialize`] for a value that was read already.
pub fn as_go_reads(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            number.as_f64().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
        }
        Value::Array(values) => values.into_iter().map(as_go_reads).collect(),
        Value::Object(map) => {
            let mut map: Map<_, _> = map.into_iter().map(|(key, value)| (key, as_go_reads(value))).collect();
            map.sort_keys();
            map.into()
        }
        other => other,
    }
}

/// A number that JSON does not have: infinite, or not a number.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the number {0} cannot be written as JSON")]
pub struct UnsupportedNumber(f64);

/// A date as Go writes a `time.Time`: missing parts are those of 0000-01-01T00:00:00Z.
fn rfc3339(value: &Datetime) -> String {
    let date = value.date.map_or_else(|| "0000-01-01".to_owned(), |date| date.to_string());
    let Some(time) = value.time else {
        return format!("{date}T00:00:00Z");
    };
    let second = time.second.unwrap_or(0);
    let mut text = format!("{date}T{:02}:{:02}:{second:02}", time.hour, time.minute);
    if let Some(nanosecond) = time.nanosecond.filter(|nanosecond| *nanosecond != 0) {
        let digits = format!("{nanosecond:09}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    let offset = value.offset.map(|offset| offset.to_string());
    text.push_str(match offset.as_deref() {
        None | Some("+00:00" | "-00:00") => "Z",
        Some(offset) => offset,
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::go_json;

    #[test]
    fn toml_becomes_the_json_of_go() {
        let table: toml::Table = r#"
            z = 3
            f = 3.0
            big = 1e21
            when = 1979-05-27T07:32:00.120+02:00
            utc = 1979-05-27T07:32:00Z
            local = 1979-05-27T07:32:00
            day = 1979-05-27
            time = 07:32:00
            list = [1, "<", { b = 1, a = 2 }]
        "#
        .parse()
        .expect("toml");
        let json = from_toml(&table.into()).expect("numbers");
        assert_eq!(
            go_json::to_string(&json).expect("json"),
            concat!(
                r#"{"big":1e+21,"day":"1979-05-27T00:00:00Z","f":3,"list":[1,"\u003c",{"a":2,"b":1}],"#,
                r#""local":"1979-05-27T07:32:00Z","time":"0000-01-01T07:32:00Z","utc":"1979-05-27T07:32:00Z","#,
                r#""when":"1979-05-27T07:32:00.12+02:00","z":3}"#,
            )
        );
    }

    #[test]
    fn numbers_come_back_from_json_as_floats_and_null_is_lost() {
        let value = as_go_reads(serde_json::json!({"n": 3, "a": [null, 1_700_000_000_u64], "none": null}));
        let toml = to_toml(&value).expect("a table");
        assert_eq!(toml["n"].as_float(), Some(3.0));
        assert_eq!(toml["a"].as_array().map(Vec::len), Some(1));
        assert!(toml.get("none").is_none());
    }

    #[test]
    fn infinite_numbers_are_refused() {
        for number in [f64::NAN, f64::INFINITY] {
            assert!(from_toml(&toml::Value::Float(number)).is_err());
        }
    }
}
