//! Builds that somebody stops.

use std::fs::OpenOptions;
use std::process::Stdio;

use rustix::fs::CWD;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::process::Signal;

use crate::place::Done;
use crate::place::Place;
use crate::place::files;
use crate::processes::Running;
use crate::processes::mounts_below;
use crate::processes::with_argument;

/// A script that says so when it runs, and never ends. Its process has `marker` as an argument; the OCI
/// runtime has it in the path of its bundle.
fn endless(marker: &str) -> String {
    format!("sh -c 'echo has started; while :; do sleep 1; done' {marker}")
}

fn marker(place: &Place) -> String {
    let name = place.path("").file_name().expect("a name").to_owned();
    name.into_string().expect("text")
}

/// Nothing is left of a build but what the next one can use.
fn expect_nothing_left(place: &Place) {
    let marker = marker(place);
    let processes = with_argument(&marker);
    assert!(processes.is_empty(), "{processes:?}");
    assert_eq!(mounts_below(&marker), [""; 0]);
    place.expect_no_image();
    assert!(!place.path("out").exists());
}

const SIGNALS: [(Signal, i32, &str); 2] =
    [(Signal::INT, 130, "interrupted"), (Signal::TERM, 143, "terminated")];

fn expect_stopped(place: &Place, done: &Done, code: i32, message: &str) {
    done.expect(code);
    let events = done.events();
    let last = events.last().expect("the end is told");
    assert_eq!(
        (&last["event"], &last["message"], &last["exit_code"]),
        (&"error".into(), &message.into(), &code.into())
    );
    expect_nothing_left(place);
    expect_no_session(place);
}

/// Only the lock for making sessions is there.
fn expect_no_session(place: &Place) {
    let sessions = files(&place.path("state/root/sessions"));
    assert_eq!(sessions, [place.path("state/root/sessions/lock")]);
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_stopped_build_leaves_nothing() {
    for (signal, code, message) in SIGNALS {
        let place = Place::new("exit 0");
        place.write("app/build", &endless(&marker(&place)));
        let running = Running::until_output(&mut place.build(), "has started");
        let runs = with_argument(&marker(&place));
        assert!(runs.len() >= 2, "the runtime and the script run: {runs:?}");
        expect_stopped(&place, &running.stop(signal), code, message);
        place.expect_next_build_to_work();
    }
}

/// What bin/detect writes is told when it has ended, so the signal comes at any moment of the phase.
#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_stopped_detection_leaves_nothing() {
    for (signal, code, message) in SIGNALS {
        let place = Place::new("exit 0");
        place.write("app/detect", &endless(&marker(&place)));
        let running = Running::until_phase(&mut place.build(), "detect");
        expect_stopped(&place, &running.stop(signal), code, message);
        place.write("app/detect", "exit 0");
        place.expect_next_build_to_work();
    }
}

/// The base of the builder is a pipe, so that it is known when it is read.
#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_builder_that_is_not_made_leaves_nothing() {
    for (signal, code, message) in SIGNALS {
        let place = Place::without_buildpack();
        let image = "[build]\nimage = 'base'\n[[run.images]]\nimage = 'test/run'\n[[order]]\n";
        place.write("builder.toml", image);
        let base = place.path("base");
        rustix::fs::mknodat(CWD, &base, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        let mut create = place.cnb();
        create.args(["builder", "create", "--cache-dir", "state", "oci:out:builder"]);
        let create =
            create.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let pipe = OpenOptions::new().write(true).open(&base).expect("somebody reads it");
        let running = Running::of(create);
        running.signal(signal);
        drop(pipe);
        running.end().expect(code).says(message);
        place.expect_no_image();
        let left = files(&place.path("state")).into_iter().filter(|path| path.ends_with("index.json"));
        assert_eq!(left.collect::<Vec<_>>(), [""; 0].map(std::path::PathBuf::from));
        expect_no_session(&place);
    }
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_killed_build_leaves_no_container() {
    let place = Place::new("exit 0");
    place.write("app/build", &endless(&marker(&place)));
    let running = Running::until_output(&mut place.build(), "has started");
    let processes = with_argument(&marker(&place));
    assert!(processes.len() >= 2, "the runtime and the script run: {processes:?}");
    let done = running.stop(Signal::KILL);
    assert_eq!(done.signal, Some(9));
    for process in processes {
        assert!(process.wait().expect("it can be waited for"), "still there: {process:?}");
    }
    expect_nothing_left(&place);
    place.expect_next_build_to_work();
    expect_no_session(&place);
}
