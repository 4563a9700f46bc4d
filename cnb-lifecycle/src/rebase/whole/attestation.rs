//! Manifests of an index that are no images, but say something of one.
//!
//! Source: "Attestation storage" of BuildKit's documentation.

use cnb_core::digest::Digest;
use cnb_oci::descriptor::Descriptor;

const TYPE: &str = "vnd.docker.reference.type";
const SUBJECT: &str = "vnd.docker.reference.digest";

/// Whether it is one: it is for no platform that there is.
pub(super) fn is_one(descriptor: &Descriptor) -> bool {
    let is_unknown = descriptor.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
    is_unknown || descriptor.annotations.contains_key(TYPE)
}

/// Whether it is about one of these images.
pub(super) fn is_about(descriptor: &Descriptor, images: &[Digest]) -> bool {
    let subject = descriptor.annotations.get(SUBJECT).and_then(|subject| subject.as_str());
    images.iter().any(|image| Some(image.as_str()) == subject)
}
