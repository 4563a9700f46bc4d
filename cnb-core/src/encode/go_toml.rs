//! TOML with the layout of github.com/BurntSushi/toml, which the Go lifecycle writes its files with.
//!
//! Some of these files are part of an image (`<layers>/config/metadata.toml`), so every byte matters:
//! two spaces of indentation per table, an empty line before each top-level table and each element of
//! an array of tables, values before tables, structs in the order of their fields, maps sorted by key,
//! absent values left out, an empty array of tables written as `key = []` where its parent's values are.
//!
//! ```
//! #[derive(serde::Serialize)]
//! struct Store {
//!     metadata: std::collections::BTreeMap<&'static str, f64>,
//! }
//!
//! let store = Store { metadata: [("size", 1e6)].into() };
//! assert_eq!(cnb_core::encode::go_toml::to_string(&store).unwrap(), "[metadata]\n  size = 1e+06\n");
//! ```

mod number;
mod serializer;
mod value;

use serde::Serialize;

pub use serializer::EncodeError;
pub use serializer::Verbatim;
use value::Table;
use value::Value;

/// Writes a struct or a map as a TOML document.
pub fn to_string(document: &impl Serialize) -> Result<String, EncodeError> {
    let mut writer = Writer::default();
    writer.table(&mut Vec::new(), &serializer::table(document)?);
    Ok(writer.text)
}

#[derive(Default)]
struct Writer {
    text: String,
}

impl Writer {
    /// Values first, then tables, both in the order of the table.
    fn table(&mut self, path: &mut Vec<String>, table: &Table) {
        for entry in table.iter().filter(|(_, value)| !value.is_table_like()) {
            self.indent(path.len());
            self.entry(entry);
            self.text.push('\n');
        }
        for (key, value) in table.iter().filter(|(_, value)| value.is_table_like()) {
            path.push(quoted_key(key));
            match value {
                Value::Array(tables) => tables.iter().for_each(|table| self.array_element(path, table)),
                Value::Table(table) => self.named_table(path, table),
                _ => unreachable!("only tables and arrays of tables are like a table"),
            }
            path.pop();
        }
    }

    fn named_table(&mut self, path: &mut Vec<String>, table: &Table) {
        if path.len() == 1 {
            self.separate();
        }
        self.header(path, "[", "]");
        self.table(path, table);
    }

    fn array_element(&mut self, path: &mut Vec<String>, element: &Value) {
        self.separate();
        self.header(path, "[[", "]]");
        if let Value::Table(table) = element {
            self.table(path, table);
        }
    }

    fn header(&mut self, path: &[String], open: &str, close: &str) {
        self.indent(path.len() - 1);
        self.text.push_str(open);
        self.text.push_str(&path.join("."));
        self.text.push_str(close);
        self.text.push('\n');
    }

    /// An empty line, but not at the beginning of the document.
    fn separate(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    fn indent(&mut self, depth: usize) {
        self.text.extend(std::iter::repeat_n("  ", depth));
    }

    fn inline(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text.push_str(&quoted(text)),
            Value::Verbatim(text) => self.text.push_str(text),
            Value::Integer(number) => self.text.push_str(&number.to_string()),
            Value::Float(number) => self.text.push_str(&number::float(*number)),
            Value::Boolean(flag) => self.text.push_str(if *flag { "true" } else { "false" }),
            Value::Array(elements) => self.list("[", elements, "]", Self::inline),
            Value::Table(table) => {
                let (tables, values): (Vec<_>, Vec<_>) =
                    table.iter().partition(|(_, value)| value.is_table_like());
                self.list("{", values.into_iter().chain(tables), "}", Self::entry);
            }
        }
    }

    fn entry(&mut self, (key, value): &(String, Value)) {
        self.text.push_str(&quoted_key(key));
        self.text.push_str(" = ");
        self.inline(value);
    }

    fn list<'a, T: 'a>(
        &mut self,
        open: &str,
        elements: impl IntoIterator<Item = &'a T>,
        close: &str,
        write: impl Fn(&mut Self, &T),
    ) {
        self.text.push_str(open);
        for (index, element) in elements.into_iter().enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            write(self, element);
        }
        self.text.push_str(close);
    }
}

fn quoted_key(key: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !key.is_empty() && key.bytes().all(bare) { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    use std::fmt::Write as _;
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{8}' => quoted.push_str("\\b"),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\u{c}' => quoted.push_str("\\f"),
            '\r' => quoted.push_str("\\r"),
            '\0'..='\u{1f}' | '\u{7f}' => {
                write!(quoted, "\\u{:04x}", u32::from(character)).expect("writing to a string cannot fail");
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Serialize)]
    struct Document {
        tables: Vec<toml::Table>,
        none: Option<String>,
        text: &'static str,
        empty: Vec<toml::Table>,
        verbatim: Verbatim,
    }

    /// As recorded from the Go lifecycle in the case `build-metadata-bytes-bom-0.8`.
    #[test]
    fn layout_is_the_one_of_the_go_encoder() {
        let text = r#"
            z.k = "v"
            s = "é\"\n\u0001\u007f"
            arr = [1, 2]
            big = 1e21
            d = 1979-05-27T07:32:00+00:00
            "odd key" = [[{b = 1, c = 2, a = {}}], []]
            [[tab]]
            q = 1
            [[tab]]
        "#;
        let document = Document {
            tables: vec![text.parse().expect("a table"), toml::Table::new()],
            none: None,
            text: "last of the structs' values",
            empty: Vec::new(),
            verbatim: Verbatim(r#"["\u003c"]"#.to_owned()),
        };
        let expected = r#"text = "last of the structs' values"
empty = []
verbatim = ["\u003c"]

[[tables]]
  arr = [1, 2]
  big = 1e+21
  d = 1979-05-27T07:32:00Z
  "odd key" = [[{b = 1, c = 2, a = {}}], []]
  s = "é\"\n\u0001\u007f"

  [[tables.tab]]
    q = 1

  [[tables.tab]]
  [tables.z]
    k = "v"

[[tables]]
"#;
        assert_eq!(to_string(&document).expect("a document"), expected);
    }

    #[test]
    fn an_empty_document_has_no_bytes() {
        assert_eq!(to_string(&toml::Table::new()).expect("a document"), "");
    }

    #[test]
    fn what_is_not_a_table_is_no_document() {
        assert!(to_string(&1).is_err());
        assert!(to_string(&[true]).is_err());
    }

    fn any_value() -> impl Strategy<Value = toml::Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(toml::Value::from),
            any::<bool>().prop_map(toml::Value::from),
            prop::num::f64::NORMAL.prop_map(toml::Value::from),
            any::<String>().prop_map(toml::Value::from),
            Just(toml::Value::Datetime("1979-05-27T07:32:00.25Z".parse().expect("a date"))),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(toml::Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|map| toml::Value::Table(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(map in prop::collection::btree_map(any::<String>(), any_value(), 0..5)) {
            let table: toml::Table = map.into_iter().collect();
            let text = to_string(&table).expect("a document");
            prop_assert_eq!(text.parse::<toml::Table>().expect("valid TOML"), table, "{}", text);
        }
    }
}
