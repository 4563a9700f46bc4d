use cnb_llb::Build;
use cnb_llb::MakeDir;
use cnb_llb::MakeFile;
use cnb_llb::Passthrough;
use cnb_llb::State;

use super::Case;
use super::alpine;
use super::amd64;
use super::app;
use super::arm;
use super::command;
use super::scratch;

pub(super) fn cases() -> Vec<Case> {
    let file = scratch().file(MakeFile::new("/a", 0o644, "x"));
    let run = || alpine().run(command()).root();
    let dir = |path| run().file(MakeDir::new(path, 0o755));
    let passthrough = Passthrough::new("id");
    let several =
        passthrough.clone().input(&app()).output(&file).output(&scratch()).output(&alpine()).states();
    let one = passthrough.output(&alpine()).input(&app()).states();
    vec![
        ("merge", State::merge([&alpine(), &file])),
        ("merge-twice", State::merge([&alpine(), &file, &alpine()])),
        ("merge-scratch", State::merge([&scratch(), &alpine(), &scratch(), &file])),
        ("merge-one", State::merge([&scratch(), &alpine()])),
        ("merge-none", State::merge([&scratch()])),
        ("diff", run().diff_from(&alpine())),
        ("diff-to-scratch", scratch().diff_from(&alpine())),
        ("diff-from-scratch", alpine().diff_from(&scratch())),
        ("diff-of-scratch", scratch().diff_from(&scratch())),
        ("passthrough", one[0].clone()),
        ("passthrough-outputs", State::merge([&several[2], &several[1], &several[0]])),
        ("requires", alpine().requires("id", [&app(), &file])),
        ("requires-nothing", alpine().requires("id", [])),
        ("build", Build::new(&app()).platform(amd64()).state()),
        ("build-filename", Build::new(&app()).filename("graph.pb").platform(arm()).state()),
        ("diamond", State::merge([&dir("/l"), &dir("/r")])),
    ]
}
