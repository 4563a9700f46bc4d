//! What a build leaves before it is exported.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::fs;
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
pub(crate) struct Build {
    root: TempDir,
}

impl Build {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn path(&self, path: &str) -> String {
        self.root.path().join(path).to_str().expect("UTF-8").to_owned()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("in a new directory");
        fs::write(path, text).expect("in a new directory");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
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

    pub(crate) fn app_image(&self) -> Image {
        let layout = Layout::open(self.path("images/example.com/app/1")).expect("a layout");
        layout.image(Some("1"), &Platform::host()).expect("an image")
    }

    /// A phase over these directories.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
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
        command
    }

    /// Runs a phase, whatever becomes of it.
    pub(crate) fn lifecycle(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the lifecycle runs")
    }

    /// Runs a phase that must not fail, and returns what it says.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.lifecycle(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub(crate) fn analyze(&self) -> String {
        self.run(&["analyze", "-layout", "-run-image", "example.com/run", "example.com/app:1"])
    }

    pub(crate) fn export(&self) -> String {
        self.export_with(&[])
    }

    pub(crate) fn export_with(&self, flags: &[&str]) -> String {
        let launcher = self.path("cnb/launcher");
        let export = ["export", "-layout", "-launcher", &launcher];
        self.run(&[&export, flags, &["example.com/app:1"]].concat())
    }

    pub(crate) fn forget_layers(&self) {
        for directory in ["layers/example_a", "layers/sbom"] {
            if self.exists(directory) {
                fs::remove_dir_all(self.path(directory)).expect("a directory");
            }
        }
    }
}
