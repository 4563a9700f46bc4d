//! The same application is the same image, whoever builds it, wherever, with whatever umask and cache.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::Result;
use crate::command;
use crate::command::command;
use crate::debian;
use crate::example;
use crate::example::layout::image_id;
use crate::machine;
use crate::programs;
use crate::workspace;

/// A way to build.
struct Variant {
    name: &'static str,
    user: User,
    umask: &'static str,
    /// Whether the cache of the variant before is used again.
    warm: bool,
}

#[derive(Clone, Copy)]
enum User {
    Root,
    /// Rootless with a range of subordinate ids.
    Range,
    /// Rootless with no other id than its own.
    Single,
}

const VARIANTS: [Variant; 5] = [
    Variant { name: "root", user: User::Root, umask: "022", warm: false },
    Variant { name: "root-again", user: User::Root, umask: "002", warm: true },
    Variant { name: "root-private", user: User::Root, umask: "077", warm: false },
    Variant { name: "range", user: User::Range, umask: "022", warm: false },
    Variant { name: "single", user: User::Single, umask: "077", warm: false },
];

/// A user whom nobody is.
const SINGLE: u32 = 61_234;

pub(super) fn run() -> Result<()> {
    if !debian::is_root() {
        return Err("only root can take the parts of other users".into());
    }
    machine::prepare()?;
    debian::ensure(&["skopeo"])?;
    example::builder::make()?;
    let place = Place::new()?;
    for app in ["flask", "express"] {
        let mut ids = Vec::new();
        let mut home = PathBuf::new();
        for variant in &VARIANTS {
            if !variant.warm {
                home = place.home(app, variant)?;
            }
            let id = place.build(app, variant, &home)?;
            println!("{app} {:<12} umask {}: {id}", variant.name, variant.umask);
            ids.push(id);
        }
        ids.dedup();
        if ids.len() > 1 {
            return Err(format!("{app} became {} images", ids.len()).into());
        }
    }
    Ok(())
}

/// A directory that every user can read, however private the checkout is. It is removed with the value.
struct Place {
    directory: PathBuf,
}

impl Place {
    fn new() -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("cnb-same-{}", std::process::id()));
        fs::create_dir(&directory)?;
        let place = Self { directory };
        example::bindings::names()?;
        open_up(&place.directory)?;
        for from in [programs::directory(), example::images(), example::bindings::directory()] {
            command::run(command("cp").arg("-r").arg(from).arg(&place.directory))?;
        }
        command::run(command("chmod").args(["-R", "a+rX"]).arg(&place.directory))?;
        Ok(place)
    }

    /// A directory for what a user keeps and makes; that of the user before is removed, or a small disk would be full.
    fn home(&self, app: &str, variant: &Variant) -> Result<PathBuf> {
        let homes = self.directory.join("homes");
        if homes.exists() {
            fs::remove_dir_all(&homes)?;
        }
        fs::create_dir(&homes)?;
        open_up(&homes)?;
        let home = homes.join(format!("{app}-{}", variant.name));
        fs::create_dir(&home)?;
        let (uid, gid) = ids(variant.user)?;
        chown(&home, Some(uid), Some(gid))?;
        Ok(home)
    }

    /// Builds a copy of the application that is made and built with the umask; returns the image ID.
    fn build(&self, app: &str, variant: &Variant, home: &Path) -> Result<String> {
        let checkout = home.join(format!("checkout-{}", variant.name));
        let (layout, archive) = (home.join("out"), home.join("out.tar"));
        let source = workspace::root().join("examples/apps").join(app);
        let copy = self.directory.join("source").join(app);
        if !copy.exists() {
            fs::create_dir_all(self.directory.join("source"))?;
            command::run(command("cp").arg("-r").arg(source).arg(&copy))?;
            command::run(command("chmod").args(["-R", "a+rX"]).arg(self.directory.join("source")))?;
        }
        let mut as_user = Sandbox { variant, home }.shell("cp -r --no-preserve=mode \"$@\"")?;
        command::run(as_user.arg(&copy).arg(&checkout))?;

        let mut build = Sandbox { variant, home }.shell("exec \"$@\"")?;
        build.arg(self.directory.join("dist/cnb")).arg("build").arg(&checkout);
        build.arg("--builder").arg(format!("oci:{}:builder", self.directory.join("images").display()));
        build.arg("--output").arg(format!("oci:{}:app", layout.display()));
        build.arg("--output").arg(format!("oci-archive:{}:app", archive.display()));
        if variant.warm {
            // What is recorded would spare the work whose result is compared.
            build.arg("--no-cache");
        }
        for binding in example::bindings::names()? {
            let directory = self.directory.join("bindings").join(&binding);
            build.arg("--binding").arg(format!("{binding}={}", directory.display()));
        }
        command::read(&mut build)?;

        let id = image_id(&layout, "app")?;
        // Another program reads the archive and agrees.
        let copied = home.join(format!("copied-{}", variant.name));
        let (from, to) =
            (format!("oci-archive:{}:app", archive.display()), format!("oci:{}:app", copied.display()));
        command::read(command("skopeo").args(["copy", "--quiet", "--insecure-policy", &from, &to]))?;
        let from_archive = image_id(&copied, "app")?;
        if id == from_archive {
            Ok(id)
        } else {
            Err(format!("the archive has {from_archive}, not {id}").into())
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            eprintln!("cannot remove {}: {error}", self.directory.display());
        }
    }
}

/// Who runs something.
struct Sandbox<'a> {
    variant: &'a Variant,
    home: &'a Path,
}

impl Sandbox<'_> {
    /// A shell script with the umask, as the user, with nothing of the environment of this process.
    fn shell(&self, script: &str) -> Result<Command> {
        let (uid, gid) = ids(self.variant.user)?;
        let script = format!("umask {}; {script}", self.variant.umask);
        let mut shell = command("sh");
        shell.args(["-c", &script, "sh"]).current_dir("/").uid(uid).gid(gid);
        shell.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", self.home);
        Ok(shell)
    }
}

fn ids(user: User) -> Result<(u32, u32)> {
    match user {
        User::Root => Ok((0, 0)),
        User::Single => Ok((SINGLE, SINGLE)),
        User::Range => {
            let id = |flag| command::read(command("id").args([flag, machine::RANGE_USER]));
            Ok((id("--user")?.trim().parse()?, id("--group")?.trim().parse()?))
        }
    }
}

fn open_up(directory: &Path) -> Result<()> {
    Ok(fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?)
}
