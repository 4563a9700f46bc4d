//! Generation by extensions that have a program, or bring their files in a directory `generate`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::ExitStatus;

use cnb_core::buildpack::dockerfile::RunChange;
use cnb_core::environment::BuildEnvironment;

use super::*;
use crate::phase::process::Process;
use crate::phase::store::Store;

fn dockerfile(text: &str) -> GeneratedDockerfile {
    let kind = match text {
        "build" => Kind::Build,
        "extend" => Kind::Run(RunChange { new_base: None, extends: true }),
        text => Kind::Run(RunChange {
            new_base: Some(text.trim_end_matches('+').to_owned()),
            extends: text.ends_with('+'),
        }),
    };
    GeneratedDockerfile::new("e".parse().expect("an ID"), kind, PathBuf::from("/out"))
}

#[test]
fn the_last_run_image_wins() {
    let table = [
        ("", None, false, ""),
        ("build", None, false, "-"),
        ("extend build", None, true, "--"),
        ("extend a extend", Some("a"), true, "i--"),
        ("a b+ build", Some("b"), true, "i--"),
        ("a+ b", Some("b"), false, "i-"),
    ];
    for (texts, new_base, extends, ignored) in table {
        let mut dockerfiles: Vec<_> = texts.split_whitespace().map(dockerfile).collect();
        let chosen = choose_run_image(&mut dockerfiles);
        assert_eq!(chosen, (new_base.map(str::to_owned), extends), "{texts}");
        let marks: String = dockerfiles.iter().map(|d| if d.is_ignored { 'i' } else { '-' }).collect();
        assert_eq!(marks, ignored, "{texts}");
    }
}

/// A program writes what is in the directory `generate` beside its own.
#[derive(Debug)]
struct Copies;

impl ProcessRunner for Copies {
    fn run(&self, process: &Process) -> io::Result<ExitStatus> {
        let root = process.program.ancestors().nth(2).expect("it is <root>/bin/generate");
        let from = root.join("generate").join(".");
        std::process::Command::new("cp").arg("-r").arg(from).arg(&process.arguments[0]).status()
    }
}

/// Extensions `a`, `b`, .. with the files given as `<id>/<file>`, written by a program.
fn run(api: PlatformApi, root: &Path, files: &[(&str, &str)]) -> Result<Generated, GenerateError> {
    let programs = files.iter().map(|(path, _)| path.split_once('/').expect("<id>/<file>").0);
    let programs: BTreeSet<String> = programs.map(|id| format!("{id}/1/bin/generate")).collect();
    for program in programs {
        let program = root.join("extensions").join(program);
        fs::create_dir_all(program.parent().expect("below the root")).expect("in a new directory");
        fs::write(program, "").expect("in a new directory");
    }
    run_static(api, root, files)
}

/// As [`run`], but the extensions bring their files.
fn run_static(api: PlatformApi, root: &Path, files: &[(&str, &str)]) -> Result<Generated, GenerateError> {
    let write = |path: PathBuf, text: &str| {
        fs::create_dir_all(path.parent().expect("below the root")).expect("in a new directory");
        fs::write(path, text).expect("in a new directory");
    };
    let mut extensions: Vec<GroupElement> = Vec::new();
    for (path, text) in files {
        let (id, file) = path.split_once('/').expect("<id>/<file>");
        let directory = root.join("extensions").join(id).join("1");
        write(directory.join("generate").join(file), text);
        write(directory.join("extension.toml"), &format!("api = '0.10'\n[extension]\nid = '{id}'\n"));
        if extensions.iter().all(|extension| extension.id.as_str() != id) {
            extensions.push(GroupElement {
                id: id.parse().expect("an ID"),
                version: "1".to_owned(),
                api: "0.10".to_owned(),
                homepage: String::new(),
                optional: false,
            });
        }
    }
    let plan =
        "[[entries]]\n[[entries.providers]]\nid = 'a'\nextension = true\n[[entries.requires]]\nname = 'x'\n";
    let inputs = GenerateInputs {
        detect: DetectInputs {
            platform_api: api,
            app: root.join("app"),
            platform: root.join("platform"),
            build_config: root.join("build-config"),
            store: Store { buildpacks: root.join("buildpacks"), extensions: root.join("extensions") },
            temporary: root.to_owned(),
            exec_env: String::new(),
            target: cnb_core::analyzed::Target::default(),
            environment: BuildEnvironment::default(),
        },
        generated: root.join("generated"),
        extensions,
        plan: Plan::read(Path::new("plan.toml"), plan).expect("a plan"),
        analyzed: Analyzed {
            run_image: Some(RunImage { image: "run".to_owned(), ..RunImage::default() }),
            ..Analyzed::default()
        },
        run: Run::default(),
    };
    generate(&inputs, &Copies)
}

fn files_below(directory: &Path) -> Vec<String> {
    fn collect(directory: &Path, prefix: &str, found: &mut Vec<String>) {
        for name in crate::disk::names(directory).expect("a directory") {
            let path = format!("{prefix}{}", name.to_str().expect("ASCII"));
            let below = directory.join(&name);
            if below.is_dir() { collect(&below, &format!("{path}/"), found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    collect(directory, "", &mut found);
    found
}

const EXTEND: &str = "ARG base_image\nFROM ${base_image}\nRUN x\n";
const SWITCH: &str = "FROM other\n";

#[test]
fn files_go_where_the_extender_looks_for_them() {
    let files = [
        ("a/run.Dockerfile", EXTEND),
        ("a/context/f", ""),
        ("b/build.Dockerfile", EXTEND),
        ("b/run.Dockerfile", SWITCH),
        ("b/extend-config.toml", ""),
    ];
    let table: [(u32, &[&str]); 2] = [
        (
            15,
            &[
                "a/context/f",
                "a/run.Dockerfile.ignore",
                "b/build.Dockerfile",
                "b/extend-config.toml",
                "b/run.Dockerfile",
            ],
        ),
        (
            12,
            &[
                "build/b/Dockerfile",
                "build/b/extend-config.toml",
                "run/a/Dockerfile.ignore",
                "run/b/Dockerfile",
                "run/b/extend-config.toml",
            ],
        ),
    ];
    for (api, expected) in table {
        let root = tempfile::tempdir().expect("a temporary directory");
        let generated = run(PlatformApi::v0(api), root.path(), &files).expect("files");
        assert_eq!(files_below(&root.path().join("generated")), expected, "0.{api}");
        let run_image = generated.analyzed.run_image.expect("a run image");
        assert_eq!((run_image.image.as_str(), run_image.extend), ("other", false));
        assert!(generated.plan.entries.is_empty());
    }
}

/// As in Go: before Platform API 0.13 the extender gets them, after that it does not.
#[test]
fn files_that_extensions_bring_are_read_where_they_are() {
    let files = [("a/run.Dockerfile", EXTEND), ("b/run.Dockerfile", SWITCH)];
    let table: [(u32, &[&str]); 2] = [(15, &[]), (12, &["run/a/Dockerfile.ignore", "run/b/Dockerfile"])];
    for (api, expected) in table {
        let root = tempfile::tempdir().expect("a temporary directory");
        let generated = run_static(PlatformApi::v0(api), root.path(), &files).expect("files");
        assert_eq!(files_below(&root.path().join("generated")), expected, "0.{api}");
        assert_eq!(generated.analyzed.run_image.expect("a run image").image, "other");
        let brought = files_below(&root.path().join("extensions/a/1/generate"));
        assert_eq!(brought, ["run.Dockerfile"]);
    }
}

#[test]
fn extensions_may_not_write_everything() {
    let table: [(&[(&str, &str)], &str); 4] = [
        (&[("a/build.Dockerfile", SWITCH)], "failed to parse Dockerfile for extension a"),
        (
            &[("a/context/f", ""), ("a/context.run/f", "")],
            "image-specific context dir is provided together with a shared context",
        ),
        (
            &[("a/extend-config.toml", "[[run.args]]\nname = 'user_id'\n")],
            "invalid content: arg with name \"user_id\" is not allowed",
        ),
        (&[("a/run.Dockerfile", "FROM x\nNOPE\n")], "run.Dockerfile:2:1: unknown instruction: NOPE"),
    ];
    for (files, expected) in table {
        let root = tempfile::tempdir().expect("a temporary directory");
        let error = run(PlatformApi::NEWEST, root.path(), files).expect_err(expected);
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(!error.is_failed_extension());
    }
}
