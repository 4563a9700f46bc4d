//! Messages: one declaration says how they are written, read and shown.

use std::borrow::Cow;

use super::Value;
use super::WireError;
use crate::dump::Tree;

/// A message of protocol buffers.
pub(crate) trait Message: Default {
    /// Writes its fields in the order of the declaration.
    fn encode_fields(&self, out: &mut Vec<u8>);

    /// Takes a field that was read; one that is not declared is no error, newer clients may write more.
    fn merge_field(&mut self, tag: u32, value: Value<'_>, depth: u32) -> Result<(), WireError>;

    /// What a dump shows: the fields that have no default value, by the names that ops.proto gives them.
    fn field_trees(&self) -> Vec<(Cow<'static, str>, Tree)>;
}

/// Declares messages: `number name "name in ops.proto": type`, in the order in which Go writes them.
macro_rules! messages {
    ($($(#[$doc:meta])* $message:ident { $($tag:literal $field:ident $name:literal: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub struct $message {
            $(#[doc = concat!("`", $name, "`, field ", stringify!($tag), ".")] pub $field: $type,)*
        }

        impl $crate::wire::Message for $message {
            fn encode_fields(&self, out: &mut Vec<u8>) {
                $($crate::wire::Field::encode(&self.$field, $tag, out);)*
            }

            fn merge_field(
                &mut self,
                tag: u32,
                value: $crate::wire::Value<'_>,
                depth: u32,
            ) -> Result<(), $crate::WireError> {
                match tag {
                    $($tag => $crate::wire::Field::merge_value(&mut self.$field, value, depth),)*
                    _ => Ok(()),
                }
            }

            fn field_trees(&self) -> Vec<(std::borrow::Cow<'static, str>, $crate::dump::Tree)> {
                let mut trees = Vec::new();
                $(if !$crate::wire::Field::is_default(&self.$field) {
                    trees.push(($name.into(), $crate::wire::Field::tree(&self.$field)));
                })*
                trees
            }
        }
    )*};
}

/// Declares enumerations: `number Name`, the first one is the default. Numbers that are not known are kept.
macro_rules! choices {
    ($($(#[$doc:meta])* $choice:ident {
        $(#[$first_doc:meta])* $first_number:literal $first:ident,
        $($(#[$value_doc:meta])* $number:literal $value:ident,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum $choice {
            $(#[$first_doc])* #[default] $first,
            $($(#[$value_doc])* $value,)*
            /// One that a newer client wrote, by its number.
            Other(i32),
        }

        impl $choice {
            /// As the protocol has it.
            pub(crate) fn number(self) -> i32 {
                match self {
                    Self::$first => $first_number,
                    $(Self::$value => $number,)*
                    Self::Other(number) => number,
                }
            }
        }

        impl $crate::wire::Field for $choice {
            fn is_default(&self) -> bool {
                self.number() == $first_number
            }

            fn write(&self, tag: u32, out: &mut Vec<u8>) {
                $crate::wire::Field::write(&self.number(), tag, out);
            }

            fn merge_value(
                &mut self,
                value: $crate::wire::Value<'_>,
                depth: u32,
            ) -> Result<(), $crate::WireError> {
                let mut number = 0_i32;
                $crate::wire::Field::merge_value(&mut number, value, depth)?;
                *self = match number {
                    $first_number => Self::$first,
                    $($number => Self::$value,)*
                    number => Self::Other(number),
                };
                Ok(())
            }

            fn tree(&self) -> $crate::dump::Tree {
                $crate::dump::Tree::Choice(self.number(), format!("{self:?}"))
            }
        }
    )*};
}

pub(crate) use choices;
pub(crate) use messages;
