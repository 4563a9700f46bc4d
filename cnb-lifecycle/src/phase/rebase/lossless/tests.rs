use cnb_core::api::PlatformApi;
use cnb_oci::descriptor::media_type;
use serde_json::json;

use super::super::Manner;
use super::super::tests::app;
use super::super::tests::base;
use super::super::tests::diff_id;
use super::super::tests::label;
use super::*;
use crate::image_store::FoundImage;

fn rebased(app: &FoundImage, new_base: &FoundImage) -> (Planned, Value) {
    let inputs = Inputs { api: PlatformApi::NEWEST, app, new_base, force: false };
    let planned = super::super::plan(&inputs, Manner::Lossless, &mut |_| panic!("nothing speaks against it"));
    let planned = planned.expect("an image");
    let config = serde_json::from_slice(&planned.config).expect("a config");
    (planned, config)
}

#[test]
fn what_has_nothing_to_do_with_the_base_stays() {
    let app = app(
        "0.12",
        json!({"io.buildpacks.base.x": "old", "io.buildpacks.stack.gone": "old", "other": "old"}),
    );
    let (planned, config) = rebased(&app, &base("run", "arm64"));
    let diff_ids: Vec<DiffId> = ["new base", "upper", "app", "launcher"].map(diff_id).into();
    let label_text = config["config"]["Labels"][lifecycle::LABEL].clone();
    assert_eq!(
        config,
        json!({
            "architecture": "arm64", "os": "linux", "os.version": "9", "author": "me", "docker_version": "1",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "config": {"Env": ["CNB_PLATFORM_API=0.12", "PATH=/old"], "Cmd": ["x"], "Labels": {
                "io.buildpacks.base.x": "new", "io.buildpacks.base.y": "new", "io.buildpacks.stack.id": "s",
                "other": "old", lifecycle::LABEL: label_text,
            }},
        }),
        "the variant is that of the base, and history that fits neither image is none"
    );
    assert_eq!(
        label(&config),
        json!({
            "unknown": 1,
            "runImage": {"topLayer": diff_id("upper"), "reference": "run@sha256:1", "image": "run", "mirrors": ["mirror/run"]},
            "stack": {"runImage": {"image": "run"}},
        })
    );
    assert_eq!(planned.kept, ["app", "launcher"].map(diff_id));
    assert_eq!(planned.manifest.media_type, media_type::OCI_MANIFEST);
    assert_eq!(planned.manifest.config.digest, cnb_oci::digest(&planned.config));
    assert!(planned.is_changed);
}

#[test]
fn layers_of_the_base_have_the_media_types_of_the_image() {
    let (mut app, mut base) = (app("0.12", json!({})), base("run", "arm64"));
    let types = |planned: &Planned| {
        planned.manifest.layers.iter().map(|layer| layer.media_type.clone()).collect::<Vec<_>>()
    };
    base.image.manifest.layers[0].media_type = media_type::DOCKER_LAYER_GZIP.to_owned();
    base.image.manifest.layers[1].media_type = media_type::OCI_LAYER_ZSTD.to_owned();
    let oci = media_type::OCI_LAYER_GZIP;
    assert_eq!(types(&rebased(&app, &base).0), [oci, media_type::OCI_LAYER_ZSTD, oci, oci]);
    app.image.manifest.media_type = media_type::DOCKER_MANIFEST.to_owned();
    base.image.manifest.layers[0].media_type = oci.to_owned();
    assert_eq!(
        types(&rebased(&app, &base).0),
        [media_type::DOCKER_LAYER_GZIP, media_type::OCI_LAYER_ZSTD, oci, oci]
    );
}

#[test]
fn annotations_name_the_new_base_where_they_named_the_old_one() {
    let (mut app, base) = (app("0.12", json!({})), base("run", "arm64"));
    let annotations = &mut app.image.manifest.annotations;
    annotations.insert(BASE_DIGEST.to_owned(), "sha256:old".into());
    annotations.insert("mine".to_owned(), "1".into());
    let (planned, _) = rebased(&app, &base);
    let expected = json!({BASE_DIGEST: base.image.descriptor.digest, "mine": "1"});
    assert_eq!(Value::Object(planned.manifest.annotations), expected);
}

#[test]
fn the_same_base_changes_nothing() {
    let (app, mut base) = (app("0.12", json!({})), base("run", "arm64"));
    base.image.manifest.layers = app.image.manifest.layers[..1].to_vec();
    let same = |base: &FoundImage| {
        let old: LifecycleMetadata = crate::phase::analyze::metadata(&app.image.config).expect("a label");
        let mut new = old.clone();
        new.run_image.reference.clone_from(&base.identifier);
        is_on(&app.image, 1, &base.image) && same_run_image(&old, &new)
    };
    base.identifier = "elsewhere/run@sha256:0".to_owned();
    assert!(same(&base), "the digest counts");
    base.identifier = "run@sha256:1".to_owned();
    assert!(!same(&base), "labels of the base may be new");
    base.identifier = "run@sha256:0".to_owned();
    base.image.manifest.layers.clear();
    assert!(!same(&base));
}
