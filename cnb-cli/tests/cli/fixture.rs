//! A builder that all tests share: busybox, and a buildpack that does what the application says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use rustix::mount::UnmountFlags;

/// The one buildpack of the builder. It takes part when the application has a `detect`, and builds by `build`;
/// both are scripts of shell.
const DESCRIPTOR: &str = "api = \"0.10\"\n[buildpack]\nid = \"test/script\"\nversion = \"1.0.0\"\n";
const DETECT: &str = "#!/bin/sh\n[ -f detect ] || exit 100\n. ./detect\n";
const BUILD: &str = "#!/bin/sh\nlayers=$CNB_LAYERS_DIR\n. ./build\n";

const BUILDER: &str = r#"
[[buildpacks]]
uri = "buildpack"

[[order]]
[[order.group]]
id = "test/script"
version = "1.0.0"

[build]
image = "root"

[[run.images]]
image = "test/run"
"#;

const APPLETS: [&str; 9] = ["cat", "cp", "env", "id", "ls", "mkdir", "sh", "sleep", "tail"];
const BUSYBOX: &str = "/bin/busybox";

/// What is made once.
#[derive(Debug)]
pub(crate) struct Fixture {
    /// Where tests may make directories.
    pub(crate) directory: PathBuf,
    /// Where `cnb` and its helpers are.
    pub(crate) programs: PathBuf,
}

impl Fixture {
    /// The fixture, made by the first who asks.
    pub(crate) fn get() -> &'static Self {
        static FIXTURE: OnceLock<Fixture> = OnceLock::new();
        FIXTURE.get_or_init(Self::make)
    }

    /// The OCI layout with the builder and its run image.
    pub(crate) fn layout(&self) -> PathBuf {
        self.directory.join("layout")
    }

    /// The name of the builder.
    pub(crate) fn builder(&self) -> String {
        format!("oci:{}:builder", self.layout().display())
    }

    fn make() -> Self {
        let programs = std::env::var_os("CNB_TEST_PROGRAMS")
            .expect("CNB_TEST_PROGRAMS is not set: run these tests with `cargo xtask test cli`");
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli");
        if directory.exists() {
            unmount_all(&directory);
            fs::remove_dir_all(&directory).expect("the files of the last run can be removed");
        }
        let fixture = Self { directory, programs: programs.into() };
        fixture.make_root();
        fixture.make_buildpack();
        fixture.make_builder();
        fixture
    }

    fn make_root(&self) {
        let root = self.directory.join("root");
        fs::create_dir_all(root.join("bin")).expect("a directory");
        fs::create_dir_all(root.join("etc")).expect("a directory");
        fs::create_dir_all(root.join("tmp")).expect("a directory");
        // Every user makes files there.
        fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("a mode");
        fs::copy(BUSYBOX, root.join("bin/busybox"))
            .expect("/bin/busybox is there: Debian has it in the package busybox-static");
        for applet in APPLETS {
            symlink("busybox", root.join("bin").join(applet)).expect("a link");
        }
        fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\ncnb:x:1000:1000::/:/bin/sh\n")
            .expect("a file");
    }

    fn make_buildpack(&self) {
        let buildpack = self.directory.join("buildpack");
        fs::create_dir_all(buildpack.join("bin")).expect("a directory");
        fs::write(buildpack.join("buildpack.toml"), DESCRIPTOR).expect("a file");
        for (name, text) in [("detect", DETECT), ("build", BUILD)] {
            let path = buildpack.join("bin").join(name);
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        }
    }

    fn make_builder(&self) {
        fs::write(self.directory.join("builder.toml"), BUILDER).expect("a file");
        let output = Command::new(self.programs.join("cnb"))
            .current_dir(&self.directory)
            .args(["builder", "create", "--run-image", "test/run=root", "--cache-dir", "state"])
            .arg("oci:layout:builder")
            .output()
            .expect("cnb is in CNB_TEST_PROGRAMS");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// What a run that was killed left mounted.
fn unmount_all(directory: &Path) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(Path::new);
    for point in points.filter(|point| point.starts_with(directory)) {
        rustix::mount::unmount(point, UnmountFlags::DETACH).expect("root may unmount");
    }
}
