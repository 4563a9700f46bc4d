//! Builds at the same time that share a cache directory and an output: 4 projects, each built in two places.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use cnb_core::digest::Digest;
use cnb_oci::blob::Blobs;
use serde_json::Value;

use crate::fixture::Fixture;
use crate::place::Done;
use crate::place::Place;
use crate::place::files;
use crate::place::is_temporary;
use crate::place::run;
use crate::processes::Running;
use crate::processes::mounts_below;
use crate::processes::with_argument;
use crate::random::Random;

const PROJECTS: [&str; 4] = ["one", "two", "three", "four"];
/// Where a project is checked out. Its ID makes them one project.
const CHECKOUTS: [&str; 2] = ["a", "b"];

/// Fails when it finds what another project left, or a part of what this one did. Layers:
///
/// - `cached` and `kept` are the same in every state; `kept` has no contents in the cache,
/// - `made` changes with the state, so an image with that of another state is not the right one,
/// - `parts` is in no image, so it may be of any earlier state, but all of it of the same.
const BUILD: &str = r#"
name=$(cat name) state=$(cat state)
fail() { echo "$1"; exit 1; }
is_ours() { case $1 in "$name "*) ;; *) fail "$1 is not of $name" ;; esac; }
says() { case $(cat "$1") in *"$2"*) ;; *) return 1 ;; esac; }
types() { printf '[types]\n%b\n[metadata]\nof = "%s"\n' "$2" "$3" > $layers/$1.toml; }
for layer in cached kept made parts; do
    [ -f $layers/$layer.toml ] && { says $layers/$layer.toml "\"$name " || fail "foreign $layer.toml"; }
done
mkdir -p $layers/cached $layers/made $layers/parts

if [ -f $layers/cached/file ]; then
    [ "$(cat $layers/cached/file)" = "$name cached" ] || fail "damaged: cached"
    echo "cached came back"
else
    echo "cached is new"
    echo "$name cached" > $layers/cached/file
fi
types cached "cache = true\nlaunch = true" "$name 0"

if [ -f $layers/kept.toml ]; then
    echo "kept came back"
else
    echo "kept is new"
    mkdir $layers/kept
    echo "$name kept" > $layers/kept/file
fi
types kept "launch = true" "$name 0"

if [ -f $layers/made/file ]; then
    is_ours "$(cat $layers/made/file)"
    says $layers/made.toml "\"$(cat $layers/made/file)\"" || fail "metadata of another state"
fi
echo "$name $state" > $layers/made/file
types made "cache = true\nlaunch = true" "$name $state"

[ -f $layers/parts/1 ] && before=$(cat $layers/parts/1) && is_ours "$before"
for part in 1 2 3 4 5 6 7 8; do
    [ -z "$before" ] || [ "$(cat $layers/parts/$part)" = "$before" ] || fail "damaged: parts"
    echo "$name $state" > $layers/parts/$part
done
types parts "cache = true" "$name 0"
"#;

/// The projects, and the cache directory and the layout that all builds share.
struct Projects {
    place: Place,
}

/// One build that ran beside others.
struct Ended {
    project: &'static str,
    done: Done,
}

impl Projects {
    fn new() -> Self {
        let place = Place::without_buildpack();
        for (project, checkout) in builds() {
            let write = |name: &str, text: &str| place.write(&format!("{project}/{checkout}/{name}"), text);
            write("project.toml", &format!("[_]\nschema-version = \"0.2\"\nid = \"{project}\"\n"));
            write("detect", "exit 0");
            write("build", BUILD);
            write("name", project);
        }
        Self { place }
    }

    /// Changes the sources of all projects.
    fn change(&self, state: usize) {
        for (project, checkout) in builds() {
            self.place.write(&format!("{project}/{checkout}/state"), &state.to_string());
        }
    }

    fn build(&self, app: &str, output: &str, cache_dir: &str) -> Command {
        let mut build = self.place.cnb();
        build.args(["build", app, "--output", output, "--cache-dir", cache_dir]);
        build.args(["--builder", &Fixture::get().builder()]);
        build
    }

    /// All builds at the same time; each is killed at the event with its number. Somebody prunes, as long as one runs.
    fn build_all(&self, kills: [usize; 8], budget: &[&str]) -> Vec<Ended> {
        thread::scope(|scope| {
            let start = |((project, checkout), events): ((&'static str, &str), usize)| {
                let (app, output) = (format!("{project}/{checkout}"), format!("oci:out:{project}"));
                let mut build = self.build(&app, &output, "state");
                scope.spawn(move || Ended { project, done: Running::killed_after(events, &mut build) })
            };
            let running: Vec<_> = builds().zip(kills).map(start).collect();
            while running.iter().any(|build| !build.is_finished()) {
                let mut prune = self.place.cnb();
                run(prune.args(["cache", "prune", "--cache-dir", "state"]).args(budget)).expect(0);
            }
            running.into_iter().map(|build| build.join().expect("nothing panics there")).collect()
        })
    }

    /// All builds at the same time end with the right images.
    fn expect_right(&self, state: usize) -> Vec<Ended> {
        self.expect_right_within(state, ENOUGH)
    }

    /// The same, while somebody prunes to a budget.
    fn expect_right_within(&self, state: usize, budget: &[&str]) -> Vec<Ended> {
        let ended = self.build_all(NEVER, budget);
        for build in &ended {
            assert_eq!(build.done.code, Some(0), "{}: {:#?}", build.project, build.done);
        }
        for project in PROJECTS {
            assert_eq!(self.image_id(&format!("oci:out:{project}")), self.alone(project, state), "{project}");
        }
        ended
    }

    /// The image ID of a state that was built alone, once.
    fn alone(&self, project: &str, state: usize) -> String {
        let output = format!("oci:alone:{project}-{state}");
        if !self.is_tagged("alone", &format!("{project}-{state}")) {
            let cache_dir = format!("alone-{project}-{state}");
            run(&mut self.build(&format!("{project}/a"), &output, &cache_dir)).expect(0);
            fs::remove_dir_all(self.place.path(&cache_dir)).expect("a cache directory");
        }
        self.image_id(&output)
    }

    fn is_tagged(&self, layout: &str, tag: &str) -> bool {
        let index = fs::read_to_string(self.place.path(layout).join("index.json")).unwrap_or_default();
        index.contains(&format!("\"{tag}\""))
    }

    fn image_id(&self, image: &str) -> String {
        let done = run(self.place.cnb().args(["inspect", "--json", image]));
        done.expect(0);
        let image: Value = serde_json::from_str(&done.stdout).expect("JSON");
        image["image_id"].as_str().expect("an image has an ID").to_owned()
    }

    /// Nothing is half-written, and nothing runs or is mounted any more.
    fn expect_whole(&self) {
        for blobs in ["out", "state", "state/store"] {
            expect_digests(&self.place.path(blobs));
        }
        assert_eq!(files(&self.place.path("state/store/new")), [""; 0].map(PathBuf::from));
        let half: Vec<_> = files(&self.place.path("out")).into_iter().filter(|p| is_temporary(p)).collect();
        assert_eq!(half, [""; 0].map(PathBuf::from));
        let sessions = self.place.path("state/root/sessions");
        assert_eq!(files(&sessions), [sessions.join("lock")]);
        let name = self.place.path("").file_name().expect("a name").to_str().expect("text").to_owned();
        assert_eq!(mounts_below(&name), [""; 0]);
        let processes = with_argument(&name);
        assert!(processes.is_empty(), "{processes:?}");
    }
}

/// More events than there are.
const NEVER: [usize; 8] = [usize::MAX; 8];

/// A size that nothing reaches: only what killed builds left goes.
const ENOUGH: &[&str] = &["--max-size", "1TB"];

fn builds() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROJECTS.into_iter().flat_map(|project| CHECKOUTS.map(|checkout| (project, checkout)))
}

/// Every blob of a directory has the digest that is its name.
fn expect_digests(directory: &Path) {
    let blobs = Blobs::create(directory).expect("a directory");
    let paths = files(&directory.join("blobs/sha256"));
    assert!(!paths.is_empty(), "{}", directory.display());
    for path in paths {
        let name = path.file_name().expect("a name").to_str().expect("text");
        let digest: Digest = format!("sha256:{name}").parse().expect("a digest");
        let size = path.metadata().expect("a blob").len();
        blobs.verify(&digest, size).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// What the buildpack said in the builds of each project that ran it.
fn said(ended: &[Ended]) -> BTreeMap<&'static str, Vec<String>> {
    let mut said: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for build in ended {
        let pieces = build.done.events().into_iter().filter(|event| event["event"] == "output");
        let pieces = pieces.map(|event| event["bytes"].as_str().expect("text").to_owned());
        let text = pieces.collect::<Vec<_>>().concat();
        if text.contains("cached ") {
            said.entry(build.project).or_default().push(text);
        }
    }
    said
}

/// Every project was built, and each build had back what an earlier one left.
fn expect_kept(ended: &[Ended]) {
    let said = said(ended);
    assert_eq!(said.len(), PROJECTS.len(), "{said:#?}");
    for (project, text) in said.iter().flat_map(|(project, texts)| texts.iter().map(move |t| (project, t))) {
        for layer in ["cached came back", "kept came back"] {
            assert!(text.contains(layer), "{project}: {text}");
        }
    }
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn projects_do_not_disturb_each_other() {
    let projects = Projects::new();
    projects.change(1);
    projects.expect_right(1);
    for state in 2..=3 {
        projects.change(state);
        expect_kept(&projects.expect_right(state));
    }
    projects.expect_whole();
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn builds_work_while_everything_is_pruned() {
    let projects = Projects::new();
    for state in 1..=3 {
        projects.change(state);
        projects.expect_right_within(state, &["--all"]);
    }
    projects.change(4);
    projects.expect_right(4);
    projects.expect_whole();
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn killed_builds_do_not_disturb_the_next() {
    let mut random = Random::new("killed_builds_do_not_disturb_the_next");
    let projects = Projects::new();
    projects.change(1);
    let events = projects.expect_right(1).iter().map(|build| build.done.stdout.lines().count()).max();
    let events = events.expect("there were builds");
    for state in [2, 4] {
        projects.change(state);
        let kills = [(); 8].map(|()| 1 + random.below(events));
        println!("killed at events {kills:?} of {events}");
        for build in projects.build_all(kills, ENOUGH) {
            assert!(build.done.signal == Some(9) || build.done.code == Some(0), "{:#?}", build.done);
        }
        // What was begun is ended, and what they kept is there when the sources change again.
        projects.expect_right(state);
        projects.expect_whole();
        projects.change(state + 1);
        expect_kept(&projects.expect_right(state + 1));
        projects.expect_whole();
    }
}
