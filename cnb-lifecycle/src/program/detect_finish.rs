//! `lifecycle detect-finish`: between detection and the phases after it, in one container.

use std::path::Path;

use super::Invocation;
use super::documents;
use super::failure::Failure;
use super::privileges;
use crate::phase::finish_detection::EXTENSIONS;
use crate::phase::finish_detection::finish_detection;

/// Leaves what the phases after detection read, unless they would have to extend images first.
pub(super) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let inputs = &invocation.inputs;
    privileges::become_user(inputs.uid, inputs.gid, &[])?;
    let group = documents::group(&inputs.group_path)?;
    if let Some(extension) = group.extensions.first() {
        let message = format!("the group that passed detection has {extension}, an extension of images");
        return Err(Failure::new("finish detection", message).with_code(EXTENSIONS));
    }
    finish_detection(Path::new(&inputs.layers_dir), Path::new(&inputs.plan_path))
        .map_err(|error| Failure::new("finish detection", error))
}
