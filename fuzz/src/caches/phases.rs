//! What phases put into `<layers>` and into volumes, as caches say.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use cnb_cache::volume::VolumeCache;
use cnb_core::api::PlatformApi;
use cnb_core::id::LayerName;
use cnb_core::labels::lifecycle::LifecycleMetadata;
use cnb_lifecycle::phase::launch_layers;
use cnb_lifecycle::phase::launch_layers::Giving;
use cnb_lifecycle::phase::restore;
use cnb_lifecycle::phase::shared_layers;
use cnb_lifecycle::phase::shared_layers::Shared;
use cnb_lifecycle::restore::check::check;

use super::LAYER;
use super::file_store;
use super::group;
use super::namespace;
use crate::cage::Cage;

/// Restores what the cache in a directory says, and the label of a previous image that has the same text: nothing but
/// `layers` changes.
pub(super) fn restore(files: &Path, layers: &Path, label: &str) {
    let cache = VolumeCache::open(files).expect("nobody else has it");
    let previous: LifecycleMetadata = serde_json::from_str(label).unwrap_or_default();
    let group = group();
    let _ = launch_layers::recall(layers, &cache, Some(&cache));
    let inputs = restore::Inputs {
        api: PlatformApi::NEWEST,
        layers,
        group: &group,
        previous: &previous,
        cache: Some(&cache),
        skip_layers: false,
    };
    if restore::restore(&inputs).is_err() {
        return;
    }
    // A buildpack that keeps a layer without having its contents.
    let layer = layers.join(LAYER);
    let _ = fs::remove_dir_all(&layer);
    fs::create_dir_all(layer.parent().expect("it is in a directory")).expect("a directory");
    fs::write(layer.with_extension("toml"), "[types]\nlaunch = true\n").expect("a file");
    for archives in [true, false] {
        let _ = launch_layers::complete(
            layers,
            &group,
            &Giving { launch: Some(&cache), previous: None, archives },
        );
        let _ = fs::remove_file(&layer);
    }
}

/// Takes layers of others into a volume. What is in there then can be unpacked by who trusts it.
pub(super) fn fill(index: &str) {
    let cage = Cage::new();
    let (files, layers) = (cage.room(), cage.room());
    let store = file_store(index, &cage.room(), &layers);
    let shared = Shared { store: &store, namespace: &namespace() };
    let open = || VolumeCache::open(&files).expect("nobody else has it");
    shared_layers::fill(&layers, &group(), shared, open()).expect("what cannot be used is left out");
    let volume = open();
    for buildpack in volume.metadata().expect("it was written").buildpacks {
        let element = group().into_iter().find(|element| element.id.as_str() == buildpack.id);
        let directory = layers.join(element.expect("a buildpack that builds").id.escape());
        for (name, layer) in &buildpack.layers {
            name.parse::<LayerName>().expect("the name of a directory");
            let mut tar = Vec::new();
            let mut reader = volume.read(&layer.sha).expect("it was put there");
            reader.read_to_end(&mut tar).expect("it is whole");
            check(tar.as_slice(), &directory.join(name)).expect("it stays in its layer");
        }
    }
    drop(volume);
    cage.close();
}
