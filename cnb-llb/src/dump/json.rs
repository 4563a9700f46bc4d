//! For programs.

use std::fmt::Write as _;

use super::Tree;
use super::oneof;
use crate::definition::Definition;
use crate::wire::Message;

/// One JSON object a line, an operation each: `Op`, `Digest` and `OpMetadata`, as `buildctl debug dump-llb`
/// prints them.
///
/// Fields have the names of `ops.proto`; those with default values are left out, enumerations are numbers,
/// bytes are base64. The last line is the operation that points to the head.
pub fn json(definition: &Definition) -> String {
    let mut out = String::new();
    for vertex in definition.vertices().chain(definition.terminal()) {
        let metadata = vertex.metadata.map(Message::field_trees).unwrap_or_default();
        let line = Tree::Object(vec![
            ("Op".into(), oneof::op(&vertex.op)),
            ("Digest".into(), Tree::Text(vertex.digest.to_string())),
            ("OpMetadata".into(), Tree::Object(metadata)),
        ]);
        write(&line, &mut out);
        out.push('\n');
    }
    out
}

fn write(tree: &Tree, out: &mut String) {
    match tree {
        Tree::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Tree::Number(number) => write!(out, "{number}").expect("writing to a string cannot fail"),
        Tree::Choice(number, _) => write!(out, "{number}").expect("writing to a string cannot fail"),
        Tree::Text(text) => write_text(text, out),
        Tree::Bytes(bytes) => write_text(&base64(bytes), out),
        Tree::List(list) => {
            out.push('[');
            separated(list, out, write);
            out.push(']');
        }
        Tree::Object(fields) => {
            out.push('{');
            separated(fields, out, |(name, value), out| {
                write_text(name, out);
                out.push(':');
                write(value, out);
            });
            out.push('}');
        }
    }
}

fn separated<T>(items: &[T], out: &mut String, mut write: impl FnMut(&T, &mut String)) {
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        write(item, out);
    }
}

/// A text in quotes, escaped as Go's `encoding/json` does: also what would mean something in HTML and
/// JavaScript.
pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..' ' => {
                write!(out, "\\u{:04x}", u32::from(character)).expect("writing to a string cannot fail");
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().enumerate().fold(0, |bits, (at, byte)| bits | usize::from(*byte) << (16 - 8 * at));
        for digit in 0..4 {
            let is_there = digit <= chunk.len();
            text.push(if is_there { char::from(DIGITS[bits >> (18 - 6 * digit) & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_base64() {
        for (bytes, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(bytes.as_bytes()), expected);
        }
    }

    #[test]
    fn texts_are_escaped_as_go_does() {
        let mut out = String::new();
        write_text("a\"\\\n\r\t\u{8}\u{c}\u{1}<&>\u{2028}é\u{7f}", &mut out);
        assert_eq!(out, "\"a\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u003c\\u0026\\u003e\\u2028é\u{7f}\"");
    }
}
