//! Names that become parts of paths.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                text.to_owned().try_into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidName { what: $what, text }) }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The ID of a buildpack or an image extension.
    ///
    /// Like the Go lifecycle this takes nearly every text; what is refused could leave the directory
    /// that belongs to the ID.
    ///
    /// ```
    /// let id: cnb_core::id::BuildpackId = "example/pip".parse().unwrap();
    /// assert_eq!(id.escape(), "example_pip");
    /// ```
    BuildpackId, "an ID of a buildpack or an extension", |text| is_file_name(&escape(text))
);
name!(
    /// The type of a process. As in the Go lifecycle a buildpack may call it anything: whether it can be the name of a file in
    /// `/cnb/process` is found out when there is to be one.
    ProcessType, "a process type", |_| true
);
name!(
    /// The name of a layer: the name of a directory in `<layers>/<buildpack>`.
    LayerName, "a layer name", is_file_name
);

impl Default for ProcessType {
    /// The type of a process that says none.
    fn default() -> Self {
        Self(String::new())
    }
}

impl BuildpackId {
    /// The name of the directories that belong to the ID: `/` becomes `_`
    /// (`EscapeID` in the Go lifecycle's `launch/launch.go`).
    pub fn escape(&self) -> String {
        escape(&self.0)
    }
}

/// A text that is not a name of the expected kind.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{text}` is not {what}")]
pub struct InvalidName {
    what: &'static str,
    text: String,
}

fn escape(id: &str) -> String {
    id.replace('/', "_")
}

fn is_file_name(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_directory() {
        for id in ["a", "a/b", "a.b-c_d", "a b", "../x", "."] {
            assert_eq!(id.parse::<BuildpackId>().is_ok(), id != ".", "{id}");
        }
        assert_eq!("../x".parse::<BuildpackId>().expect("an ID").escape(), ".._x");
        for name in ["", ".", "..", "a/b", "a\0"] {
            assert!(name.parse::<ProcessType>().is_ok(), "{name:?}");
            assert!(name.parse::<LayerName>().is_err(), "{name:?}");
        }
        assert_eq!("a b".parse::<LayerName>().expect("a name").to_string(), "a b");
    }
}
