//! What a build uses again of the last one, whatever changed between them: a table, for each backend.
//!
//! With the local backend; with another one where `CNB_TEST_BACKEND` names it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::rc::Rc;

use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::Fixture;
use crate::place::Done;
use crate::place::run as run_command;

/// A launch layer that depends on the file `dependencies`, and what it takes to make it, which is kept in the cache.
const BUILD: &str = r#"
wanted=$(cat dependencies)
case "$(cat $layers/dep.toml 2>/dev/null)" in
*"\"$wanted\""*)
    echo "dependencies are kept"
    ;;
*)
    echo "dependencies are made"
    mkdir -p $layers/dep
    echo $wanted > $layers/dep/file
    ;;
esac
printf '[types]\nlaunch = true\n[metadata]\nversion = "%s"\n' $wanted > $layers/dep.toml
if [ -f $layers/download/file ]; then
    echo "downloads came back"
else
    echo "downloads are new"
    mkdir -p $layers/download
    echo content > $layers/download/file
fi
printf '[types]\ncache = true\n' > $layers/download.toml
"#;

const DETECT: &str = "#!/bin/sh\nexit 0\n";
const RUN: &str = "#!/bin/sh\nlayers=$CNB_LAYERS_DIR\n. ./build\n";

/// The builder that a project made.
const OWN_BUILDER: &str = "oci:layout:builder";

const APP: &str = "app";
const DEPENDENCIES: &str = "dep";
const CONFIG: &str = "config";

/// What a buildpack had to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Work {
    /// It did not run.
    None,
    /// It ran: whether it kept its launch layer, and whether its cached layer came back.
    Some { kept: bool, cached: bool },
}

const EVERYTHING: Work = Work::Some { kept: false, cached: false };
const NOTHING_NEW: Work = Work::Some { kept: true, cached: true };

/// A change, and what the build after it has to do.
struct Row {
    name: &'static str,
    change: fn(&Project),
    flags: &'static [&'static str],
    work: Work,
    /// The layers that are others than in the build before.
    changed: &'static [&'static str],
}

const fn row(name: &'static str, change: fn(&Project), work: Work, changed: &'static [&'static str]) -> Row {
    Row { name, change, flags: &[], work, changed }
}

/// Each row begins with a project that was built once.
fn rows(backend: &Backend) -> Vec<Row> {
    let mut rows = vec![
        row("nothing", |_| {}, Work::None, &[]),
        row("source", |project| project.write("app/source", "other"), NOTHING_NEW, &[APP]),
        row(
            "dependency",
            |project| project.write("app/dependencies", "2"),
            Work::Some { kept: false, cached: true },
            &[APP, DEPENDENCIES],
        ),
        row("builder", |project| project.make_builder("1.0.0", "# another", "root"), NOTHING_NEW, &[]),
        row(
            "version of the buildpack",
            |project| project.make_builder("2.0.0", "", "root"),
            NOTHING_NEW,
            &[CONFIG],
        ),
        row("previous image is gone", Project::remove_image, Work::None, &[]),
        row(
            "previous image is gone, source",
            |project| {
                project.remove_image();
                project.write("app/source", "other");
            },
            NOTHING_NEW,
            &[APP],
        ),
        row("another project in between", |project| drop(project.beside().begin()), Work::None, &[]),
        row(
            "another project in between, source",
            |project| {
                project.beside().begin();
                project.write("app/source", "other");
            },
            NOTHING_NEW,
            &[APP],
        ),
        Row { flags: &["--clear-cache"], ..row("everything is cleared", |_| {}, EVERYTHING, &[]) },
        Row {
            flags: &["--clear-cache"],
            ..row("everything is cleared, previous image is gone", Project::remove_image, EVERYTHING, &[])
        },
    ];
    if let Backend::Local = backend {
        rows.extend([
            // The same layers fit on every base with the same target.
            row("run image", |project| project.make_builder("1.0.0", "", "patched"), Work::None, &[]),
            row("cache is gone", Project::remove_cache, Work::None, &[]),
            row(
                "cache is gone, source",
                |project| {
                    project.remove_cache();
                    project.write("app/source", "other");
                },
                Work::Some { kept: true, cached: false },
                &[APP],
            ),
            row(
                "cache and previous image are gone",
                |project| {
                    project.remove_image();
                    project.remove_state();
                },
                EVERYTHING,
                &[],
            ),
            Row { flags: &["--no-cache"], ..row("every phase is asked for", |_| {}, NOTHING_NEW, &[]) },
        ]);
    } else {
        rows.push(row("run image", |project| project.make_builder("1.0.0", "", "patched"), NOTHING_NEW, &[]));
    }
    rows
}

#[derive(Clone, Debug)]
enum Backend {
    Local,
    Other(String),
}

impl Backend {
    fn of_environment() -> Self {
        let name = std::env::var_os("CNB_TEST_BACKEND");
        name.map_or(Self::Local, |name| Self::Other(name.into_string().expect("the name of a backend")))
    }
}

/// An application and a builder, with what their builds leave.
struct Project {
    /// Where all projects that share their state are.
    shared: Rc<TempDir>,
    name: &'static str,
    builder: String,
    backend: Backend,
}

impl Project {
    fn new(backend: &Backend) -> Self {
        let shared = tempfile::tempdir_in(&Fixture::get().directory).expect("a directory");
        let builder = OWN_BUILDER.to_owned();
        Self { shared: Rc::new(shared), name: "one", builder, backend: backend.clone() }.laid_out()
    }

    /// Another one that shares the state, and has layers of the same names.
    fn beside(&self) -> Self {
        let (shared, backend) = (Rc::clone(&self.shared), self.backend.clone());
        Self { shared, name: "other", builder: OWN_BUILDER.to_owned(), backend }.laid_out()
    }

    /// Both with the builder of the first: it is a part of whose cache it is.
    fn both(backend: &Backend) -> [Self; 2] {
        let mut one = Self::new(backend);
        let mut other = one.beside();
        one.builder = format!("oci:{}:builder", one.path("layout").display());
        other.builder.clone_from(&one.builder);
        [one, other]
    }

    fn laid_out(self) -> Self {
        self.write("app/detect", "exit 0");
        self.write("app/build", BUILD);
        self.write("app/source", "first");
        self.write("app/dependencies", self.name);
        self.make_builder("1.0.0", "", "root");
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.shared.path().join(self.name).join(name)
    }

    fn state(&self) -> PathBuf {
        self.shared.path().join("state")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is below the directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    /// Makes the builder anew: with its buildpack in a version, with a line more, and on a run image.
    fn make_builder(&self, version: &str, line: &str, run: &str) {
        let fixture = Fixture::get().directory.display();
        let descriptor = format!("api = '0.10'\n[buildpack]\nid = 'test/script'\nversion = '{version}'\n");
        self.write("buildpack/buildpack.toml", &descriptor);
        for (name, script) in [("detect", DETECT.to_owned()), ("build", format!("{RUN}{line}\n"))] {
            let name = format!("buildpack/bin/{name}");
            self.write(&name, &script);
            fs::set_permissions(self.path(&name), fs::Permissions::from_mode(0o755)).expect("a mode");
        }
        let builder = format!(
            "[[buildpacks]]\nuri = 'buildpack'\n[[order]]\n[[order.group]]\nid = 'test/script'\nversion = '{version}'\n\
             [build]\nimage = '{fixture}/root'\n[[run.images]]\nimage = 'test/run'\n"
        );
        self.write("builder.toml", &builder);
        let run_image = match run {
            "root" => format!("test/run={fixture}/root"),
            patched => {
                let copied = Command::new("cp")
                    .arg("-a")
                    .arg(format!("{fixture}/root"))
                    .arg(self.path(patched))
                    .status();
                assert!(copied.expect("cp can be run").success());
                self.write(&format!("{patched}/etc/patch"), "patched");
                format!("test/run={patched}")
            }
        };
        let mut create = self.cnb();
        create.args(["builder", "create", "oci:layout:builder", "--run-image", &run_image]);
        run_command(create.arg("--cache-dir").arg(self.state())).expect(0);
    }

    fn remove_image(&self) {
        fs::remove_dir_all(self.path("out")).expect("the image is there");
    }

    fn remove_cache(&self) {
        fs::remove_dir_all(self.state().join("caches")).expect("caches are there");
    }

    fn remove_state(&self) {
        fs::remove_dir_all(self.state()).expect("the state is there");
    }

    fn cnb(&self) -> Command {
        let mut command = Command::new(Fixture::get().programs.join("cnb"));
        command.current_dir(self.path("")).stdin(Stdio::null());
        command
    }

    fn build(&self, flags: &[&str]) -> Command {
        let mut build = self.cnb();
        build.args(["build", "app", "--json", "--output", "oci:out:app", "--builder", &self.builder]);
        match &self.backend {
            Backend::Local => build.arg("--cache-dir").arg(self.state()),
            // An engine may have no network of its own.
            Backend::Other(name) => build.args(["--network", "host", "--backend", name]),
        };
        build.args(flags);
        build
    }

    /// The first build, which has everything to do.
    fn begin(&self) -> Image {
        assert_eq!(work(run_command(&mut self.build(&[])).expect(0)), EVERYTHING);
        self.image()
    }

    fn image(&self) -> Image {
        let done = run_command(self.cnb().args(["inspect", "--json", "oci:out:app"]));
        let inspected: Value = serde_json::from_str(&done.expect(0).stdout).expect("JSON");
        let label = &inspected["lifecycle"];
        let sha = |layer: &Value| layer["sha"].as_str().unwrap_or_default().to_owned();
        let mut layers = BTreeMap::from([(APP, sha(&label["app"][0]))]);
        layers.insert(DEPENDENCIES, sha(&label["buildpacks"][0]["layers"][DEPENDENCIES]));
        for name in [CONFIG, "launcher", "process-types", "sbom"] {
            layers.insert(name, sha(&label[name]));
        }
        assert!(layers[DEPENDENCIES].starts_with("sha256:"), "{label}");
        Image { id: inspected["image_id"].to_string(), layers }
    }
}

/// What an image is, and the layers that its label names.
#[derive(Debug)]
struct Image {
    id: String,
    layers: BTreeMap<&'static str, String>,
}

impl Image {
    fn changed(&self, before: &Self) -> Vec<&'static str> {
        self.layers
            .iter()
            .filter(|(name, sha)| before.layers[*name] != **sha)
            .map(|(name, _)| *name)
            .collect()
    }
}

/// What the buildpack said that it did.
fn work(done: &Done) -> Work {
    let events = done.events();
    let output = events.iter().filter(|event| event["event"] == "output");
    let said: String = output.filter_map(|event| event["bytes"].as_str()).collect();
    let of = |yes: &str, no: &str| match (said.contains(yes), said.contains(no)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
        (true, true) => panic!("both in {said}"),
    };
    let kept = of("dependencies are kept", "dependencies are made");
    let cached = of("downloads came back", "downloads are new");
    match (kept, cached) {
        (Some(kept), Some(cached)) => Work::Some { kept, cached },
        (None, None) => Work::None,
        half => panic!("{half:?} of {said}"),
    }
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn what_did_not_change_is_used_again() {
    let backend = Backend::of_environment();
    for Row { name, change, flags, work: expected, changed } in rows(&backend) {
        let project = Project::new(&backend);
        let before = project.begin();
        change(&project);
        let done = run_command(&mut project.build(flags));
        assert_eq!(work(done.expect(0)), expected, "{name}");
        let after = project.image();
        let mut changed = changed.to_vec();
        changed.sort_unstable();
        assert_eq!(after.changed(&before), changed, "{name}");
        // And it can be relied upon.
        assert_eq!(work(run_command(&mut project.build(&[])).expect(0)), Work::None, "{name}, again");
        assert_eq!(project.image().id, after.id, "{name}, again");
    }
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn projects_that_build_at_the_same_time_do_not_share() {
    let backend = Backend::of_environment();
    let one = Project::new(&backend);
    let projects = [one.beside(), one];
    let both = |flags: &[&str]| {
        let start = |project: &Project| {
            let mut build = project.build(flags);
            build.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cnb can be run")
        };
        let builds: Vec<_> = projects.iter().map(start).collect();
        builds
            .into_iter()
            .map(|build| work(Done::from(build.wait_with_output().expect("a child")).expect(0)))
            .collect::<Vec<_>>()
    };
    assert_eq!(both(&[]), [EVERYTHING; 2]);
    let first = projects.each_ref().map(Project::image);
    assert_ne!(first[0].layers[DEPENDENCIES], first[1].layers[DEPENDENCIES]);
    assert_eq!(both(&[]), [Work::None; 2]);
    for project in &projects {
        project.write("app/source", "other");
    }
    assert_eq!(both(&[]), [NOTHING_NEW; 2]);
    for (project, first) in projects.iter().zip(&first) {
        assert_eq!(project.image().changed(first), [APP]);
    }
}

/// What the second of two projects finds in its first build, after the first one was built.
struct Widened {
    name: &'static str,
    /// The flags of each build of the first one.
    wrote: &'static [&'static [&'static str]],
    /// The flags of the build of the second one.
    reads: &'static [&'static str],
    cached: bool,
}

const NAMESPACE: &[&str] = &["--cache-scope", "namespace"];
const MACHINE: &[&str] = &["--cache-scope", "machine"];
const PROJECT: &[&str] = &["--cache-scope", "project"];
const READ_ONLY: &[&str] = &["--cache-scope", "namespace", "--cache-read-only"];
const CLEARED: &[&str] = &["--cache-scope", "namespace", "--clear-cache"];

const WIDENED: [Widened; 9] = [
    Widened { name: "both say namespace", wrote: &[NAMESPACE], reads: NAMESPACE, cached: true },
    Widened { name: "both say machine", wrote: &[MACHINE], reads: MACHINE, cached: true },
    Widened { name: "only the second", wrote: &[PROJECT], reads: NAMESPACE, cached: false },
    Widened { name: "only the first", wrote: &[NAMESPACE], reads: &[], cached: false },
    Widened { name: "each another one", wrote: &[MACHINE], reads: NAMESPACE, cached: false },
    Widened { name: "later and without a change", wrote: &[&[], NAMESPACE], reads: NAMESPACE, cached: true },
    Widened { name: "nobody looked at the first", wrote: &[READ_ONLY], reads: NAMESPACE, cached: false },
    Widened { name: "nobody looked at the second", wrote: &[NAMESPACE], reads: READ_ONLY, cached: true },
    Widened { name: "the second starts anew", wrote: &[NAMESPACE], reads: CLEARED, cached: false },
];

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn cached_layers_are_shared_where_both_say_so() {
    let backend = Backend::of_environment();
    for Widened { name, wrote, reads, cached } in WIDENED {
        let [one, other] = Project::both(&backend);
        for (number, flags) in wrote.iter().enumerate() {
            let expected = if number == 0 { EVERYTHING } else { NOTHING_NEW };
            assert_eq!(work(run_command(&mut one.build(flags)).expect(0)), expected, "{name}, the first");
        }
        let done = run_command(&mut other.build(reads));
        // What is in the image is nobody else's.
        assert_eq!(work(done.expect(0)), Work::Some { kept: false, cached }, "{name}");
        let dependencies = [&one, &other].map(|project| project.image().layers[DEPENDENCIES].clone());
        assert_ne!(dependencies[0], dependencies[1], "{name}");
    }
}

#[test]
#[ignore = "needs root and the static programs: run by cargo xtask test cli"]
fn a_descriptor_can_ask_to_share_and_a_flag_wins() {
    let backend = Backend::of_environment();
    for (flags, cached) in [(&[][..], true), (PROJECT, false)] {
        let projects = Project::both(&backend);
        for project in &projects {
            let scope = "[io.buildpacks.cache]\nscope = 'namespace'\n";
            let text = format!("[_]\nschema-version = '0.2'\nname = '{}'\n{scope}", project.name);
            project.write("app/project.toml", &text);
        }
        assert_eq!(work(run_command(&mut projects[0].build(&[])).expect(0)), EVERYTHING);
        let done = run_command(&mut projects[1].build(flags));
        assert_eq!(work(done.expect(0)), Work::Some { kept: false, cached }, "{flags:?}");
    }
}
