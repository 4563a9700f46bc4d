//! Images to rebase. Their layers are no tars: nothing looks into them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cnb_core::labels::lifecycle;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Index;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::REF_NAME;
use cnb_oci::descriptor::media_type;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;
use serde_json::Value;
use serde_json::json;

use crate::server::Server;

/// The name of the run image that applications are on.
pub(crate) const RUN: &str = "cnb.example/run:1";

/// The tar of a layer, as digests see it.
pub(crate) fn diff_id(layer: &str) -> String {
    cnb_oci::digest(layer.as_bytes()).to_string()
}

/// The blob of a layer.
pub(crate) fn blob(layer: &str) -> Vec<u8> {
    format!("compressed {layer}").into_bytes()
}

/// The digest of that blob.
pub(crate) fn blob_digest(layer: &str) -> String {
    cnb_oci::digest(&blob(layer)).to_string()
}

/// Puts an image into a layout: a config with these layers, each with an entry of history.
pub(crate) fn put(layout: &Path, tag: Option<&str>, layers: &[&str], config: Value) -> Descriptor {
    let layout = Layout::create(layout).expect("a layout");
    let mut config = config;
    config["rootfs"] =
        json!({"type": "layers", "diff_ids": layers.iter().map(|name| diff_id(name)).collect::<Vec<_>>()});
    config["history"] = layers.iter().map(|layer| json!({"created_by": format!("made {layer}")})).collect();
    let put = |media_type: &str, bytes: &[u8]| {
        let blob = layout.blobs().put(bytes).expect("a blob");
        Descriptor::new(media_type, blob.digest, blob.size)
    };
    let layers = layers.iter().map(|layer| put(media_type::OCI_LAYER_GZIP, &blob(layer))).collect();
    let config = put(media_type::OCI_CONFIG, config.to_string().as_bytes());
    let mut manifest = Manifest::new(config, layers);
    manifest.annotations.insert("kept".to_owned(), "yes".into());
    layout.put_image(tag, &manifest).expect("an image")
}

/// A run image for an architecture, of one layer with this name.
pub(crate) fn put_run(layout: &Path, tag: Option<&str>, layer: &str, architecture: &str) -> Descriptor {
    let labels = json!({"io.buildpacks.base.distro.name": "debian", "io.buildpacks.base.version": layer});
    let config = json!({"architecture": architecture, "os": "linux", "config": {"Labels": labels}});
    put(layout, tag, &[layer], config)
}

/// An application that was built on the run image of the layer `run` with the digest `on`, with the layers `app` and
/// `launcher` above; `run_image` is what else its label says of the run image.
pub(crate) fn put_app(layout: &Path, tag: Option<&str>, app: &App<'_>) -> Descriptor {
    let mut run_image = app.run_image.clone();
    run_image["topLayer"] = diff_id(app.run).into();
    run_image["reference"] = format!("cnb.example/run@{}", app.on).into();
    let label = json!({
        "app": [{"sha": diff_id("app")}],
        "launcher": {"sha": diff_id("launcher")},
        "runImage": run_image,
        "unknown": {"z": 1, "a": 2.5},
    });
    let mut labels =
        json!({lifecycle::LABEL: label.to_string(), "io.buildpacks.base.distro.name": "debian", "mine": "1"});
    if !app.is_rebasable {
        labels["io.buildpacks.rebasable"] = "false".into();
    }
    let config = json!({
        "architecture": app.architecture, "os": "linux", "author": "me", "created": "1980-01-01T00:00:01Z",
        "config": {"Env": ["CNB_PLATFORM_API=0.15", "PATH=/cnb"], "Entrypoint": ["/cnb/process/web"], "Labels": labels},
    });
    put(layout, tag, &[app.run, "app", "launcher"], config)
}

/// What an application is.
pub(crate) struct App<'a> {
    pub(crate) run: &'a str,
    pub(crate) on: String,
    pub(crate) architecture: &'a str,
    pub(crate) run_image: Value,
    pub(crate) is_rebasable: bool,
}

impl<'a> App<'a> {
    pub(crate) fn new(run: &'a str, on: &Descriptor) -> Self {
        let (on, run_image) = (on.digest.to_string(), json!({"image": RUN}));
        Self { run, on, architecture: "amd64", run_image, is_rebasable: true }
    }
}

/// Puts an index of manifests that are in the layout already.
pub(crate) fn put_index(layout: &Path, tag: &str, manifests: Vec<Descriptor>) {
    let bytes = serde_json::to_vec(&Index { manifests, ..Index::default() }).expect("an index");
    let mut entry = Descriptor::new(media_type::OCI_INDEX, cnb_oci::digest(&bytes), bytes.len() as u64);
    entry.annotations.insert(REF_NAME.to_owned(), tag.into());
    Layout::create(layout).and_then(|layout| layout.put_document(&entry, &bytes)).expect("an index");
}

/// The entry of an index for a platform.
pub(crate) fn entry(manifest: &Descriptor, platform: &str) -> Descriptor {
    let platform: Platform = platform.parse().expect("a platform");
    let mut entry = Descriptor::new(&manifest.media_type, manifest.digest.clone(), manifest.size);
    entry.platform = Some(platform);
    entry
}

/// The application `app` in the layout, for amd64, and the run image that it is on, of which there is a newer one under
/// its name.
pub(crate) fn app_and_new_run(layout: &Path) {
    let old = put_run(layout, Some(RUN), "old run", "amd64");
    put_app(layout, Some("app"), &App::new("old run", &old));
    put_run(layout, Some(RUN), "new run", "amd64");
}

/// Puts what a layout names into a repository of a registry: its digest.
pub(crate) fn serve(server: &Server, layout: &Path, tag: &str, repository: &str, name: &str) -> String {
    let layout = Layout::open(layout).expect("a layout");
    let entry = layout.entry(Some(tag)).expect("an image");
    serve_document(server, &layout, &entry, repository, name)
}

fn serve_document(
    server: &Server,
    layout: &Layout,
    entry: &Descriptor,
    repository: &str,
    name: &str,
) -> String {
    let read = |part: &Descriptor| layout.blobs().read(&part.digest, part.size).expect("a blob");
    let bytes = read(entry);
    if entry.is_index() {
        let index: Index = serde_json::from_slice(&bytes).expect("an index");
        for part in &index.manifests {
            serve_document(server, layout, part, repository, part.digest.as_str());
        }
    } else {
        let manifest: Manifest = serde_json::from_slice(&bytes).expect("a manifest");
        for part in manifest.layers.iter().chain([&manifest.config]) {
            server.add_blob(repository, &read(part));
        }
    }
    server.add_manifest(repository, name, &entry.media_type, &bytes)
}

/// An image of a layout: its manifest, its config and the label of the lifecycle.
pub(crate) fn read(layout: &Path, tag: Option<&str>, architecture: &str) -> (Value, Value, Value) {
    let platform: Platform = format!("linux/{architecture}").parse().expect("a platform");
    let image = Layout::open(layout).and_then(|layout| layout.image(tag, &platform)).expect("an image");
    let json = |bytes: &[u8]| -> Value { serde_json::from_slice(bytes).expect("JSON") };
    let label = image.config.label(lifecycle::LABEL).map_or(Value::Null, |label| json(label.as_bytes()));
    (json(&image.manifest_bytes), json(image.config.bytes()), label)
}

/// The files of a directory with their contents.
pub(crate) fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).expect("a file"));
        }
    }
    found
}
