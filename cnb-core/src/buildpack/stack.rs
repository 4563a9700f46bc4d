//! `[[stacks]]` of buildpack.toml: the older form of targets.

use serde::Deserialize;
use serde::Serialize;

/// The one stack that has a meaning as a target.
pub const BIONIC: &str = "io.buildpacks.stacks.bionic";

/// A stack that a buildpack supports.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct StackId {
    /// Its ID; `*` for every stack.
    pub id: String,
}
