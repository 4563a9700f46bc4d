//! Applying layers, by tables of entries. Owners are set where the tests run as root.

use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use cnb_oci::apply;
use cnb_oci::apply::Error;
use cnb_oci::apply::Options;
use cnb_oci::apply::Owners;
use cnb_oci::apply::Report;
use tempfile::TempDir;

mod hostile;
mod kinds;
mod tar_bytes;
mod whiteouts;

/// A root with a directory beside it that no layer may touch.
struct Scene {
    directory: TempDir,
}

impl Scene {
    fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        for name in ["root", "outside"] {
            fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        fs::write(directory.path().join("outside/secret"), "secret").expect("a file");
        Self { directory }
    }

    fn root(&self) -> std::path::PathBuf {
        self.directory.path().join("root")
    }

    fn outside(&self) -> std::path::PathBuf {
        self.directory.path().join("outside")
    }

    fn apply(&self, tar: &[u8]) -> Result<Report, Error> {
        apply::apply(&self.root(), "test", tar, &Options::new(owners()))
    }

    /// Applies layers that are fine.
    fn with(tars: &[Vec<u8>]) -> Self {
        let scene = Self::new();
        for tar in tars {
            let report = scene.apply(tar).expect("a layer that can be applied");
            assert_eq!(report, Report::default());
        }
        scene
    }

    /// What is in the root: a line per file, its path first.
    fn files(&self) -> Vec<String> {
        let mut lines = Vec::new();
        list(&self.root(), "", &mut lines);
        lines.sort_unstable();
        lines
    }

    /// Asserts that nothing happened outside of the root.
    fn assert_contained(&self, case: &str) {
        let mut lines = Vec::new();
        list(self.directory.path(), "", &mut lines);
        lines.retain(|line| !line.starts_with("root"));
        assert_eq!(lines, ["outside/", "outside/secret secret"], "{case}");
        let secret = fs::metadata(self.outside().join("secret")).expect("the file");
        assert_eq!(secret.nlink(), 1, "{case}");
    }
}

/// Whether we are root, outside of user namespaces that lack users.
fn is_root() -> bool {
    let ids = fs::read_to_string("/proc/self/uid_map").expect("a map of users");
    let is_first = fs::metadata("/proc/self").expect("this process").uid() == 0;
    is_first && ids.split_whitespace().eq(["0", "0", "4294967295"])
}

fn owners() -> Owners {
    if is_root() { Owners::Layer { ids: u32::MAX } } else { Owners::Process }
}

fn list(directory: &Path, prefix: &str, lines: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().as_bytes().escape_ascii());
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            lines.push(format!("{name}/"));
            list(&entry.path(), &format!("{name}/"), lines);
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).expect("a link");
            lines.push(format!("{name} -> {}", target.display()));
        } else if kind.is_file() {
            let mut content = String::new();
            let mut file = fs::File::open(entry.path()).expect("a file");
            file.read_to_string(&mut content).expect("text");
            lines.push(format!("{name} {content}"));
        } else {
            lines.push(format!("{name} {}", if kind.is_fifo() { "pipe" } else { "device" }));
        }
    }
}
