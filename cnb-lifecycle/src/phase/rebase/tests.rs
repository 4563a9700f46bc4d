use std::sync::Mutex;

use cnb_core::digest::DiffId;
use cnb_oci::layout::Layout;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::image_store::ImageStore as _;
use crate::image_store::Result;
use crate::image_store::WriteLayer;
use crate::image_store::layouts::LayoutDirectory;

/// Keeps what is saved.
#[derive(Debug)]
struct Recorder {
    app: FoundImage,
    saved: Mutex<Option<(Manifest, Value)>>,
}

impl ImageTarget for Recorder {
    fn name(&self) -> String {
        "app".to_owned()
    }

    fn add(&self, _: &WriteLayer<'_>) -> Result<(DiffId, Descriptor)> {
        panic!("a rebase makes no layers")
    }

    fn reuse(&self, diff_id: &DiffId) -> Result<Descriptor> {
        Ok(self.app.layer(diff_id).expect("a layer of the image").clone())
    }

    fn save(&self, manifest: Manifest, config: &[u8]) -> Result<Saved> {
        let config = serde_json::from_slice(config).expect("a config");
        *self.saved.lock().expect("a lock") = Some((manifest, config));
        Ok(Saved::new(Vec::new(), "app", None, 1))
    }
}

pub(super) fn diff_id(layer: &str) -> DiffId {
    cnb_oci::digest(layer.as_bytes())
}

/// An image in a layout without its layers, which a rebase does not read.
pub(super) fn image(name: &str, layers: &[&str], mut config: Value) -> FoundImage {
    let directory = tempfile::tempdir().expect("a directory");
    let store = LayoutDirectory::new(directory.path());
    let layout = Layout::create(store.path(name).expect("a name")).expect("a layout");
    let diff_ids: Vec<DiffId> = layers.iter().map(|layer| diff_id(layer)).collect();
    config["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
    let blob = layout.blobs().put(config.to_string().as_bytes()).expect("a config");
    let config = Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size);
    let compressed = |layer: &&str| cnb_oci::digest(format!("{layer}, compressed").as_bytes());
    let layers = layers.iter().map(|layer| Descriptor::new(media_type::OCI_LAYER_GZIP, compressed(layer), 1));
    layout.put_only_image("latest", &Manifest::new(config, layers.collect())).expect("an image");
    let found = store.find(name).expect("a store").expect("an image");
    FoundImage { name: name.to_owned(), identifier: format!("{name}@sha256:1"), ..found }
}

/// An image on `old base`, with two layers of its own.
pub(super) fn app(api: &str, labels: Value) -> FoundImage {
    let label = json!({
        "unknown": 1,
        "runImage": {"topLayer": diff_id("old base"), "reference": "run@sha256:0", "image": "run", "mirrors": ["mirror/run"]},
        "stack": {"runImage": {"image": "run"}},
    });
    let mut labels = labels;
    labels[lifecycle::LABEL] = label.to_string().into();
    let config = json!({
        "architecture": "arm64", "os": "linux", "variant": "v8", "author": "me", "docker_version": "1",
        "history": [{"created_by": "a"}, {"empty_layer": true}, {"created_by": "b"}],
        "config": {"Env": [format!("CNB_PLATFORM_API={api}"), "PATH=/old"], "Labels": labels, "Cmd": ["x"]},
    });
    image("app", &["old base", "app", "launcher"], config)
}

pub(super) fn base(name: &str, architecture: &str) -> FoundImage {
    let labels = json!({
        "io.buildpacks.base.x": "new", "io.buildpacks.stack.id": "s", "other": "new", "io.buildpacks.base.y": "new"
    });
    let config = json!({
        "architecture": architecture, "os": "linux", "os.version": "9",
        "config": {"Env": ["PATH=/new"], "Labels": labels, "User": "1:1"},
    });
    image(name, &["new base", "upper"], config)
}

fn run(inputs: &Inputs<'_>) -> std::result::Result<(Manifest, Value), RebaseError> {
    let target = Recorder { app: inputs.app.clone(), saved: Mutex::default() };
    rebase(inputs, &target)?;
    Ok(target.saved.into_inner().expect("a lock").expect("a saved image"))
}

pub(super) fn label(config: &Value) -> Value {
    let label = config["config"]["Labels"][lifecycle::LABEL].as_str().expect("a label");
    serde_json::from_str(label).expect("JSON")
}

#[test]
fn layers_and_platform_come_from_the_new_base_and_processes_stay() {
    let app = app(
        "0.12",
        json!({"io.buildpacks.stack.gone": "old", "other": "old", "io.buildpacks.base.x": "old"}),
    );
    let new_base = base("run", "arm64");
    let inputs = Inputs { api: PlatformApi::NEWEST, app: &app, new_base: &new_base, force: false };
    let (manifest, config) = run(&inputs).expect("an image");
    let diff_ids: Vec<DiffId> = ["new base", "upper", "app", "launcher"].map(diff_id).into();
    let created = json!({"created": "1980-01-01T00:00:01Z"});
    let label_text = config["config"]["Labels"][lifecycle::LABEL].clone();
    assert_eq!(
        config,
        json!({
            "architecture": "arm64", "os": "linux", "os.version": "9", "created": created["created"],
            "history": [created, created, created, created],
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "config": {"Env": ["CNB_PLATFORM_API=0.12", "PATH=/old"], "Cmd": ["x"], "Labels": {
                "io.buildpacks.base.x": "new", "io.buildpacks.base.y": "new", "io.buildpacks.stack.id": "s",
                "other": "old", lifecycle::LABEL: label_text,
            }},
        })
    );
    assert_eq!(
        label(&config)["runImage"],
        json!({"topLayer": diff_id("upper"), "reference": "run@sha256:1", "image": "run", "mirrors": ["mirror/run"]})
    );
    assert_eq!(label(&config).get("unknown"), None);
    assert_eq!(manifest.media_type, media_type::DOCKER_MANIFEST);
    assert_eq!(manifest.config.media_type, media_type::DOCKER_CONFIG);
    let upper = &app.image.manifest.layers[1..];
    assert_eq!(manifest.layers, [&new_base.image.manifest.layers, upper].concat());
}

#[test]
fn platforms_before_targets_leave_labels_of_the_base_alone() {
    let app = app("0.11", json!({"io.buildpacks.base.x": "old", "io.buildpacks.stack.id": "s"}));
    let new_base = base("elsewhere", "arm64");
    let inputs = Inputs { api: PlatformApi::v0(11), app: &app, new_base: &new_base, force: false };
    let (_, config) = run(&inputs).expect("an image");
    assert_eq!(config["config"]["Labels"]["io.buildpacks.base.x"], "old");
    assert_eq!(label(&config)["runImage"]["image"], "run");
}

#[test]
fn what_speaks_against_a_rebase_can_be_overridden() {
    let not_rebasable = json!({"io.buildpacks.rebasable": "false"});
    for (labels, name, architecture, expected) in [
        (json!({}), "run", "arm64", ""),
        (
            not_rebasable,
            "run",
            "arm64",
            "app image is not marked as rebasable; please provide -force to override",
        ),
        (
            json!({}),
            "run",
            "amd64",
            r#"unable to satisfy target os/arch constraints; new run image: {"os":"linux","arch":"amd64"}, old run image: {"os":"linux","arch":"arm64","arch-variant":"v8"}; please provide -force to override"#,
        ),
        (json!({}), "elsewhere", "arm64", "rebase app image: new base image 'elsewhere' not found"),
    ] {
        let (app, new_base) = (app("0.12", labels), base(name, architecture));
        let inputs = Inputs { api: PlatformApi::NEWEST, app: &app, new_base: &new_base, force: false };
        let refused = run(&inputs).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.starts_with(expected) && refused.is_empty() == expected.is_empty(), "{refused}");
        let (_, config) = run(&Inputs { force: true, ..inputs }).expect(expected);
        assert_eq!(config["architecture"], architecture);
        assert_eq!(label(&config)["runImage"]["image"], name);
    }
}

#[test]
fn images_that_make_no_sense_are_refused() {
    let empty = image("run", &[], json!({"architecture": "arm64", "os": "linux"}));
    let not_on_its_base = image("app", &["app"], json!({"config": {"Env": ["CNB_PLATFORM_API=0.12"]}}));
    let no_api = app("x", json!({}));
    let no_stack = app("0.11", json!({}));
    let (app, new_base) = (app("0.12", json!({})), base("run", "arm64"));
    for (app, new_base, expected) in [
        (&app, &empty, "get rebase run image top layer SHA: image has no layers"),
        (&not_on_its_base, &new_base, "rebase app image: could not find base layer in image"),
        (&no_api, &new_base, "failed to get app image platform API"),
        (&no_stack, &new_base, "stack not defined on app image"),
    ] {
        let inputs = Inputs { api: PlatformApi::NEWEST, app, new_base, force: true };
        assert_eq!(run(&inputs).expect_err(expected).to_string(), expected);
    }
}

#[test]
fn lists_of_the_label_are_as_they_were() {
    for (old, expected) in [
        ("{}", r#"{"app":null,"buildpacks":null,"#),
        (r#"{"app":[],"buildpacks":[]}"#, r#"{"app":[],"buildpacks":[],"#),
        (
            r#"{"buildpacks":[{"layers":{}},{}]}"#,
            r#"{"app":null,"buildpacks":[{"key":"","version":"","layers":{}},{"key":"","version":"","layers":null}],"#,
        ),
        (
            r#"{"app":[{"sha":"1","b":{"d":1,"c":null}}]}"#,
            r#"{"app":[{"b":{"c":null,"d":1},"sha":"1"}],"buildpacks":null,"#,
        ),
    ] {
        let label = Value::from(old).to_string();
        let config = format!(
            r#"{{"config":{{"Labels":{{"{}":{label}}}}},"rootfs":{{"type":"layers","diff_ids":[]}}}}"#,
            lifecycle::LABEL
        );
        let config = ImageConfig::parse(config.into_bytes()).expect("a config");
        let label = written(&metadata(&config).expect("a label"), &config);
        assert!(label.starts_with(expected), "{label}");
    }
}
