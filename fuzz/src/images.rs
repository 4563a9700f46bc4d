//! JSON of images: configs, manifests, indexes, platforms.

use std::fmt::Debug;

use cnb_cache::record::Record;
use cnb_core::encode::go_json;
use cnb_lifecycle::export::config::Config;
use cnb_oci::config::ImageConfig;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Index;
use cnb_oci::descriptor::Manifest;
use cnb_oci::platform::Platform;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Input;

/// Reads the same bytes as each of them.
pub fn check(data: &[u8]) -> Input {
    if let Ok(config) = ImageConfig::parse(data.to_vec()) {
        lossless(&config, data);
    }
    if let Ok(config) = Config::read(data) {
        as_in_go(&config);
    }
    if let Ok(record) = Record::new(data) {
        assert_eq!(record.config(), data);
    }
    rewritten::<Descriptor>(data);
    rewritten::<Index>(data);
    rewritten::<Manifest>(data);
    rewritten::<Platform>(data);
    Input::Used
}

/// Bytes are kept, and an edit changes what it is for and nothing else.
fn lossless(config: &ImageConfig, data: &[u8]) {
    assert_eq!(config.bytes(), data);
    let _ = (config.os(), config.architecture(), config.variant(), config.user(), config.working_dir());
    let _ = (config.env().count(), config.entrypoint().count(), config.cmd().count());
    let edited = config.edit().label("fuzz", "<new>").env("FUZZ", "a=b").finish();
    let edited = edited.expect("a config that was read can be changed");
    assert_eq!(edited.label("fuzz"), Some("<new>"));
    assert!(edited.env().any(|variable| variable == ("FUZZ", "a=b")));
    assert_eq!(edited.diff_ids(), config.diff_ids());
    for (key, value) in config.document().iter().filter(|(key, _)| *key != "config") {
        let edited = edited.document().get(key).expect("the key is kept");
        assert_eq!(go_json::to_string(edited).ok(), go_json::to_string(value).ok(), "{key}");
    }
}

/// Reading and writing a second time changes nothing.
fn as_in_go(config: &Config) {
    let written = config.to_bytes();
    let again = Config::read(&written).expect("what was written is read").to_bytes();
    assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&written));
    let _ = (config.top_layer(), config.env("PATH"));
}

fn rewritten<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) {
    let Ok(document) = serde_json::from_slice::<T>(data) else { return };
    let written = serde_json::to_vec(&document).expect("it is JSON");
    let again: T = serde_json::from_slice(&written).expect("what was written is read");
    assert_eq!(again, document);
}
