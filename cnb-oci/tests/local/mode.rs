//! Tests run in processes of their own, as the user of a mode and in its namespaces.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use cnb_core::backend::Backend as _;
use cnb_core::backend::File;
use cnb_core::backend::Source;
use cnb_core::backend::Step;
use cnb_core::backend::Tree;
use cnb_oci::local::LocalBackend;
use cnb_oci::local::Options;
use cnb_oci::local::userns;
use cnb_oci::local::userns::Mapping;
use futures_lite::future::block_on;
use tempfile::TempDir;

/// Names the directory of the static programs that containers need.
const PROGRAMS: &str = "CNB_TEST_PROGRAMS";

/// A user whom nobody is.
const SINGLE: u32 = 61_234;

/// What the first argument of a process inside a mode is.
const INSIDE: &str = "--inside";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    Root,
    Range,
    Single,
}

impl Mode {
    pub(crate) const ALL: [Self; 3] = [Self::Root, Self::Range, Self::Single];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Range => "range",
            Self::Single => "single",
        }
    }

    fn user(self) -> Result<(u32, u32), String> {
        match self {
            Self::Root => Ok((0, 0)),
            Self::Single => Ok((SINGLE, SINGLE)),
            Self::Range => range_user().ok_or_else(|| {
                "there is no user `cnb-range` with a range of subordinate ids; make one with `useradd --system \
                 cnb-range` and `usermod --add-subuids 300000-365535 --add-subgids 300000-365535 cnb-range`"
                    .to_owned()
            }),
        }
    }
}

fn range_user() -> Option<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd.lines().find(|line| line.starts_with("cnb-range:"))?;
    let mut numbers = line.split(':').skip(2).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A directory that the user of a mode may use, with the programs in it.
pub(crate) struct Bench {
    mode: Mode,
    directory: TempDir,
}

impl Bench {
    pub(crate) fn new(mode: Mode) -> Result<Self, String> {
        let (uid, gid) = mode.user()?;
        if !rustix::process::geteuid().is_root() {
            return Err("only root can take the parts of the users in this test".to_owned());
        }
        let programs = std::env::var_os(PROGRAMS)
            .ok_or_else(|| format!("{PROGRAMS} is not set: run these tests with `cargo xtask test local`"))?;
        let prepare = || {
            let directory = tempfile::Builder::new().prefix("cnb-local").tempdir()?;
            for program in ["cnb-init", "cnb-probe"] {
                copy(&Path::new(&programs).join(program), &directory.path().join(program))?;
            }
            copy(&std::env::current_exe()?, &directory.path().join("test"))?;
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
            let own = directory.path().join("own");
            fs::create_dir(&own)?;
            std::os::unix::fs::chown(&own, Some(uid), Some(gid))?;
            Ok(directory)
        };
        let directory = prepare().map_err(|error: io::Error| error.to_string())?;
        Ok(Self { mode, directory })
    }

    /// Where the user's files are, and no others of the test.
    pub(crate) fn own(&self) -> PathBuf {
        self.directory.path().join("own")
    }

    /// The process that runs a check in the mode.
    pub(crate) fn command(&self, check: &str) -> Result<Command, String> {
        let (uid, gid) = self.mode.user()?;
        let mut command = Command::new(self.directory.path().join("test"));
        command.args([INSIDE, self.mode.name(), check]).arg(self.directory.path()).uid(uid).gid(gid);
        Ok(command)
    }

    /// Runs a check in the mode.
    pub(crate) fn run(&self, check: &str) -> Result<(), String> {
        let output = self.command(check)?.output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Err(format!("{}\n{stdout}{stderr}", output.status))
    }
}

/// Copies a program, by one that does nothing else: were it open for writing here, what other tests start meanwhile would
/// have it open too, and nobody could run it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let status = Command::new("cp").arg(from).arg(to).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("cannot copy {}", from.display()))) }
}

/// A process inside a mode.
#[derive(Debug)]
pub(crate) struct Inside {
    pub(crate) check: String,
    pub(crate) mapping: Mapping,
    directory: PathBuf,
    mode: OsString,
}

impl Inside {
    /// Enters the mode that the arguments name, if they do.
    pub(crate) fn from_arguments(arguments: &[OsString]) -> Option<Self> {
        let [_, marker, mode, check, directory] = arguments else { return None };
        if marker != INSIDE {
            return None;
        }
        let entered = match mode.to_str() {
            Some("root") => userns::Mode::Root,
            Some("range") => userns::Mode::Range,
            _ => userns::Mode::Single,
        };
        let mapping = userns::enter(entered).expect("the machine permits it");
        let check = check.to_str().expect("names of checks are text").to_owned();
        Some(Self { check, mapping, directory: directory.into(), mode: mode.clone() })
    }

    /// What the directory of the mode is called.
    pub(crate) fn mode_name(&self) -> &str {
        self.mode.to_str().expect("names of modes are text")
    }

    /// A program that was built for the test.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A directory of the user.
    pub(crate) fn own(&self) -> PathBuf {
        self.directory.join("own")
    }

    pub(crate) fn options(&self, state: &Path) -> Options {
        Options::new(self.mapping, state, self.program("cnb-init"))
    }

    pub(crate) fn backend(&self) -> LocalBackend {
        LocalBackend::new(self.options(&self.own().join("state"))).expect("the directory is the user's")
    }
}

/// A step of `cnb-probe`.
pub(crate) fn probe(inside: &Inside, backend: &LocalBackend, words: &[&str]) -> Step {
    let program = fs::read(inside.program("cnb-probe")).expect("it was built");
    let file = File::regular("/probe", program).with_mode(0o755);
    let root: Tree = block_on(backend.load(Source::Files(vec![file]))).expect("there is space");
    Step::new("probe", root, ["/probe"].iter().chain(words).copied())
}
