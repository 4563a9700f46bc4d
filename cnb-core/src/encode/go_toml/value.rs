//! A document before it is written.

/// Keys and values in the order in which they are written.
pub(super) type Table = Vec<(String, Value)>;

/// What stands on the right of a key.
#[derive(Debug)]
pub(super) enum Value {
    String(String),
    /// Already TOML.
    Verbatim(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Array(Vec<Value>),
    Table(Table),
}

impl Value {
    /// Whether the value has a header of its own: a table, or an array that holds tables and nothing else.
    pub(super) fn is_table_like(&self) -> bool {
        match self {
            Self::Table(_) => true,
            Self::Array(elements) => {
                !elements.is_empty() && elements.iter().all(|e| matches!(e, Self::Table(_)))
            }
            _ => false,
        }
    }
}
