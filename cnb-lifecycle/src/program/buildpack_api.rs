//! Buildpack APIs that are not supported, as a failure of the program.

use super::failure::Failure;
use super::failure::code;
use crate::phase::buildpack_api::UnsupportedBuildpackApi;

impl From<UnsupportedBuildpackApi> for Failure {
    fn from(error: UnsupportedBuildpackApi) -> Self {
        let action = format!("set API for {} '{}'", error.kind, error.element);
        Self::new(action, error).with_code(code::BUILDPACK_API)
    }
}
