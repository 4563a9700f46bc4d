//! The program `launcher`, run as the first process of a container would be, without a container.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use tempfile::TempDir;

const LAUNCHER: &str = env!("CARGO_BIN_EXE_launcher");

/// A process `web` that prints its argument and a variable, which a program of `exec.d` sets through
/// descriptor 3.
fn image() -> TempDir {
    let root = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(root.path().join("app")).expect("in a new directory");
    let metadata = "
        [[buildpacks]]
        id = 'example/a'
        api = '0.12'
        [[processes]]
        type = 'web'
        command = ['sh', '-c', 'echo $0 $GREETING; pwd']
        args = ['default']
        direct = true
        buildpack-id = 'example/a'
    ";
    write(root.path(), "layers/config/metadata.toml", metadata);
    let program = "#!/bin/sh\necho \"GREETING = '$GREETING from exec.d'\" >&3\n";
    write(root.path(), "layers/example_a/l/exec.d/greet", program);
    write(root.path(), "layers/example_a/l/env.launch/web/GREETING", "hello");
    root
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("below the root")).expect("in a new directory");
    fs::write(&path, text).expect("in a new directory");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("of our own file");
}

fn set_up(command: &mut Command, root: &Path) {
    command
        .env_clear()
        .env("PATH", "/cnb/process:/usr/bin:/bin")
        .env("CNB_PLATFORM_API", "0.15")
        .env("CNB_NO_COLOR", "true")
        .env("CNB_LAYERS_DIR", root.join("layers"))
        .env("CNB_APP_DIR", root.join("app"));
}

fn launch(root: &Path, argv0: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(LAUNCHER);
    set_up(&mut command, root);
    command.arg0(argv0).args(arguments).envs(variables.iter().copied());
    command.output().expect("the launcher runs")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

#[test]
fn a_process_gets_its_arguments_and_environment() {
    let root = image();
    let app = root.path().join("app");
    for (arguments, expected) in [(&[][..], "default"), (&["mine"], "mine")] {
        let output = launch(root.path(), "/cnb/process/web", arguments, &[]);
        let expected = format!("{expected} hello from exec.d\n{}\n", app.display());
        assert_eq!(text(&output), expected, "{output:?}");
        assert!(output.status.success());
    }
}

/// A shell would run it; Go leaves it to the kernel, which does not.
#[test]
fn a_program_without_an_interpreter_is_refused() {
    let root = image();
    let program = root.path().join("program");
    fs::write(&program, "echo ran\n").expect("in a new directory");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("of our own file");
    let output = launch(root.path(), "launcher", &["--", program.to_str().expect("UTF-8")], &[]);
    assert_eq!(text(&output), "ERROR: failed to launch: direct exec: exec format error\n");
    assert_eq!(output.status.code(), Some(82));
}

#[test]
fn descriptor_3_may_be_in_use() {
    let root = image();
    let script = "exec 3</dev/null; exec \"$0\" -- sh -c 'echo $GREETING; cat <&3'";
    let mut command = Command::new("/bin/sh");
    set_up(&mut command, root.path());
    let output = command.args(["-c", script, LAUNCHER]).output().expect("a shell runs");
    assert_eq!(text(&output), "from exec.d\n", "{output:?}");
    assert!(output.status.success());
}

#[test]
fn exit_codes_say_what_failed() {
    type Variables = &'static [(&'static str, &'static str)];
    let root = image();
    let cases: [(&[&str], Variables, i32, &str); 6] = [
        (&["--", "sh", "-c", "exit 7"], &[], 7, ""),
        (&["--", "no-such-program"], &[], 82, "ERROR: failed to launch: path lookup: "),
        (&[], &[], 82, "ERROR: failed to launch: determine start command: "),
        (&[], &[("CNB_PLATFORM_API", "")], 11, "ERROR: failed to get platform API version; "),
        (&[], &[("CNB_PLATFORM_API", "9.9")], 11, "ERROR: failed to set platform API: "),
        (&[], &[("CNB_LAYERS_DIR", "/nowhere")], 1, "ERROR: failed to read metadata: open /nowhere/"),
    ];
    for (arguments, variables, code, message) in cases {
        let output = launch(root.path(), "launcher", arguments, variables);
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {variables:?}: {output:?}");
        assert!(text(&output).starts_with(message), "{arguments:?} {variables:?}: {output:?}");
    }
}
