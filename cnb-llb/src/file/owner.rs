//! Who owns new files.

use crate::ops::ChownOpt;
use crate::ops::NamedUserOpt;
use crate::ops::UserOpt;

/// Who owns a new file: a user and a group, each by number or by name.
///
/// Names are those of `/etc/passwd` and `/etc/group` in the tree that is changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owner {
    user: Option<Id>,
    group: Option<Id>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Id {
    Number(u32),
    Name(String),
}

impl Owner {
    /// By numbers.
    pub fn ids(uid: u32, gid: u32) -> Self {
        Self { user: Some(Id::Number(uid)), group: Some(Id::Number(gid)) }
    }

    /// By what is before and behind a colon, each a name or a number: `www-data:www-data`, `1000`, `:users`.
    ///
    /// `root` is number 0. Without a group, or with an empty one, it is the user's.
    pub fn named(name: &str) -> Self {
        let (user, group) = name.split_once(':').unwrap_or((name, ""));
        Self { user: Some(Id::of(user)), group: (!group.is_empty()).then(|| Id::of(group)) }
    }

    /// `base` is the input with the names.
    pub(super) fn to_message(&self, base: i64) -> ChownOpt {
        let user = |id: &Option<Id>| id.as_ref().map(|id| id.to_message(base));
        ChownOpt { user: user(&self.user), group: user(&self.group) }
    }
}

impl Id {
    fn of(text: &str) -> Self {
        match text.parse::<i32>() {
            _ if text == "root" => Self::Number(0),
            // Go's client takes negative numbers as well, and lets them wrap.
            Ok(number) => Self::Number(number.cast_unsigned()),
            Err(_) => Self::Name(text.to_owned()),
        }
    }

    fn to_message(&self, base: i64) -> UserOpt {
        match self {
            // Nobody's name is empty: Go's client then means number 0.
            Self::Name(name) if name.is_empty() => UserOpt { by_id: Some(0), ..UserOpt::default() },
            Self::Name(name) => {
                let by_name = NamedUserOpt { name: name.clone(), input: base };
                UserOpt { by_name: Some(by_name), ..UserOpt::default() }
            }
            Self::Number(number) => UserOpt { by_id: Some(*number), ..UserOpt::default() },
        }
    }
}
