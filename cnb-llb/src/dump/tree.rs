//! What is in a message, without its types.

use std::borrow::Cow;

/// A value that a view shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Bool(bool),
    /// Wide enough for all numbers that messages have.
    Number(i128),
    /// A value of an enumeration: its number and its name.
    Choice(i32, String),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Tree>),
    Object(Vec<(Cow<'static, str>, Tree)>),
}
