//! How `docker build` shows what is wrong.

use std::fs;

use super::Place;
use super::application::Application;
use super::application::FLASK;
use crate::Result;
use crate::test::step::timed;

/// Something wrong at the end of a descriptor.
struct Case {
    what: &'static str,
    /// The end of the descriptor, in its table `io.buildpacks`.
    end: &'static str,
    builder: Builder,
    /// What has to be shown.
    said: &'static str,
    /// What the line has to contain that is marked as the place of the error.
    marked: &'static str,
}

enum Builder {
    Ours,
    /// A reference that the registry does not have.
    Missing,
    /// What the descriptor says, which is a reference that the registry does not have.
    OfDescriptor,
    None,
}

const CASES: [Case; 7] = [
    Case {
        what: "TOML that is none",
        end: "[unclosed\n",
        builder: Builder::Ours,
        said: "unclosed table",
        marked: "[unclosed",
    },
    Case {
        what: "a key of another type",
        end: "builder = 3\n",
        builder: Builder::Ours,
        said: "`io.buildpacks.builder` must be a string",
        marked: "builder = 3",
    },
    Case { what: "no builder", end: "", builder: Builder::None, said: "builder", marked: "# syntax=" },
    Case {
        what: "a missing builder of the command line",
        end: "",
        builder: Builder::Missing,
        said: "cnb/missing",
        marked: "# syntax=",
    },
    Case {
        what: "a missing builder of the descriptor",
        end: "builder = 'MISSING'\n",
        builder: Builder::OfDescriptor,
        said: "cnb/missing",
        marked: "builder = ",
    },
    Case {
        what: "a buildpack that the builder does not have",
        end: "[[io.buildpacks.group]]\nid = 'example/unknown'\n",
        builder: Builder::Ours,
        said: "example/unknown",
        marked: "id = 'example/unknown'",
    },
    Case {
        what: "a buildpack that fails",
        end: "[[io.buildpacks.group]]\nid = 'example/failing'\nversion = '1'\n\
              [io.buildpacks.group.script]\napi = '0.10'\ninline = 'echo it fails here; exit 7'\n",
        builder: Builder::Ours,
        said: "it fails here",
        marked: "id = 'example/failing'",
    },
];

/// First lines before that with the frontend, which Docker Engine 26 does not look behind.
const FIRST_LINES: [(&str, &str); 3] =
    [("a line of checks", "# check=skip=all\n"), ("a byte order mark", "\u{feff}"), ("a blank line", "\n")];

pub(super) fn check(place: &Place<'_>) -> Result<()> {
    let flask = Application::copy(FLASK, &place.scratch, "wrong")?;
    for case in &CASES {
        timed(case.what, || case.check(place, &flask))?;
    }
    timed("a buildpack of the builder that fails", || fails_in_builder(place))?;
    timed("an unknown key", || unknown_key(place, &flask))?;
    for (what, line) in FIRST_LINES {
        timed(what, || first_line(place, &flask, line))?;
    }
    Ok(())
}

impl Case {
    fn check(&self, place: &Place<'_>, flask: &Application) -> Result<()> {
        let missing = place.pushed.missing();
        flask.describe(&place.pushed.syntax(), &self.end.replace("MISSING", &missing))?;
        let mut build = place.build(flask)?;
        match self.builder {
            Builder::Ours => {}
            Builder::Missing => build.options.set("builder", &missing),
            Builder::OfDescriptor | Builder::None => build.options.unset("builder"),
        }
        expect(&build.fail()?, self.said, self.marked)
    }
}

/// The descriptor has no entry for such a buildpack.
fn fails_in_builder(place: &Place<'_>) -> Result<()> {
    let flask = Application::copy(FLASK, &place.scratch, "failing")?;
    flask.describe(&place.pushed.syntax(), "")?;
    fs::write(flask.directory.join("Procfile"), "no process type\n")?;
    expect(&place.build(&flask)?.fail()?, "Procfile:1: expected `type: command`", "# syntax=")
}

/// Checks that something is said, and that a line with something is marked as the place of the error.
fn expect(printed: &str, said: &str, marked: &str) -> Result<()> {
    if !printed.contains(said) {
        return Err(format!("`{said}` is not shown but:\n{printed}").into());
    }
    let mut places = printed.lines().filter_map(|line| Some(line.split_once("| >>> ")?.1));
    if places.any(|place| place.contains(marked)) {
        Ok(())
    } else {
        Err(format!("`{marked}` is not marked but:\n{printed}").into())
    }
}

/// It is a warning.
fn unknown_key(place: &Place<'_>, flask: &Application) -> Result<()> {
    const KEY: &str = "io.buildpacks.inclode";
    flask.describe(&place.pushed.syntax(), "inclode = []\n")?;
    let printed = place.build(flask)?.print()?;
    if printed.contains(KEY) {
        Ok(())
    } else {
        Err(format!("there is no warning of `{KEY}` but:\n{printed}").into())
    }
}

/// The frontend is not found then, and says nothing; named on the command line it takes the file as it is.
fn first_line(place: &Place<'_>, flask: &Application, line: &str) -> Result<()> {
    flask.describe(&format!("{line}{}", place.pushed.syntax()), "")?;
    let printed = place.build(flask)?.fail()?;
    if !printed.contains("ERROR") {
        return Err(format!("no error is shown but:\n{printed}").into());
    }
    let mut build = place.build(flask)?;
    build.options.set("BUILDKIT_SYNTAX", &place.pushed.frontend);
    build.succeed().map(drop)
}
