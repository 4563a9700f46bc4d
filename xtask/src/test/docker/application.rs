//! Copies of the example applications, to be changed.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::Result;
use crate::command;
use crate::command::command;
use crate::workspace;

/// An application of the examples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Example {
    pub(crate) name: &'static str,
    /// A source file that no dependency depends on, and a comment for its end.
    pub(super) source: (&'static str, &'static str),
    /// What the answer to `GET /` contains.
    pub(crate) answer: &'static str,
    /// What its buildpack says when it has nothing to install.
    pub(crate) unchanged: &'static str,
}

pub(crate) const FLASK: Example = Example {
    name: "flask",
    source: ("app.py", "# changed"),
    answer: "\"service\":\"words\"",
    unchanged: "requirements are unchanged",
};
pub(crate) const EXPRESS: Example = Example {
    name: "express",
    source: ("server.js", "// changed"),
    answer: "\"service\":\"notes\"",
    unchanged: "package-lock.json is unchanged",
};

/// A copy in a directory of its own.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) example: Example,
    pub(crate) directory: PathBuf,
}

impl Application {
    /// Copies an example below a directory, under a name that nothing has there.
    pub(crate) fn copy(example: Example, parent: &Path, name: &str) -> Result<Self> {
        let directory = parent.join(name);
        let from = workspace::root().join("examples/apps").join(example.name);
        fs::create_dir_all(parent)?;
        command::run(command("cp").arg("-r").arg(from).arg(&directory))?;
        Ok(Self { example, directory })
    }

    /// Writes the descriptor: what comes before that of the example, it, and what comes after.
    pub(crate) fn describe(&self, before: &str, after: &str) -> Result<()> {
        let example = workspace::root().join("examples/apps").join(self.example.name).join(DESCRIPTOR);
        let text = fs::read_to_string(example)?;
        Ok(fs::write(self.directory.join(DESCRIPTOR), format!("{before}{text}{after}"))?)
    }

    /// Changes the source: another number is another change, 0 none.
    pub(crate) fn change(&self, number: usize) -> Result<()> {
        let (file, comment) = self.example.source;
        let original = workspace::root().join("examples/apps").join(self.example.name).join(file);
        let text = fs::read_to_string(original)?;
        let changes = format!("{comment}\n").repeat(number);
        Ok(fs::write(self.directory.join(file), format!("{text}{changes}"))?)
    }
}

/// The descriptor as it is called in the examples.
pub(crate) const DESCRIPTOR: &str = "project.toml";
