//! Changes to files.

mod action;
mod copy;
mod make;
mod marshal;
mod owner;
mod path;
mod prepared;

use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use action::Action;
pub use copy::Copy;
pub use copy::CopySource;
pub use make::MakeDir;
pub use make::MakeFile;
pub use make::Remove;
pub use make::Symlink;
pub use owner::Owner;
pub(crate) use path::absolute;
pub use prepared::Prepared;

use crate::annotate::Annotations;
use crate::annotate::annotate;
use crate::state::State;

/// Changes to files that are made one after the other, as one operation, for [`State::file`].
///
/// ```
/// use cnb_llb::{Annotate as _, Copy, FileOp, Image, MakeDir, Remove, State};
///
/// let app = State::scratch();
/// let files = FileOp::new(MakeDir::new("/srv", 0o755))
///     .then(Copy::new(&app, "/", "/srv/").contents_only())
///     .then(Remove::new("/srv/*.log").wildcards().allow_missing())
///     .named("install the application");
/// let state = Image::new("alpine").state().file(files);
/// ```
#[derive(Clone, Debug)]
pub struct FileOp {
    actions: Vec<Action>,
    annotations: Annotations,
}

annotate!(FileOp);

impl FileOp {
    /// A first change.
    pub fn new(first: impl Into<Self>) -> Self {
        first.into()
    }

    /// Another change after it, or several. What an operation was told beside its changes adds up.
    #[must_use]
    pub fn then(mut self, next: impl Into<Self>) -> Self {
        let next = next.into();
        self.actions.extend(next.actions);
        self.annotations.extend(next.annotations);
        self
    }

    /// These changes to a tree, as a source for a [`Copy`](struct@Copy): made within the operation of the
    /// copy, and gone after it. A name and what else it was told is not kept.
    pub fn prepare(self, state: &State) -> Prepared {
        Prepared::new(state.clone(), self.actions)
    }

    fn of(action: Action) -> Self {
        Self { actions: vec![action], annotations: Annotations::default() }
    }
}

/// Makes a file operation of each kind of change.
macro_rules! actions {
    ($($kind:ident)*) => {$(
        impl From<$kind> for FileOp {
            fn from(action: $kind) -> Self {
                Self::of(Action::$kind(action))
            }
        }
    )*};
}

actions!(MakeFile MakeDir Remove Symlink);

impl From<Copy> for FileOp {
    fn from(action: Copy) -> Self {
        Self::of(Action::Copy(Box::new(action)))
    }
}

/// The time as BuildKit has it: nanoseconds since 1970, and -1 for none. Times it cannot count are the
/// nearest one.
fn timestamp(time: Option<SystemTime>) -> i64 {
    let Some(time) = time else {
        return -1;
    };
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanoseconds| -nanoseconds)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_nanoseconds() {
        let cases = [
            (None, -1),
            (Some(UNIX_EPOCH), 0),
            (Some(UNIX_EPOCH + Duration::from_millis(1500)), 1_500_000_000),
            (Some(UNIX_EPOCH - Duration::from_secs(1)), -1_000_000_000),
            (Some(UNIX_EPOCH + Duration::from_secs(u64::MAX / 4)), i64::MAX),
        ];
        for (time, expected) in cases {
            assert_eq!(timestamp(time), expected);
        }
    }
}
