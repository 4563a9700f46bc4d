//! Registries that fail while phases use them.

use std::fs;
use std::process::Output;

use cnb_core::backend::File;
use cnb_oci::config::ImageConfig;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;
use cnb_oci::platform::Platform;

use crate::build::Build;
use crate::server::Fault;
use crate::server::Server;

/// What must not be in any output: of the credentials, each part and how they are sent.
const SECRETS: [&str; 3] = ["planted-user", "planted-password", ENCODED];
const ENCODED: &str = "cGxhbnRlZC11c2VyOnBsYW50ZWQtcGFzc3dvcmQ=";
/// More often than anything is tried.
const ALWAYS: usize = 20;

type Faults<'a> = Vec<(&'static str, &'a str, Fault)>;

/// A build over a registry with a run image, which wants a token for all it does.
struct Bench {
    build: Build,
    server: Server,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { build: Build::new(), server: Server::start() };
        bench.server.need_token(Some("planted-user:planted-password"));
        let mut tar = Vec::new();
        let mut writer = LayerWriter::new(&mut tar, Dialect::Lifecycle);
        writer.file(&File::directory("/etc")).expect("memory");
        let (_, layer) = writer.finish().expect("memory");
        let Platform { os, architecture, .. } = Platform::host();
        let empty = ImageConfig::empty(&os, &architecture);
        let mut config: serde_json::Value = serde_json::from_slice(empty.bytes()).expect("JSON");
        config["rootfs"]["diff_ids"] = serde_json::json!([layer.diff_id]);
        let config = bench.add(media_type::OCI_CONFIG, config.to_string().as_bytes());
        let manifest = Manifest::new(config, vec![bench.add(media_type::OCI_LAYER, &tar)]);
        let manifest = serde_json::to_vec(&manifest).expect("JSON");
        bench.server.add_manifest("run", "latest", media_type::OCI_MANIFEST, &manifest);
        bench
    }

    fn add(&self, media_type: &str, bytes: &[u8]) -> Descriptor {
        let digest = self.server.add_blob("run", bytes).parse().expect("a digest");
        Descriptor::new(media_type, digest, bytes.len() as u64)
    }

    fn fail(&self, faults: Faults<'_>) {
        for (method, target, fault) in faults {
            self.server.fail(method, target, fault);
        }
    }

    /// Runs a phase that says as much as it can, and must not say who asks.
    fn run(&self, phase: &str) -> Output {
        let [run, app, cache] = ["run", "app:1", "cache"].map(|name| self.server.image(name));
        let launcher = self.build.path("cnb/launcher");
        let flags = match phase {
            "analyze" => vec!["-run-image", &run, &app],
            "restore" => vec!["-cache-image", &cache],
            _ => vec!["-launcher", &launcher, "-cache-image", &cache, &app],
        };
        let mut command = self.build.command(&[&[phase, "-log-level", "debug"], flags.as_slice()].concat());
        let credentials = format!(r#"{{"{}":"Basic {ENCODED}"}}"#, self.server.address);
        let output = command.env("CNB_REGISTRY_AUTH", credentials).output().expect("the lifecycle runs");
        let all = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
        for secret in SECRETS {
            assert!(!all.contains(secret), "{all}");
        }
        output
    }

    fn expect_success(&self, phase: &str, case: &str) -> String {
        let output = self.run(phase);
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(output.status.success(), "{case}: {phase}: {said}");
        said
    }

    /// The manifest with a tag, of which the registry has every part; none when there is no such tag.
    fn manifest(&self, repository: &str, tag: &str) -> Option<Vec<u8>> {
        let bytes = self.server.manifest(repository, tag)?;
        let manifest: Manifest = serde_json::from_slice(&bytes).expect("a manifest");
        for part in manifest.layers.iter().chain([&manifest.config]) {
            let blob = self.server.blob(repository, part.digest.as_str()).expect("all blobs are there");
            assert_eq!(blob.len() as u64, part.size);
        }
        Some(bytes)
    }
}

#[test]
fn what_passes_is_tried_again() {
    let refused = |status| Fault::Refusal(status, "not now");
    let cases: Vec<(&str, Faults<'_>)> = vec![
        ("a registry that wants a token", vec![]),
        (
            "a token that expires",
            vec![("GET", "/run/blobs/", Fault::Expire), ("PUT", "/app/manifests/", Fault::Expire)],
        ),
        (
            "429",
            vec![
                ("GET", "/run/manifests/", refused(429)),
                ("POST", "/app/blobs/uploads/", refused(429)),
                ("PUT", "/app/manifests/", refused(429)),
                ("GET", "/cache/blobs/", refused(429)),
            ],
        ),
        (
            "500, twice",
            vec![
                ("GET", "/run/blobs/", refused(500)),
                ("GET", "/run/blobs/", refused(500)),
                ("PATCH", "/app/blobs/uploads/", refused(500)),
                ("PATCH", "/app/blobs/uploads/", refused(500)),
                ("PUT", "/cache/manifests/", refused(500)),
                ("PUT", "/cache/manifests/", refused(500)),
            ],
        ),
        (
            "short bodies",
            vec![
                ("GET", "/run/blobs/", Fault::Short(10)),
                // The config and the first layer.
                ("GET", "/cache/blobs/", Fault::Short(10)),
                ("GET", "/cache/blobs/", Fault::Short(10)),
            ],
        ),
        (
            "connections that end",
            vec![
                ("PATCH", "/app/blobs/uploads/", Fault::HangUp(20)),
                ("PUT", "/app/manifests/", Fault::HangUp(100)),
            ],
        ),
    ];
    for (case, faults) in cases {
        let bench = Bench::new();
        bench.fail(faults);
        bench.expect_success("analyze", case);
        bench.expect_success("export", case);
        assert!(
            bench.manifest("app", "1").is_some() && bench.manifest("cache", "latest").is_some(),
            "{case}"
        );
        bench.build.forget_layers();
        let said = bench.expect_success("restore", case);
        assert!(said.contains("Restoring data for \"example/a:only\" from cache"), "{case}: {said}");
        assert_eq!(bench.build.read("layers/example_a/only/f"), "only", "{case}");
        assert_eq!(bench.server.unmet(), 0, "{case}");
    }
}

#[test]
fn what_stays_is_told_and_changes_no_tag() {
    type Case<'a> = (&'a str, &'a str, Faults<'a>, i32, &'a str);
    let always = |method, target, fault: Fault| vec![(method, target, fault); ALWAYS];
    let hang_up_then_503 = [
        vec![("PATCH", "/app/blobs/uploads/", Fault::HangUp(20))],
        always("PATCH", "/app/blobs/uploads/", Fault::Refusal(503, "out of workers")),
    ]
    .concat();
    let cases: Vec<Case<'_>> = vec![
        (
            "no run image can be had",
            "analyze",
            always("GET", "/run/manifests/", Fault::Refusal(500, "out of order")),
            32,
            "500: REFUSED: out of order",
        ),
        (
            "another manifest than asked for",
            "analyze",
            always("GET", "/run/manifests/", Fault::Corrupt),
            32,
            "is corrupt: its digest is",
        ),
        (
            "another config than the manifest names",
            "analyze",
            always("GET", "/run/blobs/", Fault::Corrupt),
            32,
            "is corrupt: its digest is",
        ),
        (
            "the run image is gone when it is needed",
            "export",
            always("GET", "/run/blobs/", Fault::Refusal(502, "no way to the storage")),
            1,
            "failed to create new app image: ",
        ),
        (
            "uploads are refused",
            "export",
            always("POST", "/app/blobs/uploads/", Fault::Refusal(403, "the quota is used up")),
            62,
            "403: REFUSED: the quota is used up",
        ),
        ("uploads break", "export", hang_up_then_503, 62, "503: REFUSED: out of workers"),
        (
            "bytes get lost on their way",
            "export",
            always("PUT", "/app/blobs/uploads/", Fault::Refusal(400, "the digest is another")),
            62,
            "400: REFUSED: the digest is another",
        ),
        (
            "too many requests",
            "export",
            always("PUT", "/app/manifests/", Fault::Refusal(429, "slow down")),
            62,
            "429: REFUSED: slow down",
        ),
        (
            "the cache image cannot be had",
            "restore",
            always("GET", "/cache/manifests/", Fault::Refusal(500, "out of order")),
            1,
            "failed to create image cache: ",
        ),
        (
            "another config of the cache image",
            "restore",
            always("GET", "/cache/blobs/", Fault::Corrupt),
            1,
            "is corrupt: its digest is",
        ),
    ];
    for (case, phase, faults, code, message) in cases {
        let bench = Bench::new();
        bench.expect_success("analyze", case);
        bench.expect_success("export", case);
        let old = bench.manifest("app", "1").expect("an image");
        fs::write(bench.build.path("app/index"), case).expect("a file");
        bench.expect_success("analyze", case);
        bench.fail(faults);
        let output = bench.run(phase);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{case}: {said}");
        let error = said.lines().find(|line| line.starts_with("ERROR: ")).expect("an error");
        assert!(error.contains(message), "{case}: {said}");
        assert!(bench.manifest("app", "1") == Some(old), "{case}");
        assert!(bench.manifest("cache", "latest").is_some(), "{case}");
    }
}

#[test]
fn a_cache_image_that_cannot_be_written_is_a_warning() {
    let bench = Bench::new();
    bench.expect_success("analyze", "");
    for _ in 0..ALWAYS {
        bench.server.fail("PUT", "/cache/manifests/", Fault::Refusal(507, "no space for caches"));
    }
    let said = bench.expect_success("export", "");
    let warning = said.lines().find(|line| line.starts_with("Warning: Failed to export cache: "));
    assert!(warning.is_some_and(|warning| warning.contains("507: REFUSED: no space for caches")), "{said}");
    assert!(bench.manifest("app", "1").is_some() && bench.manifest("cache", "latest").is_none());
}

#[test]
fn a_layer_of_a_cache_image_that_is_another_is_skipped() {
    let bench = Bench::new();
    bench.expect_success("analyze", "");
    bench.expect_success("export", "");
    bench.build.forget_layers();
    // The config comes first.
    let layers: Manifest =
        serde_json::from_slice(&bench.manifest("cache", "latest").expect("an image")).expect("a manifest");
    for layer in &layers.layers {
        bench.server.fail("GET", format!("/cache/blobs/{}", layer.digest), Fault::Corrupt);
    }
    let said = bench.expect_success("restore", "");
    assert!(said.contains("Warning: Skipping restore for layer example/a:only: "), "{said}");
    assert!(!bench.build.exists("layers/example_a/only"));
}

#[test]
fn who_is_not_believed_is_told_so() {
    let bench = Bench::new();
    bench.server.need_password("somebody", "else");
    let output = bench.run("analyze");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(32), "{said}");
    assert!(said.contains("401: UNAUTHORIZED: authentication required"), "{said}");
}
