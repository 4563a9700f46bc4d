//! JSON of images: configs, manifests, indexes, platforms. Configs are those of images that get another base, too.

use std::fmt::Debug;

use cnb_cache::record::Record;
use cnb_core::api::PlatformApi;
use cnb_core::digest::DiffId;
use cnb_core::encode::go_json;
use cnb_lifecycle::export::config::Config;
use cnb_lifecycle::image_store::FoundImage;
use cnb_lifecycle::phase::rebase;
use cnb_lifecycle::phase::rebase::Manner;
use cnb_oci::config::ImageConfig;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Index;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Input;

/// Reads the same bytes as each of them.
pub fn check(data: &[u8]) -> Input {
    if let Ok(config) = ImageConfig::parse(data.to_vec()) {
        lossless(&config, data);
        rebased(config.diff_ids(), data);
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

/// On another base the image has the layers of that, and above them layers that it had; so has the base on the image.
fn rebased(diff_ids: &[DiffId], config: &[u8]) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let layout = Layout::create(directory.path()).expect("a layout");
    let image = |name: &str, config: &[u8], diff_ids: &[DiffId]| {
        let blob = layout.blobs().put(config).expect("a blob");
        let layer = |id: &DiffId| Descriptor::new(media_type::OCI_LAYER, id.clone(), 1);
        let config = Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size);
        let manifest = Manifest::new(config, diff_ids.iter().map(layer).collect());
        let entry = layout.put_only_image(name, &manifest).expect("it can be written");
        FoundImage::new(name, name, layout.image_of(entry).expect("it was just written"))
    };
    let base = ImageConfig::parse(BASE).expect("a config");
    let (app, base) = (image("app", config, diff_ids), image("run", BASE.as_bytes(), base.diff_ids()));
    for (app, new_base) in [(&app, &base), (&base, &app)] {
        for manner in [Manner::Lossless, Manner::Lifecycle] {
            let inputs = rebase::Inputs { api: PlatformApi::NEWEST, app, new_base, force: true };
            let Ok(planned) = rebase::plan(&inputs, manner, &mut drop) else { continue };
            let config = ImageConfig::parse(planned.config.clone()).expect("what was written is read");
            assert_eq!(planned.manifest.config.digest, cnb_oci::digest(&planned.config));
            let expected = [new_base.image.config.diff_ids(), &planned.kept].concat();
            assert_eq!(config.diff_ids(), expected);
            assert_eq!(planned.manifest.layers.len(), expected.len());
            assert!(app.image.config.diff_ids().ends_with(&planned.kept));
        }
    }
}

/// An image that can get another base.
const BASE: &str = r#"{"architecture":"amd64","os":"linux","config":{"Labels":{"io.buildpacks.lifecycle.metadata":"{\"runImage\":{\"topLayer\":\"sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"}}"}},"rootfs":{"type":"layers","diff_ids":["sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"]},"history":[{"created_by":"a"},{"empty_layer":true},{"created_by":"b"},{}]}"#;

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
