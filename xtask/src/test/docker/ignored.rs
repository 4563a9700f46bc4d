//! Files that are left out: of what the daemon gets, and of what the buildpacks and the image get.

use std::collections::BTreeSet;
use std::fs;

use super::Place;
use super::application::DESCRIPTOR;
use super::progress::Progress;
use super::witness::Witness;
use crate::Result;
use crate::test::step::timed;

const LIST: &str = "find . -type f -not -path './own/*' | sort\n";

/// Of each kind one that goes and one that stays, by git's rules: a later pattern wins, `/` at the start is the root.
const EXCLUDE: &str = "exclude = ['*.log', '!keep.log', '/out/', 'docs/*.md']\n";
const FILES: [&str; 9] = [
    "a.log",
    "sub/b.log",
    "sub/keep.log",
    "out/file",
    "sub/out/file",
    "docs/a.md",
    "docs/sub/b.md",
    "big/file",
    "own-big/file",
];
/// What is left of them, with the files that every application of the test has.
const LEFT: [&str; 5] = ["./docs/sub/b.md", "./file", "./project.toml", "./sub/keep.log", "./sub/out/file"];

/// So large that it shows whether the daemon gets it.
const BIG: usize = 8 << 20;

pub(super) fn check(place: &Place<'_>) -> Result<()> {
    let witness = Witness::new(place, "ignored", LIST)?;
    let descriptor = fs::read_to_string(witness.path(DESCRIPTOR))?;
    let (start, group) = descriptor.split_once("[[io.").ok_or("the descriptor has a group")?;
    fs::write(witness.path(DESCRIPTOR), format!("{start}[io.buildpacks]\n{EXCLUDE}[[io.{group}"))?;
    for path in FILES {
        let file = witness.path(path);
        fs::create_dir_all(file.parent().expect("it is in a directory"))?;
        fs::write(file, vec![b'x'; if path.contains("big") { BIG } else { 1 }])?;
    }
    fs::write(witness.path(".dockerignore"), "big\nown-big\n")?;
    timed("files that .dockerignore and the descriptor leave out", || {
        let printed = left(place, &witness, &["./.dockerignore"])?;
        let mut sent = printed.lines().filter(|line| line.contains("transferring context:"));
        if sent.any(|line| line.contains("MB")) { Err(printed.into()) } else { Ok(()) }
    })?;
    fs::write(witness.path("project.toml.dockerignore"), "**/big\n*-big\n!own-big/f*\n.dockerignore\n")?;
    timed("files that project.toml.dockerignore leaves out", || {
        left(place, &witness, &["./own-big/file", "./project.toml.dockerignore"]).map(drop)
    })
}

/// Checks which files the buildpack finds. Gives what was printed.
fn left(place: &Place<'_>, witness: &Witness, more: &[&str]) -> Result<String> {
    let printed = witness.build(place, &["--target=build"])?.print()?;
    let output = Progress::read(&printed).output();
    let found: BTreeSet<&str> = output.lines().filter(|line| line.starts_with("./")).collect();
    let expected: BTreeSet<&str> = LEFT.iter().chain(more).copied().collect();
    if found == expected { Ok(printed) } else { Err(format!("the buildpack finds {found:?}").into()) }
}
