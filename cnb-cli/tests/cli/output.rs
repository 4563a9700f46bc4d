//! What goes to standard output and what to standard error.

use crate::done::Done;
use crate::place::Place;
use crate::place::run;

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn results_are_on_standard_output_and_progress_on_standard_error() {
    let place = Place::new("echo built");
    let done = run(&mut place.build());
    done.expect(0).says("===> BUILD").says("built").says("Adding layer");
    let image_id = place.image_id();
    let digest = place.inspect()["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(done.stdout, format!("Image ID  {image_id}\nDigest    {digest}\nSaved     oci:out:app\n"));
    let quiet = run(place.build().arg("--quiet"));
    quiet.expect(0);
    assert_eq!((quiet.stdout, quiet.stderr.as_str()), (format!("{digest}\n"), ""));
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_quiet_failure_is_told_all_the_same() {
    let place = Place::new("echo compiling; exit 1");
    let done = run(place.build().arg("--quiet"));
    done.expect(51).says("compiling").says("error: a buildpack failed");
    assert_eq!(done.stdout, "");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn json_has_an_object_a_line() {
    let place = Place::new("printf 'half a line, \"quoted\"'");
    let done = run(place.build().arg("--json"));
    done.expect(0);
    assert_eq!(done.stderr, "");
    let events = done.events();
    let phases: Vec<_> = events.iter().filter(|event| event["event"] == "phase-finished").collect();
    let names: Vec<_> = phases.iter().map(|event| event["phase"].as_str().expect("a name")).collect();
    assert_eq!(names, ["analyze", "detect", "restore", "build", "cache", "export"]);
    assert!(phases.iter().all(|event| event["success"] == true));
    let output: String = events.iter().filter_map(|event| event["bytes"].as_str()).collect();
    assert!(output.contains("half a line, \"quoted\""), "{output}");
    let exported: Vec<_> = events.iter().filter(|event| event["event"] == "exported").collect();
    assert_eq!(exported.len(), 1);
    assert_eq!(exported[0]["image_id"], place.image_id().as_str());
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn json_ends_with_the_error() {
    let place = Place::new("exit 1");
    place.write("bad.env", "=1\n");
    for (flags, code, text) in [
        (&["--json"][..], 51, "a buildpack failed"),
        (&["--json", "--env-file", "bad.env"], 3, "bad.env:1:1"),
    ] {
        let done = run(place.build().args(flags));
        done.expect(code);
        let events = done.events();
        let last = events.last().expect("an event");
        assert_eq!((&last["event"], &last["exit_code"]), (&"error".into(), &code.into()));
        assert!(last["message"].as_str().expect("text").contains(text), "{last}");
    }
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn every_output_has_the_same_image() {
    let place = Place::new("echo built");
    let done = run(place.build().args(["--output", "oci-archive:app.tar:app"]));
    done.expect(0);
    assert!(done.stdout.ends_with("Saved     oci:out:app\nSaved     oci-archive:app.tar:app\n"), "{done:?}");
    let archive = run(place.cnb().args(["inspect", "--json", "oci-archive:app.tar:app"]));
    let archive: serde_json::Value = serde_json::from_str(&archive.expect(0).stdout).expect("JSON");
    assert_eq!(archive["image_id"], place.image_id().as_str());
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn flags_that_contradict_are_wrong_usage() {
    let place = Place::new("echo built");
    run(place.build().args(["--quiet", "--json"])).expect(2).says("--quiet");
    run(place.cnb().args(["build", "app"])).expect(2).says("--output");
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn events_that_are_lost_are_an_error() {
    let place = Place::new("echo built");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
    let mut build = place.build();
    let done: Done = build.arg("--json").stdout(full).output().expect("it starts").into();
    done.expect(1).says("failed to write to standard output: No space left on device");
}
