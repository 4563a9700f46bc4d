//! The phases of the program `lifecycle` that work on images and caches, over OCI layouts and directories.

use std::fs;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use cnb_core::backend::File;
use cnb_oci::descriptor::Descriptor;
use cnb_oci::descriptor::Manifest;
use cnb_oci::descriptor::media_type;
use cnb_oci::image::Image;
use cnb_oci::layer::Dialect;
use cnb_oci::layer::LayerWriter;
use cnb_oci::layout::Layout;
use cnb_oci::platform::Platform;
use rustix::process::getgid;
use rustix::process::getuid;
use tempfile::TempDir;

const LIFECYCLE: &str = env!("CARGO_BIN_EXE_lifecycle");

/// Directories as a build of one buildpack left them, and a run image.
struct Build {
    root: TempDir,
}

impl Build {
    fn new() -> Self {
        let build = Self { root: tempfile::tempdir().expect("a temporary directory") };
        for (path, text) in [
            ("app/index", "hello"),
            ("cnb/launcher", "launcher"),
            ("cache/.keep", ""),
            ("layers/group.toml", "[[group]]\nid = 'example/a'\nversion = '1'\napi = '0.10'\n"),
            (
                "layers/config/metadata.toml",
                "[[buildpacks]]\nid = 'example/a'\nversion = '1'\nprocesses = []\n\
                 [[slices]]\npaths = ['static']\n",
            ),
            ("layers/example_a/kept/f", "kept"),
            ("layers/example_a/kept.toml", "[types]\nlaunch = true\n[metadata]\nv = 3\n"),
            ("layers/example_a/both/f", "both"),
            ("layers/example_a/both.toml", "[types]\nlaunch = true\ncache = true\n"),
            ("layers/example_a/only/f", "only"),
            ("layers/example_a/only.toml", "[types]\ncache = true\n[metadata]\nwhat = 'cache'\n"),
            ("layers/example_a/store.toml", "[metadata]\nremembered = 'yes'\n"),
            ("layers/sbom/launch/example_a/kept/sbom.cdx.json", "{}"),
            ("layers/sbom/cache/example_a/only/sbom.cdx.json", "{\"cached\":1}"),
        ] {
            build.write(path, text);
        }
        fs::remove_file(build.path("cache/.keep")).expect("a file");
        build.run_image();
        build
    }

    fn path(&self, path: &str) -> String {
        self.root.path().join(path).to_str().expect("UTF-8").to_owned()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("in a new directory");
        fs::write(path, text).expect("in a new directory");
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(&self.path(path)).exists()
    }

    fn run_image(&self) {
        let layout = Layout::create(self.path("images/example.com/run/latest")).expect("a layout");
        let mut blob = layout.blobs().writer().expect("a blob");
        let mut writer = LayerWriter::new(&mut blob, Dialect::Lifecycle);
        writer.file(&File::directory("/etc")).expect("an entry");
        let (_, layer) = writer.finish().expect("a layer");
        let blob = blob.finish().expect("a blob");
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}},"config":{{"Env":["PATH=/bin"]}}}}"#,
            layer.diff_id
        );
        let layers = vec![Descriptor::new(media_type::OCI_LAYER, blob.digest, blob.size)];
        let blob = layout.blobs().put(config.as_bytes()).expect("a config");
        let config = Descriptor::new(media_type::OCI_CONFIG, blob.digest, blob.size);
        layout.put_image(Some("latest"), &Manifest::new(config, layers)).expect("an image");
    }

    fn app_image(&self) -> Image {
        let layout = Layout::open(self.path("images/example.com/app/1")).expect("a layout");
        layout.image(Some("1"), &Platform::host()).expect("an image")
    }

    fn lifecycle(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(LIFECYCLE);
        let user =
            [("CNB_USER_ID", getuid().as_raw().to_string()), ("CNB_GROUP_ID", getgid().as_raw().to_string())];
        command
            .args(arguments)
            .env_clear()
            .env("CNB_PLATFORM_API", "0.15")
            .env("CNB_NO_COLOR", "true")
            .env("CNB_EXPERIMENTAL_MODE", "quiet")
            .env("CNB_LAYERS_DIR", self.path("layers"))
            .env("CNB_APP_DIR", self.path("app"))
            .env("CNB_LAYOUT_DIR", self.path("images"))
            .envs(user);
        command.output().expect("the lifecycle runs")
    }

    /// Runs a phase that must not fail, and returns what it says.
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.lifecycle(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn analyze(&self) -> String {
        self.run(&["analyze", "-layout", "-run-image", "example.com/run", "example.com/app:1"])
    }

    fn export(&self) -> String {
        self.run(&["export", "-layout", "-launcher", &self.path("cnb/launcher"), "example.com/app:1"])
    }

    fn forget_layers(&self) {
        fs::remove_dir_all(self.path("layers/example_a")).expect("a directory");
        fs::remove_dir_all(self.path("layers/sbom")).expect("a directory");
    }
}

#[test]
fn a_second_image_reuses_every_layer_of_the_first() {
    let build = Build::new();
    assert!(build.analyze().contains("app/1\" not found"));
    let said = build.export();
    for line in [
        "Adding layer 'example/a:both'",
        "Adding layer 'example/a:kept'",
        "Adding layer 'buildpacksio/lifecycle:launch.sbom'",
        "Added 2/2 app layer(s)",
        "Adding label 'io.buildpacks.lifecycle.metadata'",
        "no default process type",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(!said.contains("example/a:only"), "a layer that is not launch is not in the image");
    let first = build.app_image();
    let report = build.read("layers/report.toml");
    assert!(report.contains("images/example.com/app/1"), "{report}");

    // The next build keeps one layer without its contents.
    assert!(build.analyze().contains("Restoring data for SBOM from previous image"));
    assert!(build.read("layers/analyzed.toml").contains("v = 3.0"));
    fs::remove_dir_all(build.path("layers/example_a/kept")).expect("a directory");
    let said = build.export();
    for line in [
        "Reusing layer 'example/a:kept'",
        "Reusing layer 'example/a:both'",
        "Reused 2/2 app layer(s)",
        "Reusing layer 'buildpacksio/lifecycle:launcher'",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(!said.contains("Adding layer"), "{said}");
    let second = build.app_image();
    assert_eq!(second.config.bytes(), first.config.bytes(), "the same image");
    assert_eq!(second.manifest, first.manifest);
}

#[test]
fn every_tag_names_the_whole_image() {
    let build = Build::new();
    build.analyze();
    let launcher = build.path("cnb/launcher");
    build.run(&["export", "-layout", "-launcher", &launcher, "example.com/app:1", "example.com/other"]);
    let other = Layout::open(build.path("images/example.com/other/latest")).expect("a layout");
    let image = other.image(Some("latest"), &Platform::host()).expect("an image");
    assert_eq!(image.config.bytes(), build.app_image().config.bytes());
    for (_, layer) in image.layers() {
        other.blobs().verify(&layer.digest, layer.size).expect("a layer");
    }
    assert_eq!(build.read("layers/report.toml").matches("images/example.com").count(), 2);
}

#[test]
fn what_cache_save_keeps_the_restorer_brings_back() {
    let build = Build::new();
    let cache = build.path("cache");
    let save = ["cache-save", "-cache-dir", &cache];
    let restore = ["restore", "-cache-dir", &cache];
    fs::remove_file(build.path("layers/config/metadata.toml")).expect("not needed");
    let said = build.run(&save);
    assert!(said.contains("Adding cache layer 'example/a:only'"), "{said}");
    assert!(build.run(&save).contains("Reusing cache layer 'example/a:only'"));

    build.forget_layers();
    let said = build.run(&restore);
    for line in [
        "Restoring metadata for \"example/a:only\" from cache",
        "Restoring data for \"example/a:only\" from cache",
        "Restoring data for \"example/a:both\" from cache",
        "Restoring data for SBOM from cache",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert_eq!(build.read("layers/example_a/only/f"), "only");
    assert_eq!(build.read("layers/example_a/only.toml"), "[metadata]\n  what = \"cache\"\n");
    assert_eq!(build.read("layers/example_a/only.sbom.cdx.json"), "{\"cached\":1}");
    assert!(!build.exists("layers/sbom"), "what was handed out is gone");
    assert!(!build.exists("layers/example_a/kept"), "it was never cached");
}

#[test]
fn a_damaged_cache_costs_layers_but_no_build() {
    let build = Build::new();
    let cache = build.path("cache");
    build.run(&["cache-save", "-cache-dir", &cache]);
    build.forget_layers();
    for entry in fs::read_dir(build.path("cache/committed")).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "tar") {
            let mut bytes = fs::read(&path).expect("a file");
            bytes[600] ^= 1;
            fs::write(&path, bytes).expect("a file");
        }
    }
    let said = build.run(&["restore", "-cache-dir", &cache]);
    assert!(
        said.contains(
            "Warning: Skipping restore for layer example/a:only: expected layer contents to have SHA"
        )
    );
    assert!(!build.exists("layers/example_a/only"));
    assert!(build.exists("layers/example_a/only.toml"), "as in Go");
}

#[test]
fn the_run_image_of_the_platform_is_the_mirror_in_the_registry_of_the_output() {
    let build = Build::new();
    let run = build.path("run.toml");
    for (images, expected) in [
        (
            "image = 'other.example.com/run'\nmirrors = ['example.com/run']",
            Some("images/example.com/run/latest@"),
        ),
        (
            "image = 'example.com/run'\nmirrors = ['other.example.com/run']",
            Some("images/example.com/run/latest@"),
        ),
        ("image = 'a.example.com/run'", Some("")),
        ("", None),
    ] {
        build.write(
            "run.toml",
            &if images.is_empty() { String::new() } else { format!("[[images]]\n{images}\n") },
        );
        let output = build.lifecycle(&["analyze", "-layout", "-run", &run, "example.com/app:1"]);
        let Some(expected) = expected else {
            assert_eq!(output.status.code(), Some(3), "{output:?}");
            continue;
        };
        assert!(output.status.success(), "{output:?}");
        let analyzed: toml::Table = build.read("layers/analyzed.toml").parse().expect("toml");
        let reference = analyzed["run-image"]["reference"].as_str().expect("a reference");
        assert!(reference.contains(expected) && reference.is_empty() == expected.is_empty(), "{reference}");
    }
}

#[test]
fn failures_have_the_exit_code_of_their_phase() {
    let build = Build::new();
    let registry = closed_registry();
    let [app, run, cache] = ["app", "run", "cache"].map(|name| format!("{registry}/{name}"));
    build.write("layers/analyzed.toml", &format!("[run-image]\nreference = '{run}'\n"));
    let launcher = build.path("cnb/launcher");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["export", &app], 1, "create new app image"),
        (&["export", "-daemon", "example.com/app"], 1, "initialize docker client"),
        (&["analyze", "-run-image", &run, &app], 32, "initialize analyzer"),
        (&["restore", "-cache-image", &cache], 1, "create image cache"),
        (&["cache-save"], 3, "-cache-dir is required"),
        (&["export", "-layout", "-launcher", &launcher, "example.com/app"], 1, "is not <path>@<digest>"),
        (&["export", "example.com/app", "other.example.com/app"], 3, "writing to multiple registries"),
        (&["export", "NO NAME"], 3, "could not parse reference"),
    ];
    for (arguments, code, message) in cases {
        let output = build.lifecycle(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}\n{said}");
        assert!(said.contains("ERROR: failed to") && said.contains(message), "{arguments:?}\n{said}");
    }
}

/// A registry that lets nobody in.
fn closed_registry() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).expect("a request") > 0);
            let answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer).expect("somebody listens");
        }
    });
    address
}
