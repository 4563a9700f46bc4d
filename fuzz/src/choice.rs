//! Inputs whose first line says what the rest is.

use crate::Input;

/// What is done with the text behind the first line.
pub(crate) type Check = fn(&str);

/// Finds the first line in a table and hands the other lines to what is found.
pub(crate) fn run(table: &[(&str, Check)], data: &[u8]) -> Input {
    match str::from_utf8(data).ok().and_then(|text| choose(table, text.as_bytes())) {
        Some((check, text)) => {
            check(str::from_utf8(text).expect("a part of a text from the start of a line"));
            Input::Used
        }
        None => Input::Ignored,
    }
}

/// What a table has for the first line, and what is behind that.
pub(crate) fn choose<'a, T: Copy>(table: &[(&str, T)], data: &'a [u8]) -> Option<(T, &'a [u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let (name, rest) = (&data[..end], &data[end + 1..]);
    table.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, chosen)| (*chosen, rest))
}
