//! Inputs whose first line says what the rest is.

use crate::Input;

/// What is done with the text behind the first line.
pub(crate) type Check = fn(&str);

/// Finds the first line in a table and hands the other lines to what is found.
pub(crate) fn run(table: &[(&str, Check)], data: &[u8]) -> Input {
    let Some((name, text)) = str::from_utf8(data).ok().and_then(|text| text.split_once('\n')) else {
        return Input::Ignored;
    };
    match table.iter().find(|(known, _)| *known == name) {
        Some((_, check)) => {
            check(text);
            Input::Used
        }
        None => Input::Ignored,
    }
}
