//! Against Debian's `docker-registry` and `skopeo`.

use std::io::Read as _;
use std::process::Command;

use cnb_core::reference::Reference;
use cnb_oci::config::ImageConfig;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Index;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use cnb_oci::platform::Platform;
use cnb_oci::registry::Copied;
use cnb_oci::registry::Error;
use cnb_oci::registry::Options;
use cnb_oci::registry::Registry;

use crate::distribution::Distribution;

fn name(text: &str) -> Reference {
    text.parse().expect(text)
}

fn client() -> Registry {
    Registry::new(Options::new()).expect("valid options")
}

/// The tar of a layer; it is large enough to pass through buffers.
fn layer() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "data", &content[..]).expect("a buffer takes it");
    tar.into_inner().expect("a buffer takes it")
}

/// An image of one layer, streamed.
fn push(registry: &Registry, to: &Reference, architecture: &str, layer: &[u8]) -> Descriptor {
    let blob = registry.upload(to, &|out| out.write_all(layer)).expect("it is uploaded");
    assert_eq!((&blob.digest, blob.size), (&cnb_oci::digest(layer), layer.len() as u64));
    let history =
        cnb_oci::config::History { created: "1980-01-01T00:00:01Z".into(), created_by: "test".into() };
    let config = ImageConfig::empty("linux", architecture).edit().layer(&blob.digest, &history).finish();
    let config = registry.put_blob(to, config.expect("valid").bytes()).expect("it is uploaded");
    let config = Descriptor::new(media_type::OCI_CONFIG, config.digest, config.size);
    let manifest =
        Manifest::new(config, vec![Descriptor::new(media_type::OCI_LAYER, blob.digest, blob.size)]);
    let bytes = serde_json::to_vec(&manifest).expect("it can be serialised");
    registry.put_manifest(to, media_type::OCI_MANIFEST, &bytes).expect("it is written")
}

fn read(registry: &Registry, image: &Reference, blob: &Descriptor) -> Vec<u8> {
    let mut bytes = Vec::new();
    registry.blob(image, blob).expect("it is there").read_to_end(&mut bytes).expect("it is valid");
    bytes
}

#[test]
#[ignore = "needs docker-registry and skopeo: run by cargo xtask test local"]
fn images_are_pushed_pulled_mounted_and_removed() {
    let server = Distribution::start();
    let registry = client();
    let (app, other) = (name(&server.image("team/app:1")), name(&server.image("other:1")));
    registry.check_write(&app).expect("it may be written");
    assert!(registry.check_read(&app).expect_err("not there").is_not_found());
    assert!(registry.manifest(&app).expect("no error").is_none());
    assert!(registry.head(&app).expect("no error").is_none());

    let tar = layer();
    let descriptor = push(&registry, &app, "amd64", &tar);
    registry.check_read(&app).expect("it is there");
    assert_eq!(registry.head(&app).expect("no error").as_ref(), Some(&descriptor));
    let platform: Platform = "linux/amd64".parse().expect("a platform");
    let image = registry.image(&app, &platform).expect("valid").expect("it is there");
    assert_eq!(image.descriptor, descriptor);
    let (_, blob) = image.layers().next().expect("a layer");
    assert!(read(&registry, &app, blob) == tar, "the layer is another one");

    let copied =
        |from: (&Registry, &Reference), to| registry.copy_blob(from, to, blob).expect("it is copied");
    assert_eq!(copied((&registry, &app), &app), Copied::Present);
    assert_eq!(copied((&registry, &app), &other), Copied::Mounted);
    assert!(registry.has_blob(&other, &blob.digest).expect("no error"));
    assert!(!registry.mount_blob(&other, "team/app", &cnb_oci::digest(b"no such")).expect("a refusal"));
    let second = Distribution::start();
    let far = name(&second.image("app"));
    assert_eq!(client().copy_blob((&registry, &app), &far, blob).expect("it is copied"), Copied::Uploaded);
    assert!(read(&registry, &far, blob) == tar, "the copy is another one");

    let by_digest = name(&server.image(&format!("team/app@{}", descriptor.digest)));
    registry.delete_manifest(&by_digest).expect("it can be removed");
    assert!(registry.manifest(&by_digest).expect("no error").is_none());
}

#[test]
#[ignore = "needs docker-registry and skopeo: run by cargo xtask test local"]
fn skopeo_agrees() {
    let server = Distribution::start();
    let app = server.image("app:1");
    let descriptor = push(&client(), &name(&app), "amd64", &layer());
    let output = Command::new("skopeo")
        .args(["inspect", "--tls-verify=false", &format!("docker://{app}")])
        .output()
        .expect("`skopeo` of the Debian package runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(said["Digest"], descriptor.digest.as_str());
    assert_eq!(said["Architecture"], "amd64");
    assert_eq!(said["Layers"], serde_json::json!([cnb_oci::digest(&layer()).as_str()]));
}

#[test]
#[ignore = "needs docker-registry and skopeo: run by cargo xtask test local"]
fn indexes_are_resolved_by_platform() {
    let server = Distribution::start();
    let registry = client();
    let all = name(&server.image("app:all"));
    let manifests = [("amd64", None), ("arm64", Some("v8"))].map(|(architecture, variant)| {
        let mut entry =
            push(&registry, &name(&server.image(&format!("app:{architecture}"))), architecture, b"x");
        let platform =
            Platform { architecture: architecture.to_owned(), os: "linux".to_owned(), ..Platform::default() };
        entry.platform = Some(Platform { variant: variant.map(str::to_owned), ..platform });
        entry
    });
    let index = Index { manifests: manifests.to_vec(), ..Index::default() };
    let bytes = serde_json::to_vec(&index).expect("it can be serialised");
    registry.put_manifest(&all, media_type::OCI_INDEX, &bytes).expect("it is written");

    for (platform, expected) in
        [("linux/amd64", "amd64"), ("linux/arm64", "arm64"), ("linux/arm64/v8", "arm64")]
    {
        let image = registry.image(&all, &platform.parse().expect(platform)).expect("valid").expect("there");
        assert_eq!(image.config.architecture(), expected, "{platform}");
    }
    let error = registry.image(&all, &"linux/s390x".parse().expect("a platform")).expect_err("not there");
    assert!(matches!(error, Error::NoPlatform { .. }), "{error}");
    assert!(
        error.to_string().ends_with("is not for linux/s390x, but for linux/amd64, linux/arm64/v8"),
        "{error}"
    );
}
