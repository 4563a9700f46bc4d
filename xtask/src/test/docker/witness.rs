//! Applications with a buildpack of the test: what a buildpack gets, does and leaves without the work of a real one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use super::Build;
use super::Place;
use super::application::Application;
use super::application::DESCRIPTOR;
use super::application::Example;
use crate::Result;

/// An application that is a file, and a buildpack beside it in `own`.
#[derive(Debug)]
pub(super) struct Witness(Application);

impl Witness {
    /// Makes one with this name, whose buildpack builds with this script. Its project has no name, and so no cache.
    pub(super) fn new(place: &Place<'_>, name: &'static str, script: &str) -> Result<Self> {
        let group = "[[io.buildpacks.group]]\nuri = './own'\n";
        let witness = Self::described(place, name, &format!("[_]\nschema-version = '0.2'\n{group}"))?;
        buildpack(&witness.path("own"), &format!("test/{name}"), script)?;
        Ok(witness)
    }

    /// Makes one with this descriptor below the line with the frontend, and no buildpack of its own.
    pub(super) fn described(place: &Place<'_>, name: &'static str, descriptor: &str) -> Result<Self> {
        let example = Example { name, source: ("file", ""), answer: "", unchanged: "" };
        let directory = place.scratch.join(name);
        fs::create_dir_all(&directory)?;
        let witness = Self(Application { example, directory });
        witness.change("0")?;
        fs::write(witness.path(DESCRIPTOR), format!("{}{descriptor}", place.pushed.syntax()))?;
        Ok(witness)
    }

    /// A build of it.
    pub(super) fn build<'a>(&'a self, place: &Place<'a>, arguments: &[&str]) -> Result<Build<'a>> {
        let mut build = place.build(&self.0)?;
        build.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        Ok(build)
    }

    /// Changes its file.
    pub(super) fn change(&self, text: &str) -> Result<()> {
        Ok(fs::write(self.path("file"), text)?)
    }

    /// What its image is called.
    pub(super) fn image(&self) -> &'static str {
        self.0.example.name
    }

    /// A path of the application.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.0.directory.join(path)
    }
}

/// Writes a buildpack that always takes part.
pub(super) fn buildpack(directory: &Path, id: &str, build: &str) -> Result<()> {
    fs::create_dir_all(directory.join("bin"))?;
    let descriptor =
        format!("api = '0.10'\n[buildpack]\nid = '{id}'\nversion = '1'\n[[targets]]\nos = 'linux'\n");
    fs::write(directory.join("buildpack.toml"), descriptor)?;
    for (name, text) in [("detect", "#!/bin/sh\n"), ("build", &format!("#!/bin/bash\nset -eu\n{build}"))] {
        let file = directory.join("bin").join(name);
        fs::write(&file, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Fails unless all of a text is there.
pub(super) fn says(text: &str, all: &[&str]) -> Result<()> {
    match all.iter().find(|expected| !text.contains(**expected)) {
        Some(missing) => Err(format!("`{missing}` is not in\n{text}").into()),
        None => Ok(()),
    }
}
