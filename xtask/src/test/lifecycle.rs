//! The Go lifecycle: builds with it, and what its `creator` makes by itself.
//!
//! Nothing of it is here: who has its programs names their directory in [`VARIABLE`].

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::Result;
use crate::command;
use crate::command::command;
use crate::debian;
use crate::example;
use crate::example::layout;
use crate::programs;
use crate::workspace;

mod creator;
mod equal;

use creator::Creator;

/// Names a directory with the programs `lifecycle` and `launcher` and with `lifecycle.toml`.
pub(super) const VARIABLE: &str = "CNB_TEST_LIFECYCLE";

/// An application to build, and with what.
struct Input {
    name: &'static str,
    builder: &'static str,
    app: &'static str,
    /// What the `creator` is told of the project.
    project_metadata: Option<&'static str>,
    /// With each of these versions of the Platform API, by their minor number.
    apis: &'static [u32],
    /// With each of these also by the `creator`, which knows OCI layouts from 0.12 on.
    creator: &'static [u32],
}

const INPUTS: [Input; 3] = [
    Input {
        name: "everything",
        builder: "xtask/lifecycle/builder.toml",
        app: "xtask/lifecycle/app",
        project_metadata: Some("xtask/lifecycle/project-metadata.toml"),
        apis: &[7, 8, 9, 10, 11, 12, 13, 14, 15],
        creator: &[12, 13, 14, 15],
    },
    Input {
        name: "flask",
        builder: example::builder::CONFIG,
        app: "examples/apps/flask",
        project_metadata: None,
        apis: &[7, 8, 9, 10, 11, 12, 13, 14, 15],
        creator: &[12, 15],
    },
    Input {
        name: "express",
        builder: example::builder::CONFIG,
        app: "examples/apps/express",
        project_metadata: None,
        apis: &[15],
        creator: &[15],
    },
];

/// The first build and one that has what the first left.
const ROUNDS: [&str; 2] = ["first", "again"];

/// Whether somebody named a lifecycle.
pub(super) fn is_wanted() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// The directory of the lifecycle that somebody named, if anybody did.
///
/// # Errors
/// When there is no such directory.
pub(super) fn named() -> Result<Option<PathBuf>> {
    let Some(directory) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return Ok(None) };
    let found = directory.canonicalize();
    Ok(Some(found.map_err(|error| format!("{VARIABLE} is `{}`: {error}", directory.display()))?))
}

/// Images of `cnb` are the same with the Go lifecycle in the builder and with ours. Configs of its `creator` are
/// those of `cnb`, but for the place of the run image and the version of the launcher.
pub(super) fn run() -> Result<()> {
    let lifecycle = named()?.ok_or_else(|| format!("{VARIABLE} names no lifecycle to compare with"))?;
    if !debian::is_root() {
        return Err("this stage needs root: the application of the creator belongs to its user".into());
    }
    debian::ensure(&["binutils", "ca-certificates", "mmdebstrap", "runc", "skopeo", "umoci"])?;
    example::builder::make_parts()?;
    let place = Place::new(&lifecycle)?;
    for input in &INPUTS {
        place.compare(input)?;
    }
    Ok(())
}

/// Where builders, applications and images are. It stays, for people to look at.
struct Place {
    directory: PathBuf,
    /// The Go lifecycle.
    theirs: PathBuf,
    /// Ours, with the launcher of the Go lifecycle: the launcher is a part of the image.
    ours: PathBuf,
}

impl Place {
    fn new(lifecycle: &Path) -> Result<Self> {
        let directory = workspace::target().join("lifecycle");
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        let ours = directory.join("ours");
        fs::create_dir_all(&ours)?;
        fs::copy(programs::directory().join("lifecycle"), ours.join("lifecycle"))?;
        for file in ["launcher", "lifecycle.toml"] {
            let from = lifecycle.join(file);
            fs::copy(&from, ours.join(file)).map_err(|error| format!("{}: {error}", from.display()))?;
        }
        Ok(Self { directory, theirs: lifecycle.to_owned(), ours })
    }

    fn compare(&self, input: &Input) -> Result<()> {
        let app = self.app(input)?;
        for (whose, lifecycle) in [("theirs", &self.theirs), ("ours", &self.ours)] {
            example::builder::create(input.builder, Some(lifecycle), &self.builder(input, whose))?;
        }
        let creator = Creator::new(&self.directory, &self.builders(), &format!("{}-theirs", input.name))?;
        for &minor in input.apis {
            let api = format!("0.{minor}");
            let mut creator = if input.creator.contains(&minor) {
                Some(creator.start(&api, &app, input.project_metadata)?)
            } else {
                None
            };
            for round in ROUNDS {
                let again = round == "again";
                let theirs = self.build(input, &app, "theirs", &api, again)?;
                let ours = self.build(input, &app, "ours", &api, again)?;
                let what = format!("{} {api} {round}", input.name);
                equal::expect(&self.directory, &what, ("their phases", &theirs), ("our phases", &ours))?;
                if let Some(creator) = &mut creator {
                    let (created, built) =
                        (equal::without_own_words(&creator.run()?)?, equal::without_own_words(&theirs)?);
                    equal::expect(&self.directory, &what, ("creator", &created), ("cnb", &built))?;
                }
                let creator = if creator.is_some() { ", and the config of the creator" } else { "" };
                println!("{what}: one image ID{creator}");
            }
        }
        Ok(())
    }

    /// A copy of the application with git's modes, of the build user: as `cnb` loads it.
    fn app(&self, input: &Input) -> Result<PathBuf> {
        let app = self.directory.join("apps").join(input.name);
        fs::create_dir_all(app.parent().expect("it is below our directory"))?;
        command::run(command("cp").args(["-r", input.app]).arg(&app))?;
        if input.project_metadata.is_none() {
            // What it says is for `cnb` alone: names, and files that it leaves out.
            fs::remove_file(app.join("project.toml"))?;
        }
        command::run(command("chmod").args(["-R", "u=rwX,go=rX"]).arg(&app))?;
        creator::give(&app)?;
        Ok(app)
    }

    /// Builds with `cnb`; returns the config of the image.
    fn build(&self, input: &Input, app: &Path, whose: &str, api: &str, again: bool) -> Result<String> {
        let out = self.directory.join("images");
        let tag = format!("{}-{whose}-{api}", input.name);
        let mut build = example::cnb();
        build.args(["build", "--quiet"]).arg(app).args(["--builder", &self.builder(input, whose)]);
        build.args(["--platform-api", api, "--env", creator::ENV]);
        build.args(["--output", &format!("oci:{}:{tag}", out.display())]);
        build.args(example::bindings::arguments()?);
        // The Go creator runs every phase whenever it is run.
        build.arg(if again { "--no-cache" } else { "--clear-cache" });
        command::read(&mut build)?;
        layout::config_text(&out, &tag)
    }

    fn builders(&self) -> PathBuf {
        self.directory.join("builders")
    }

    fn builder(&self, input: &Input, whose: &str) -> String {
        format!("oci:{}:{}-{whose}", self.builders().display(), input.name)
    }
}
