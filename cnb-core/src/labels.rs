//! The labels of an application image.
//!
//! The structs serialise to the keys and in the order of the Go lifecycle; write them with
//! [`go_json::to_string`](crate::encode::go_json::to_string) to get its bytes, and read them with [`read`].

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::go_keys::GoKeys;

pub mod build;
pub mod builder;
pub mod lifecycle;
pub mod project;

/// The execution environment an image was built for, as plain text; from Platform API 0.15 on.
pub const EXEC_ENV: &str = "io.buildpacks.exec-env";
/// The distribution of a base image.
pub const BASE_DISTRO_NAME: &str = "io.buildpacks.base.distro.name";
/// The version of the distribution of a base image.
pub const BASE_DISTRO_VERSION: &str = "io.buildpacks.base.distro.version";
/// The identifier of a base image's target.
pub const BASE_ID: &str = "io.buildpacks.base.id";
/// Whether an image may get another base: `false` when not.
pub const REBASABLE: &str = "io.buildpacks.rebasable";
/// The stack of an image; before Platform API 0.12.
pub const STACK_ID: &str = "io.buildpacks.stack.id";
/// What an image has beyond its stack, as a list in JSON; before Platform API 0.12.
pub const STACK_MIXINS: &str = "io.buildpacks.stack.mixins";

/// Whether a label is the lifecycle's own: later builds and rebases need what it wrote there.
pub fn is_of_lifecycle(name: &str) -> bool {
    matches!(name, build::LABEL | lifecycle::LABEL | project::LABEL)
}

/// Reads the JSON of a label as Go does: null is nothing, keys may be written in any case, and of one that is there twice the
/// last one counts.
///
/// ```
/// use cnb_core::labels::lifecycle::LifecycleMetadata;
///
/// let read = cnb_core::labels::read::<LifecycleMetadata>;
/// assert_eq!(read(r#"{"APP": [{"sha": "1"}], "APP": [{"SHA": "2"}]}"#)?.app[0].sha, "2");
/// assert_eq!(read("null")?, LifecycleMetadata::default());
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
/// When the text is not JSON, or has something else than the label.
pub fn read<T: DeserializeOwned + Default>(text: &str) -> Result<T, serde_json::Error> {
    from_value(serde_json::from_str(text)?)
}

/// [`read`] for what is JSON already.
///
/// # Errors
/// When it has something else than the label.
pub fn from_value<T: DeserializeOwned + Default>(value: Value) -> Result<T, serde_json::Error> {
    match value {
        Value::Null => Ok(T::default()),
        value => T::deserialize(GoKeys(value)),
    }
}
