//! A directory of a test, with an application in it, and builds of that application.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use tempfile::TempDir;

use crate::fixture::Fixture;

/// Where a test works: `app`, the application; `state`, the cache directory; `out`, the layout of the image.
#[derive(Debug)]
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    /// With an application for which the buildpack runs this script.
    pub(crate) fn new(build: &str) -> Self {
        let place = Self::without_buildpack();
        place.write("app/detect", "exit 0");
        place.write("app/build", build);
        place
    }

    /// With an application that the buildpack has nothing to do with.
    pub(crate) fn without_buildpack() -> Self {
        let directory = tempfile::tempdir_in(&Fixture::get().directory).expect("a directory");
        fs::create_dir(directory.path().join("app")).expect("a directory");
        Self { directory }
    }

    /// A path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is below the directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    /// `cnb` with nothing else; its directory is this one.
    pub(crate) fn cnb(&self) -> Command {
        let mut command = Command::new(Fixture::get().programs.join("cnb"));
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    /// `cnb build` of the application without a builder.
    pub(crate) fn build_without_builder(&self) -> Command {
        let mut command = self.cnb();
        command.args(["build", "app", "--output", "oci:out:app", "--cache-dir", "state"]);
        command
    }

    /// `cnb build` of the application with the builder of all tests.
    pub(crate) fn build(&self) -> Command {
        let mut command = self.build_without_builder();
        command.args(["--builder", &Fixture::get().builder()]);
        command
    }

    /// What `cnb inspect --json` says about the image.
    pub(crate) fn inspect(&self) -> serde_json::Value {
        let done = run(self.cnb().args(["inspect", "--json", "oci:out:app"]));
        done.expect(0);
        serde_json::from_str(&done.stdout).expect("JSON")
    }

    /// The image ID of the image.
    pub(crate) fn image_id(&self) -> String {
        self.inspect()["image_id"].as_str().expect("an image has an ID").to_owned()
    }

    /// The next build works: nothing that an earlier one left is in its way.
    pub(crate) fn expect_next_build_to_work(&self) {
        self.write("app/build", "echo works again");
        run(&mut self.build()).expect(0).says("works again");
        assert!(self.image_id().starts_with("sha256:"));
    }

    /// Nothing of an image is at the output: no index, no blob, no temporary file.
    pub(crate) fn expect_no_image(&self) {
        expect_no_image_in(&self.path("out"));
    }
}

/// Nothing of an image is in the layout: no image in the index, no temporary file.
pub(crate) fn expect_no_image_in(layout: &Path) {
    let found: Vec<PathBuf> = files(layout);
    let images = fs::read_to_string(layout.join("index.json")).unwrap_or_default();
    assert!(!images.contains("sha256"), "{images}");
    let half: Vec<_> = found.iter().filter(|path| is_temporary(path)).collect();
    assert!(half.is_empty(), "{half:?}");
}

/// Blobs are called by their digests; beside them a layout has three files.
pub(crate) fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name of text");
    let is_digest = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    !is_digest && !["index.json", "oci-layout", "index.lock", ".lock"].contains(&name)
}

/// Every file below a directory; none when there is no directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A program that ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Done {
    command.output().expect("the program starts").into()
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

impl Done {
    /// It ended with this exit code.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Its standard error has this text.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "{text}\nis not in\n{}", self.stderr);
        self
    }

    /// Its standard error does not have this text.
    #[track_caller]
    pub(crate) fn does_not_say(&self, text: &str) -> &Self {
        assert!(!self.stderr.contains(text), "{text}\nis in\n{}", self.stderr);
        self
    }

    /// The events it printed.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}
