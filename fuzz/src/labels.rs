//! JSON in labels of images, and the metadata of caches.
//!
//! The first line of an input is the name of the label. What was read can be written as Go writes it, and
//! reads as the same.

use cnb_core::analyzed;
use cnb_core::buildpack::order::OrderGroup;
use cnb_core::encode::any;
use cnb_core::encode::go_json;
use cnb_core::encode::go_toml;
use cnb_core::labels::build::BuildLabel;
use cnb_core::labels::builder;
use cnb_core::labels::builder::BuilderLabel;
use cnb_core::labels::lifecycle::CacheMetadata;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_core::labels::project::ProjectLabel;
use cnb_core::lifecycle::Apis;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Input;
use crate::choice;
use crate::choice::Check;

/// Reads one label of any kind.
pub fn check(data: &[u8]) -> Input {
    choice::run(&LABELS, data)
}

const LABELS: [(&str, Check); 9] = [
    ("any", any),
    (cnb_core::labels::build::LABEL, rewritten::<BuildLabel>),
    (builder::LABEL, rewritten::<BuilderLabel>),
    (builder::LAYERS, rewritten::<builder::BuildpackLayers>),
    (builder::LIFECYCLE_APIS, rewritten::<Apis>),
    (builder::ORDER, rewritten::<Vec<OrderGroup>>),
    (cnb_cache::volume::METADATA, rewritten::<CacheMetadata>),
    (cnb_core::labels::lifecycle::LABEL, lifecycle),
    (cnb_core::labels::project::LABEL, rewritten::<ProjectLabel>),
];

fn any(text: &str) {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    let written = go_json::to_string(&value).expect("JSON can be written as JSON");
    let again: Value = serde_json::from_str(&written).expect("what was written is read");
    assert_eq!(go_json::to_string(&again).expect("JSON can be written as JSON"), written);
    assert_eq!(any::as_go_reads(again), any::as_go_reads(value));
}

/// The label, and analyzed.toml, which it goes into and comes out of.
fn lifecycle(text: &str) {
    rewritten::<LifecycleMetadata>(text);
    let Ok(label) = serde_json::from_str::<LifecycleMetadata>(text) else { return };
    let metadata = analyzed::Metadata::from(label);
    let written = go_toml::to_string(&metadata).expect("a label has a form in TOML");
    let read: analyzed::Metadata = toml::from_str(&written).expect("what was written is read");
    assert_eq!(read, metadata);
    let label = LifecycleMetadata::try_from(read).expect("JSON has all numbers of JSON");
    assert_eq!(analyzed::Metadata::from(label), metadata);
}

fn rewritten<T: DeserializeOwned + Serialize>(text: &str) {
    let Ok(label) = serde_json::from_str::<T>(text) else { return };
    let written = go_json::to_string(&label).expect("a label is JSON");
    let again: T = serde_json::from_str(&written).expect("what was written is read");
    assert_eq!(value(&again), value(&label));
    assert_eq!(go_json::to_string(&again).expect("a label is JSON"), written);
}

/// In Go all numbers are floating point numbers, which may be written as integers.
fn value(label: &impl Serialize) -> Value {
    any::as_go_reads(serde_json::to_value(label).expect("a label is JSON"))
}
