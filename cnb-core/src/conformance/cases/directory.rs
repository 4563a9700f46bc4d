//! Directories of the machine, loaded.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::backend::EntryKind;
use crate::backend::ErrorKind;
use crate::backend::Filter;
use crate::backend::MountKind;
use crate::backend::Source;
use crate::backend::Tree;
use crate::backend::User;
use crate::conformance::Failure;
use crate::conformance::Outcome;
use crate::conformance::Target;
use crate::conformance::bench::USER;
use crate::conformance::failure::equal;
use crate::conformance::failure::refused;

cases! { directory:
    has_its_files_and_empty_directories [LoadDirectory],
    has_the_modes_of_git [LoadDirectory],
    has_the_owner_it_is_told [LoadDirectory, Users],
    keeps_links_as_links [LoadDirectory],
    leads_nowhere_outside [LoadDirectory],
    lacks_what_the_filter_refuses [LoadDirectory],
    does_not_change_with_what_it_was_made_of [LoadDirectory],
    can_be_written_to_by_a_step_without_changing_it [LoadDirectory],
    that_does_not_exist_is_not_found [LoadDirectory],
}

async fn has_its_files_and_empty_directories(target: &Target) -> Outcome {
    let place = place(target, "files")?;
    write(&place.join("a b/é"), "1", 0o644)?;
    write(&place.join(".hidden"), "2", 0o644)?;
    fs::create_dir(place.join("empty"))?;
    let tree = load(target, &place, None).await?;
    equal("names", target.names(&tree, "/").await?, [".hidden", "a b", "empty"])?;
    equal("a file", target.text(&tree, "/a b/é").await?, "1")?;
    equal("an empty directory", target.names(&tree, "/empty").await?, [""; 0])
}

async fn has_the_modes_of_git(target: &Target) -> Outcome {
    let place = place(target, "modes")?;
    for (name, mode) in [("private", 0o600), ("shared", 0o666), ("program", 0o700), ("group", 0o670)] {
        write(&place.join(name), "", mode)?;
    }
    fs::create_dir(place.join("dir"))?;
    fs::set_permissions(place.join("dir"), fs::Permissions::from_mode(0o1700))?;
    let tree = load(target, &place, None).await?;
    let expected =
        [("dir", 0o755), ("group", 0o644), ("private", 0o644), ("program", 0o755), ("shared", 0o644)];
    for (name, mode) in expected {
        let found = target.entry(&tree, "/", name).await?.mode;
        equal(name, format!("{found:o}"), format!("{mode:o}"))?;
    }
    Ok(())
}

async fn has_the_owner_it_is_told(target: &Target) -> Outcome {
    let place = place(target, "owner")?;
    write(&place.join("d/f"), "1", 0o644)?;
    let tree = load(target, &place, None).await?;
    equal("the directory", target.entry(&tree, "/", "d").await?.owner, USER)?;
    equal("the file", target.entry(&tree, "/d", "f").await?.owner, USER)?;
    let step = target.step("stat /in").await?.with_mount("/in", MountKind::ReadOnly(tree));
    equal("the root", target.succeed(step).await?.stdout.as_str(), "directory 0755 1001:1002\n")
}

async fn keeps_links_as_links(target: &Target) -> Outcome {
    let place = place(target, "links")?;
    write(&place.join("d/f"), "1", 0o644)?;
    let links = [("dangling", "nowhere"), ("directory", "d"), ("file", "./d/f"), ("out", "/etc")];
    for (name, link) in links {
        symlink(link, place.join(name))?;
    }
    let tree = load(target, &place, None).await?;
    for (name, link) in links {
        let kind = target.entry(&tree, "/", name).await?.kind;
        equal(name, kind, EntryKind::Symlink(link.to_owned()))?;
    }
    equal("a file behind a link", target.text(&tree, "/directory/f").await?, "1")
}

async fn leads_nowhere_outside(target: &Target) -> Outcome {
    let place = place(target, "outside")?;
    write(&place.join("private"), "outside", 0o644)?;
    let inside = place.join("inside");
    fs::create_dir(&inside)?;
    symlink("../private", inside.join("relative"))?;
    symlink(place.join("private"), inside.join("absolute"))?;
    symlink("..", inside.join("up"))?;
    let tree = load(target, &inside, None).await?;
    for path in ["/relative", "/absolute", "/up/private"] {
        refused(path, target.backend.read(&tree, path).await, ErrorKind::NotFound)?;
    }
    Ok(())
}

async fn lacks_what_the_filter_refuses(target: &Target) -> Outcome {
    let place = place(target, "filter")?;
    write(&place.join("keep/f"), "1", 0o644)?;
    write(&place.join("keep/refused"), "1", 0o644)?;
    write(&place.join("refused/f"), "1", 0o644)?;
    // Whoever opens these first and asks the filter later fails, unless it is root.
    write(&place.join("locked/refused"), "1", 0o000)?;
    let tree = load(target, &place, Some(Arc::new(NotRefused))).await?;
    equal("names", target.names(&tree, "/").await?, ["keep", "locked"])?;
    equal("names below", target.names(&tree, "/keep").await?, ["f"])?;
    equal("names below", target.names(&tree, "/locked").await?, [""; 0])
}

async fn does_not_change_with_what_it_was_made_of(target: &Target) -> Outcome {
    let place = place(target, "snapshot")?;
    write(&place.join("f"), "old", 0o644)?;
    let tree = load(target, &place, None).await?;
    write(&place.join("f"), "new", 0o644)?;
    write(&place.join("added"), "new", 0o644)?;
    equal("names", target.names(&tree, "/").await?, ["f"])?;
    equal("the file", target.text(&tree, "/f").await?, "old")
}

async fn can_be_written_to_by_a_step_without_changing_it(target: &Target) -> Outcome {
    let place = place(target, "source")?;
    write(&place.join("f"), "old", 0o644)?;
    let tree = load(target, &place, None).await?;
    let step = target.step("append /out/f er -- write /out/added 1").await?;
    let ran = target.succeed(step.with_mount("/out", MountKind::InOut(tree))).await?;
    equal("the file of the step", target.text(ran.tree("/out")?, "/f").await?, "older")?;
    equal("the file", fs::read_to_string(place.join("f"))?, "old")?;
    equal("a file was added", place.join("added").exists(), false)
}

async fn that_does_not_exist_is_not_found(target: &Target) -> Outcome {
    let path = place(target, "gone")?.join("missing");
    let source = Source::Directory { path, filter: None, owner: User::ROOT };
    refused("the directory", target.backend.load(source).await, ErrorKind::NotFound)
}

/// Refuses what is called `refused`, and finds out when it is asked about what is below.
#[derive(Debug)]
struct NotRefused;

impl Filter for NotRefused {
    fn takes(&self, path: &str, _is_directory: bool) -> bool {
        assert!(!path.starts_with("refused/"), "a refused directory was entered");
        assert!(!path.starts_with('/') && !path.ends_with('/'), "`{path}` is not relative");
        path.rsplit('/').next() != Some("refused")
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(format!("the scratch directory cannot be used: {error}"))
    }
}

/// A new directory of a case.
fn place(target: &Target, name: &str) -> Result<PathBuf, Failure> {
    let scratch =
        target.scratch.as_ref().ok_or_else(|| Failure::new("the target has no scratch directory"))?;
    let place = scratch.join(name);
    fs::create_dir(&place)?;
    Ok(place)
}

/// Writes a file, whatever the umask.
fn write(path: &Path, content: &str, mode: u32) -> io::Result<()> {
    fs::create_dir_all(path.parent().expect("it is in a directory"))?;
    fs::write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

async fn load(target: &Target, path: &Path, filter: Option<Arc<dyn Filter>>) -> Result<Tree, Failure> {
    let source = Source::Directory { path: path.to_owned(), filter, owner: USER };
    Ok(target.backend.load(source).await?)
}
