//! Detection over a store on disk, with programs that only exist in the tests.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Mutex;

use cnb_core::buildpack::plan::ElementKind;
use cnb_core::environment::Environment;

use super::*;
use crate::phase::process::Process;

/// The plan of a program that takes its file away.
const NO_PLAN: &str = "none";

/// Answers for programs by their path; those not named pass.
#[derive(Debug, Default)]
struct Programs {
    /// Raw wait status, plan, output.
    answers: BTreeMap<String, (i32, &'static str, &'static str)>,
    seen: Mutex<Vec<Process>>,
}

impl CapturingRunner for Programs {
    fn capture(&self, process: &Process) -> io::Result<(ExitStatus, Vec<u8>)> {
        self.seen.lock().expect("no test panics while it holds the lock").push(process.clone());
        let name = process.program.components().rev().nth(3).expect("<id>/<version>/bin/detect");
        let name = name.as_os_str().to_str().expect("an ASCII name");
        let (status, plan, output) = self.answers.get(name).copied().unwrap_or_default();
        if status < 0 {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        if plan == NO_PLAN {
            fs::remove_file(&process.arguments[1])?;
        } else {
            fs::write(&process.arguments[1], plan)?;
        }
        Ok((ExitStatus::from_raw(status), output.as_bytes().to_vec()))
    }
}

/// The wait status of a process that exited by itself.
const fn exit(code: i32) -> i32 {
    code << 8
}

struct Case {
    root: tempfile::TempDir,
    inputs: DetectInputs,
}

impl Case {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| root.path().join(name);
        let inputs = DetectInputs {
            platform_api: PlatformApi::NEWEST,
            app: path("app"),
            platform: path("platform"),
            build_config: path("build-config"),
            store: Store { buildpacks: path("buildpacks"), extensions: path("extensions") },
            temporary: root.path().to_owned(),
            exec_env: "test".to_owned(),
            target: cnb_core::analyzed::Target {
                os: "linux".to_owned(),
                arch: "amd64".to_owned(),
                ..cnb_core::analyzed::Target::default()
            },
            environment: BuildEnvironment::inherit(&Environment::from_iter([
                ("PATH", "/bin"),
                ("SECRET", "x"),
            ])),
        };
        Self { root, inputs }
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("in a new directory");
        fs::write(path, text).expect("in a new directory");
        self
    }

    fn buildpack(&self, id: &str, api: &str, rest: &str) -> &Self {
        let text = format!("api = '{api}'\n[buildpack]\nid = '{id}'\nversion = '1'\n{rest}");
        self.write(&format!("buildpacks/{id}/1/buildpack.toml"), &text)
    }

    fn prepare(&self, order: &str) -> Result<DetectionOrder, PrepareError> {
        let order = Order::read(Path::new("order.toml"), order).expect("an order");
        prepare(&order, &System::default(), &self.inputs.store)
    }

    /// The IDs of the group or the error, and the lines of the transcript.
    fn detect(&self, ids: &[&str], programs: &Programs) -> (String, Vec<String>) {
        let elements: Vec<String> = ids.iter().map(|id| format!("{{id = '{id}', version = '1'}}")).collect();
        let order = self.prepare(&format!("order = [{{group = [{}]}}]", elements.join(", ")));
        let mut transcript = Transcript::default();
        let detected = detect(&self.inputs, &order.expect("buildpacks exist"), programs, &mut transcript);
        let summary = match detected {
            Ok(detected) => {
                let ids = detected.group.buildpacks.iter().map(|element| element.id.as_str());
                ids.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        (summary, transcript.lines.into_iter().map(|line| line.text).collect())
    }
}

#[test]
fn exit_codes_and_plans_decide() {
    const FAILED: &str = "no buildpacks participating";
    const ERRORS: &str = "buildpack(s) failed with err";
    let table = [
        ((exit(0), "", ""), "a", "pass: a@1"),
        ((exit(0), "[[provides]]\nname = 'x'\n[[requires]]\nname = 'x'\n", ""), "a", "pass: a@1"),
        ((exit(100), "not TOML", "why"), FAILED, "why"),
        ((exit(7), "", ""), ERRORS, "err:  a@1 (7)"),
        ((9, "", ""), ERRORS, "err:  a@1"),
        ((-1, "", ""), ERRORS, "======== Error: a@1 ========"),
        ((exit(0), "not TOML", ""), ERRORS, "err:  a@1"),
        ((exit(0), NO_PLAN, ""), ERRORS, "err:  a@1"),
        ((exit(0), "[[requires]]\nname = 'x'\nversion = '1'\n", ""), ERRORS, "err:  a@1"),
    ];
    for (answer, expected, line) in table {
        let case = Case::new();
        case.buildpack("a", "0.10", "");
        let programs = Programs { answers: [("a".to_owned(), answer)].into(), ..Programs::default() };
        let (summary, transcript) = case.detect(&["a"], &programs);
        assert_eq!(summary, expected, "{answer:?}");
        assert!(transcript.iter().any(|l| l == line), "{answer:?} {transcript:?}");
        let left: Vec<_> = fs::read_dir(case.root.path()).expect("a directory").collect();
        assert_eq!(left.len(), 1, "no plans are left behind");
    }
}

#[test]
fn the_environment_depends_on_the_buildpack_api() {
    let table: [(&str, &str, &[&str]); 5] = [
        ("0.7", "", &["CNB_BUILDPACK_DIR", "PATH", "USER_SAYS"]),
        ("0.7", "clear-env = true", &["CNB_BUILDPACK_DIR", "PATH"]),
        (
            "0.8",
            "clear-env = true",
            &["CNB_BUILDPACK_DIR", "CNB_BUILD_PLAN_PATH", "CNB_PLATFORM_DIR", "PATH"],
        ),
        (
            "0.10",
            "clear-env = true",
            &[
                "CNB_BUILDPACK_DIR",
                "CNB_BUILD_PLAN_PATH",
                "CNB_PLATFORM_DIR",
                "CNB_TARGET_ARCH",
                "CNB_TARGET_OS",
                "PATH",
            ],
        ),
        (
            "0.12",
            "clear-env = true",
            &[
                "CNB_BUILDPACK_DIR",
                "CNB_BUILD_PLAN_PATH",
                "CNB_EXEC_ENV",
                "CNB_PLATFORM_DIR",
                "CNB_TARGET_ARCH",
                "CNB_TARGET_OS",
                "PATH",
            ],
        ),
    ];
    for (api, rest, expected) in table {
        let case = Case::new();
        case.buildpack("a", api, rest).write("platform/env/USER_SAYS", "so");
        let programs = Programs::default();
        case.detect(&["a"], &programs);
        let seen = programs.seen.into_inner().expect("nothing panicked");
        let names: Vec<_> =
            seen[0].environment.iter().map(|(name, _)| name.to_str().expect("ASCII")).collect();
        assert_eq!(names, expected, "{api} {rest}");
        assert_eq!(seen[0].directory, case.inputs.app);
        assert_eq!(seen[0].arguments[0], case.inputs.platform);
    }
}

#[test]
fn elements_have_to_exist_and_to_be_supported() {
    let case = Case::new();
    case.buildpack("a", "0.6", "");
    let order = |id: &str| format!("order = [{{group = [{{id = '{id}', version = '1'}}]}}]");
    assert!(matches!(case.prepare(&order("a")), Err(PrepareError::Api(error)) if error.element == "a@1"));
    assert!(matches!(case.prepare(&order("b")), Err(PrepareError::Store(StoreError::Read { .. }))));
    case.write("buildpacks/b/1/buildpack.toml", "api = 1");
    assert!(matches!(case.prepare(&order("b")), Err(PrepareError::Store(StoreError::Descriptor(_)))));
}

#[test]
fn an_extension_without_a_program_passes_with_its_plan() {
    let case = Case::new();
    let stored = Stored {
        descriptor: Descriptor::default(),
        clear_env: false,
        root: case.root.path().join("extensions/e/1"),
    };
    let candidate = Candidate {
        kind: ElementKind::Extension,
        id: "e".parse().expect("an ID"),
        version: "1".to_owned(),
        optional: true,
    };
    let run = || executable::run(&case.inputs, &candidate, &stored, &Programs::default()).verdict;
    assert_eq!(run(), detection::Verdict::Pass(cnb_core::buildpack::plan::BuildPlan::default()));
    case.write("extensions/e/1/detect/plan.toml", "[[provides]]\nname = 'x'\n");
    assert!(matches!(run(), detection::Verdict::Pass(plan) if plan.provides[0].name == "x"));
    case.write("extensions/e/1/detect/plan.toml", "[[requires]]\nname = 'x'\n");
    assert!(matches!(run(), detection::Verdict::Error { message: Some(m), .. } if m.contains("not allowed")));
}
