//! The program `cnb-helper` where it is no library: what it runs, and how it ends.
//!
//! Some tests need root and util-linux, and are ignored but in `cargo xtask test local`.

use std::fs;
use std::fs::Permissions;
use std::io::BufRead as _;
use std::io::BufReader;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::chown;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use cnb_core::backend::ErrorKind;
use cnb_core::backend::User;
use cnb_core::helper;
use cnb_core::helper::LayerPlan;
use cnb_core::helper::LayerPlanContent;
use cnb_core::helper::LayersPlan;
use cnb_core::helper::Owned;
use cnb_core::helper::PlanParent;
use cnb_core::helper::PlanSelect;
use cnb_core::helper::Process;
use cnb_core::helper::RunPlan;
use cnb_core::helper::TreePart;
use cnb_core::helper::TreePlan;
use serde::Serialize;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cnb-helper");
const USER: User = User::new(1001, 1002);

/// A directory that every user may enter.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(TempDir::new().expect("a temporary directory"));
        set_mode(bench.0.path(), 0o755);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    fn directory(&self, name: &str, mode: u32) -> String {
        fs::create_dir(self.path(name)).expect("a directory");
        set_mode(&self.path(name), mode);
        self.text(name)
    }

    fn plan(&self, plan: &impl Serialize) -> String {
        fs::write(self.path("plan"), serde_json::to_vec(plan).expect("a plan")).expect("a file");
        self.text("plan")
    }

    fn run(&self, processes: Vec<Process>) -> Output {
        self.run_all(&RunPlan { processes, ..RunPlan::default() })
    }

    fn run_all(&self, plan: &RunPlan) -> Output {
        finish(Command::new(PROGRAM).args(["run", &self.plan(plan)]))
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

fn finish(command: &mut Command) -> Output {
    // Secrets come this way; nothing else of it may reach a process.
    command.env("SECRET", "s3cret").env("OTHER", "other").stdin(Stdio::piped());
    command.output().expect("it starts")
}

/// A process of whoever runs the tests.
fn process(argv: &[&str]) -> Process {
    Process {
        name: "a process".to_owned(),
        argv: argv.iter().map(ToString::to_string).collect(),
        env: Vec::new(),
        secret_env: Vec::new(),
        user: User::new(rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw()),
        cwd: "/".to_owned(),
        hidden: Vec::new(),
        trees: Vec::new(),
        optional: false,
    }
}

fn shell(script: &str) -> Process {
    process(&["/bin/sh", "-c", script])
}

fn as_user(process: Process) -> Process {
    Process { user: USER, ..process }
}

/// What processes wrote, without what the helper writes before each of several.
fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).replace(&helper::step_marker("a process"), "")
}

/// The exit code, and what was said about it.
fn end(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_first_process_that_fails_is_the_last() {
    let bench = Bench::new();
    let output = bench.run(vec![shell("echo 1"), shell("echo 2; exit 7"), shell("echo 3")]);
    assert_eq!((stdout(&output).as_str(), end(&output)), ("1\n2\n", (Some(7), String::new())));
    assert_eq!(output.stdout, b"===> a process\n1\n===> a process\n2\n");
    let output = bench.run(vec![shell("kill -9 $$")]);
    assert_eq!(end(&output), (Some(128 + 9), String::new()));
    assert_eq!(end(&bench.run(Vec::new())), (Some(0), String::new()));
}

#[test]
fn a_process_has_the_environment_it_is_given() {
    let bench = Bench::new();
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let env = vec![variable("A", "1"), variable("B", ""), variable("A", "2"), variable("SECRET", "public")];
    let with_home = Process { env: vec![variable("HOME", "/h")], ..process(&["/usr/bin/env"]) };
    let secret = Process { env, secret_env: vec!["SECRET".to_owned()], ..process(&["/usr/bin/env"]) };
    let output = bench.run(vec![with_home, secret]);
    assert_eq!(end(&output), (Some(0), String::new()));
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let home = cnb_core::passwd::home(&passwd, rustix::process::getuid().as_raw());
    assert_eq!(stdout(&output), format!("HOME=/h\nA=2\nB=\nHOME={home}\nSECRET=s3cret\n"));
}

#[test]
fn a_process_has_no_input_its_directory_and_umask_022() {
    let bench = Bench::new();
    let script = "cat; pwd; umask; grep NoNewPrivs /proc/self/status";
    let output = bench.run(vec![Process { cwd: bench.text(""), ..shell(script) }]);
    let directory = bench.0.path().canonicalize().expect("it exists");
    assert_eq!(stdout(&output), format!("{}\n0022\nNoNewPrivs:\t1\n", directory.display()));
}

#[test]
fn failures_of_the_helper_have_codes_of_their_own() {
    let bench = Bench::new();
    let bad = "cnb-helper: ";
    for (process, code, said) in [
        (
            process(&["/missing"]),
            helper::EXIT_INVALID_INPUT,
            "could not start /missing in / (process: a process): ",
        ),
        (process(&["/etc/passwd"]), helper::EXIT_INVALID_INPUT, "could not start /etc/passwd in / ("),
        (process(&["sh"]), helper::EXIT_INVALID_INPUT, "the program `sh` is not an absolute path ("),
        (process(&[]), helper::EXIT_INVALID_INPUT, "the command is empty ("),
        (
            Process { cwd: "/missing".to_owned(), ..shell("") },
            helper::EXIT_INVALID_INPUT,
            "could not start /bin/sh in /missing (",
        ),
        (
            Process { secret_env: vec!["NO_SECRET".to_owned()], ..shell("") },
            helper::EXIT_NOT_FOUND,
            "there is no secret for the variable `NO_SECRET` (",
        ),
        (
            Process { user: User::ROOT, hidden: vec!["/".to_owned()], ..shell("") },
            helper::EXIT_INVALID_INPUT,
            "nothing can be hidden from user 0 (",
        ),
        (
            Process { user: USER, hidden: vec!["/missing".to_owned()], ..shell("") },
            helper::EXIT_NOT_FOUND,
            "could not open /missing (",
        ),
    ] {
        let (ended, text) = end(&bench.run(vec![process]));
        assert_eq!(ended, Some(code.into()), "{text}");
        assert!(text.starts_with(&format!("{bad}{said}")), "{text}");
    }
    let plan = bench.plan(&"no plan");
    for (arguments, code, said) in [
        (&["run", "/missing"][..], helper::EXIT_NOT_FOUND, "could not read the plan /missing: "),
        (&["run", &plan], helper::EXIT_INVALID_INPUT, &*format!("{plan} is not such a plan: ")),
        (&["other", &plan], helper::EXIT_INVALID_INPUT, "usage: "),
        (&["run"], helper::EXIT_INVALID_INPUT, "usage: "),
    ] {
        let (ended, text) = end(&finish(Command::new(PROGRAM).args(arguments)));
        assert_eq!(ended, Some(code.into()), "{text}");
        assert!(text.starts_with(&format!("{bad}{said}")), "{text}");
    }
}

#[test]
#[ignore = "needs root: run by cargo xtask test local"]
fn root_becomes_the_user_of_a_process() {
    let bench = Bench::new();
    let script = "id -u; id -g; id -G; grep CapEff /proc/self/status; echo $HOME";
    let output = bench.run(vec![as_user(shell(script)), shell("id -G")]);
    assert_eq!(stdout(&output), "1001\n1002\n1002\nCapEff:\t0000000000000000\n/\n0\n", "{output:?}");
}

#[test]
#[ignore = "needs root: run by cargo xtask test local"]
fn hidden_directories_are_as_before_afterwards() {
    let bench = Bench::new();
    let hidden = vec![bench.directory("outer", 0o1777), bench.directory("outer/inner", 0o750)];
    chown(bench.path("outer/inner"), Some(1001), Some(7)).expect("an owner");
    let open = as_user(shell(&format!("ls {0} && ls {0}/inner", hidden[0])));
    let closed = shell(&format!("ls {} || ls {}; exit 3", hidden[0], hidden[1]));
    let output = bench.run(vec![open, as_user(Process { hidden, ..closed })]);
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("inner\n", Some(3)));
    for (name, expected) in [("outer", (0, 0, 0o1777)), ("outer/inner", (1001, 7, 0o750))] {
        let metadata = fs::metadata(bench.path(name)).expect("it is there");
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), expected, "{name}");
    }
}

#[test]
#[ignore = "needs root: run by cargo xtask test local"]
fn directories_of_a_helper_that_was_killed_are_given_back() {
    let bench = Bench::new();
    let hidden = vec![bench.directory("cache", 0o755)];
    fs::write(bench.path("cache/f"), "").expect("a file");
    chown(bench.path("cache"), Some(USER.uid), Some(USER.gid)).expect("an owner");
    let given = vec![Owned { path: bench.text("cache"), owner: USER }];
    let sleep = as_user(Process { hidden, ..shell("echo $$; exec sleep 600") });
    let mut plan = RunPlan { processes: vec![sleep], owned: given, ..RunPlan::default() };
    let mut killed = Command::new(PROGRAM);
    killed.args(["run", &bench.plan(&plan)]).stdout(Stdio::piped());
    let mut killed = killed.spawn().expect("it starts");
    let mut pid = String::new();
    BufReader::new(killed.stdout.take().expect("it is piped"))
        .read_line(&mut pid)
        .expect("it says something");
    killed.kill().and_then(|()| killed.wait()).expect("it can be killed");
    // In a container, it would have ended with the helper.
    let pid = pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it runs");
    let owner = || {
        let metadata = fs::metadata(bench.path("cache")).expect("it is there");
        (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
    };
    assert_eq!(owner(), (0, 0, 0o700));
    plan.processes[0].argv = shell("exit 0").argv;
    assert_eq!(end(&bench.run_all(&plan)), (Some(0), String::new()));
    assert_eq!(owner(), (USER.uid, USER.gid, 0o755));
}

#[test]
#[ignore = "needs root: run by cargo xtask test local"]
fn directories_that_nobody_had_are_given_away() {
    let bench = Bench::new();
    for name in ["new", "used", "of-others", "mounted-in"] {
        bench.directory(name, 0o1777);
    }
    fs::write(bench.path("used/f"), "").expect("a file");
    chown(bench.path("of-others"), Some(5), Some(5)).expect("an owner");
    bench.directory("mounted-in/on", 0o755);
    bench.directory("mounted-in/on/the-way", 0o755);
    let names = ["new", "used", "of-others", "mounted-in"];
    let owned = names.map(|name| Owned { path: bench.text(name), owner: USER });
    let plan = RunPlan { owned: owned.to_vec(), ..RunPlan::default() };
    let mounted = bench.text("mounted-in/on/the-way");
    let script = format!(
        "mount -t tmpfs none {mounted} && touch {mounted}/f && exec {PROGRAM} run {}",
        bench.plan(&plan)
    );
    let output = finish(Command::new("unshare").args(["--mount", "sh", "-c", &script]));
    assert_eq!(end(&output), (Some(0), String::new()));
    let expected = [(1001, 1002, 0o755), (0, 0, 0o1777), (5, 5, 0o1777), (1001, 1002, 0o755)];
    for (name, expected) in names.into_iter().zip(expected) {
        let metadata = fs::metadata(bench.path(name)).expect("it is there");
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), expected, "{name}");
    }
}

#[test]
#[ignore = "needs root: run by cargo xtask test local"]
fn trees_are_made_before_processes_and_layers_after_the_last() {
    let bench = Bench::new();
    let private = bench.directory("private", 0o755);
    for name in ["private/in", "private/out", "app"] {
        bench.directory(name, 0o755);
    }
    for name in ["kept", "left-out"] {
        fs::write(bench.path("private/in").join(name), name).expect("a file");
    }
    let exclude = Some(vec!["left-out".to_owned()]);
    let load = TreePart::Load { root: bench.text("private/in"), owner: USER, include: None, exclude };
    let content = LayerPlanContent::Tree {
        root: bench.text("app"),
        from: "/".to_owned(),
        at: "/workspace".to_owned(),
        select: PlanSelect::All,
        owner: USER,
        parents: Vec::new(),
    };
    let layer = LayerPlan { to: bench.text("private/out"), content };
    let report = bench.text("private/report");
    let script = "cd app && ls && echo more >made && ! ls ../private/in && ! ls ../private/out";
    let tree = TreePlan { to: bench.text("app"), parts: vec![load] };
    let process = |script| Process { cwd: bench.text(""), trees: vec![tree.clone()], ..shell(script) };
    let mut plan = RunPlan {
        processes: vec![
            as_user(process("echo forgotten >app/kept && echo >app/forgotten")),
            as_user(process(script)),
        ],
        private: vec![private],
        layers: Some(LayersPlan { layers: vec![layer], report }),
        ..RunPlan::default()
    };
    let output = bench.run_all(&plan);
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("kept\n", Some(0)), "{output:?}");
    assert_eq!(fs::read(bench.path("private/out/workspace/made")).expect("a file of the layer"), b"more\n");
    let diff_ids = fs::read(bench.path("private/report")).expect("a report");

    let made = LayerPlan { to: bench.text("private/out"), content: LayerPlanContent::Made };
    let measure = LayersPlan { layers: vec![made], report: bench.text("again") };
    let output = finish(Command::new(PROGRAM).args(["layers", &bench.plan(&measure)]));
    assert_eq!(end(&output), (Some(0), String::new()));
    assert_eq!(fs::read(bench.path("again")).expect("a report"), diff_ids);

    for name in ["app", "private/out"] {
        fs::remove_dir_all(bench.path(name)).expect("it can be removed");
        bench.directory(name, 0o755);
    }
    fs::remove_file(bench.path("private/report")).expect("it can be removed");
    plan.processes[0].argv = shell("exit 3").argv;
    assert_eq!(bench.run_all(&plan).status.code(), Some(3));
    assert!(!bench.path("private/report").exists(), "no layer is made of what a failed process left");
}

#[test]
fn directories_are_emptied_before_the_first_process() {
    let bench = Bench::new();
    for name in ["cache", "cache/sub", "kept"] {
        bench.directory(name, 0o755);
    }
    fs::write(bench.path("cache/sub/f"), "").expect("a file");
    symlink(bench.path("kept"), bench.path("cache/link")).expect("a link");
    fs::write(bench.path("kept/f"), "").expect("a file");
    let plan = RunPlan { emptied: vec![bench.text("cache")], ..RunPlan::default() };
    assert_eq!(end(&bench.run_all(&plan)), (Some(0), String::new()));
    assert_eq!(fs::read_dir(bench.path("cache")).expect("it is there").count(), 0);
    assert!(bench.path("kept/f").exists(), "it is behind a link");
    let plan = RunPlan { emptied: vec![bench.text("missing")], ..RunPlan::default() };
    let (code, said) = end(&bench.run_all(&plan));
    assert_eq!(code, Some(i32::from(cnb_core::helper::exit_code(ErrorKind::NotFound))));
    assert!(said.contains("could not empty"), "{said}");
}

#[test]
#[ignore = "needs root: run by cargo xtask test local"]
fn the_first_process_of_a_namespace_ends_what_others_leave() {
    let bench = Bench::new();
    let leave = as_user(shell("sleep 1000 & (sleep 1000 &) & exit 0"));
    let look = shell("for file in /proc/[0-9]*/comm; do read -r name < $file; echo $name; done");
    let plan = bench.plan(&RunPlan { processes: vec![leave, look], ..RunPlan::default() });
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "--kill-child", "--mount-proc", PROGRAM, "run", &plan]);
    let output = finish(&mut unshare);
    assert_eq!(end(&output), (Some(0), String::new()));
    assert_eq!(stdout(&output), "cnb-helper\nsh\n");
}

#[test]
#[ignore = "needs root: run by cargo xtask test local"]
fn trees_and_layers_have_the_owners_they_are_to_have() {
    let bench = Bench::new();
    let tree = bench.directory("tree", 0o755);
    fs::write(bench.path("tree/f"), "1").expect("a file");
    chown(bench.path("tree/f"), Some(5), Some(6)).expect("an owner");
    let copy = TreePart::Copy { root: tree.clone(), from: "/f".to_owned(), to: "/d/f".to_owned() };
    let load = TreePart::Load { root: tree.clone(), owner: USER, include: None, exclude: None };
    let plan = bench.plan(&TreePlan { to: bench.directory("made", 0o700), parts: vec![load, copy] });
    assert_eq!(end(&finish(Command::new(PROGRAM).args(["tree", &plan]))), (Some(0), String::new()));

    let content = LayerPlanContent::Tree {
        root: bench.text("made"),
        from: "/".to_owned(),
        at: "/x/y".to_owned(),
        select: PlanSelect::All,
        owner: User::new(2_097_152, 7),
        parents: vec![PlanParent { path: "/x".to_owned(), owner: USER, mode: 0o711 }],
    };
    let layers = vec![LayerPlan { to: bench.directory("layer", 0o700), content }];
    let plan = bench.plan(&LayersPlan { layers, report: bench.text("report") });
    assert_eq!(end(&finish(Command::new(PROGRAM).args(["layers", &plan]))), (Some(0), String::new()));
    let big = (2_097_152, 7);
    for (name, owner, mode) in [
        ("made", (1001, 1002), 0o755),
        ("made/f", (1001, 1002), 0o644),
        ("made/d", (0, 0), 0o755),
        ("made/d/f", (5, 6), 0o644),
        ("layer", (0, 0), 0o755),
        ("layer/x", (1001, 1002), 0o711),
        ("layer/x/y", big, 0o755),
        ("layer/x/y/d", big, 0o755),
        ("layer/x/y/d/f", big, 0o644),
        ("report", (0, 0), 0o644),
    ] {
        let metadata = fs::metadata(bench.path(name)).expect("it is there");
        assert_eq!((metadata.uid(), metadata.gid()), owner, "{name}");
        assert_eq!(metadata.mode() & 0o7777, mode, "{name}");
    }
    let report = fs::read_to_string(bench.path("report")).expect("a report");
    // What containerd 2.4.2 gives these files.
    let diff_id = "sha256:e1cb692c4c585278c5ed48bebdd0f3f2c1e242796e58ae4560544ea50863fad4";
    assert_eq!(report, format!("[\"{diff_id}\"]"));
}
