//! What must stay secret is in nothing that a build leaves or says.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Place;
use super::application::Application;
use super::application::FLASK;
use super::pushed::Pushed;
use crate::Result;
use crate::command;
use crate::command::command;
use crate::engine::docker::Store;
use crate::test::step::timed;

/// The content of a binding.
const TOKEN: &str = "planted-token-93ad5e";
/// The value of a build argument, which is a variable for buildpacks. BuildKit itself puts it into complete provenance.
const VARIABLE: (&str, &str) = ("PLANTED", "planted-value-e07c44");

/// A buildpack that fails unless it gets both.
const WITNESS: &str = r#"
[[io.buildpacks.pre.group]]
id = "example/witness"
version = "1"

[io.buildpacks.pre.group.script]
api = "0.10"
inline = """
test "$(cat "$CNB_PLATFORM_DIR"/bindings/*/token | wc -c)" -eq 20 || exit 1
test "${#PLANTED}" -eq 20 || exit 1
echo the witness got both
"""
"#;

/// Texts that are in the image: they show that what is in configs and in layers is found.
const IN_CONFIG: &str = "example/witness";
const IN_LAYER: &str = "A service that counts words.";

/// Builds with planted values, in every way in which values reach a build, and looks for them.
pub(super) fn check(place: &Place<'_>) -> Result<()> {
    let flask = Application::copy(FLASK, &place.scratch, "secret")?;
    flask.describe(&place.pushed.syntax(), WITNESS)?;
    timed("no secret in the output", || printed(place, &flask))?;
    timed("no secret in the image", || image(place, &flask))?;
    match place.store {
        Store::Containerd => timed("no secret in the provenance", || provenance(place, &flask)),
        // BuildKit of Docker Engine makes no layout without containerd's store, and an image without provenance.
        Store::Classic => Ok(()),
    }
}

fn build<'a>(place: &Place<'a>, flask: &'a Application) -> Result<super::Build<'a>> {
    let token = place.scratch.join("token");
    fs::write(&token, TOKEN)?;
    let mut build = place.build(flask)?;
    build.options.bind("planted", "planted", &[token]);
    build.options.set(VARIABLE.0, VARIABLE.1);
    Ok(build)
}

fn printed(place: &Place<'_>, flask: &Application) -> Result<()> {
    let printed = build(place, flask)?.print()?;
    if !printed.contains("the witness got both") {
        return Err(format!("the witness did not get what was planted:\n{printed}").into());
    }
    let file = place.scratch.join("printed");
    fs::write(&file, printed)?;
    expect_none(&file, &secrets_and_value()?)
}

fn image(place: &Place<'_>, flask: &Application) -> Result<()> {
    let directory = place.scratch.join("secret-image");
    fs::create_dir(&directory)?;
    let archive = place.scratch.join("secret-image.tar");
    let name = flask.example.name;
    command::read(place.engine.docker().args(["save", name, "--output"]).arg(&archive))?;
    extract(&archive, &directory)?;
    for (file, arguments) in [
        ("history", &["history", "--no-trunc", "--format", "{{json .}}"] as &[&str]),
        ("inspected", &["image", "inspect"]),
    ] {
        let text = command::read(place.engine.docker().args(arguments).arg(name))?;
        fs::write(directory.join(file), text)?;
    }
    for text in [IN_CONFIG, IN_LAYER] {
        expect(&directory, text)?;
    }
    expect_none(&directory, &secrets_and_value()?)
}

fn provenance(place: &Place<'_>, flask: &Application) -> Result<()> {
    let archive = place.scratch.join("provenance.tar");
    let mut build = build(place, flask)?;
    build.arguments.push("--provenance=mode=max".to_owned());
    build.arguments.push(format!("--output=type=oci,dest={}", archive.display()));
    // What is exported is an index, which has no config.
    build.print()?;
    let directory = place.scratch.join("provenance");
    fs::create_dir(&directory)?;
    extract(&archive, &directory)?;
    expect(&directory, "llbDefinition")?;
    expect_none(&directory, &secrets()?)
}

/// Values that must be nowhere, also as base64, which is how graphs are shown.
fn secrets() -> Result<Vec<String>> {
    let values = [&Pushed::credentials()[..], &[TOKEN]].concat();
    let mut all: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
    for value in values {
        // Three bytes become four letters: the letters depend on where among three bytes the value begins. Those of its
        // ends depend on its neighbours too.
        for (before, own) in [("", 0), ("x", 2), ("xx", 3)] {
            let letters = base64(&format!("{before}{value}"))?;
            all.push(letters[own..letters.len() - 4].to_owned());
        }
    }
    Ok(all)
}

fn secrets_and_value() -> Result<Vec<String>> {
    let mut all = secrets()?;
    all.push(VARIABLE.1.to_owned());
    Ok(all)
}

fn base64(text: &str) -> Result<String> {
    let mut encode = shell(r#"printf %s "$1" | base64 --wrap=0"#);
    command::read(encode.arg(text))
}

fn extract(archive: &Path, directory: &Path) -> Result<()> {
    command::read(
        command("tar").arg("--extract").arg("--file").arg(archive).arg("--directory").arg(directory),
    )
    .map(drop)
}

fn expect(place: &Path, text: &str) -> Result<()> {
    if find(place, &[text.to_owned()])?.is_empty() {
        return Err(format!("`{text}` is not found in {}, and so nothing would be", place.display()).into());
    }
    Ok(())
}

fn expect_none(place: &Path, texts: &[String]) -> Result<()> {
    let found = find(place, texts)?;
    if found.is_empty() { Ok(()) } else { Err(format!("a planted value is in:\n{found}").into()) }
}

/// The files that have one of the texts, one a line, with what they have. Layers are looked into.
fn find(place: &Path, texts: &[String]) -> Result<String> {
    let mut find = shell(
        r#"find "$1" -type f | while read -r file; do
            zcat --force "$file" | grep --text --only-matching --fixed-strings --regexp="$2" | sort --unique |
                sed "s|^|$file: |"
        done"#,
    );
    command::read(find.arg(place).arg(texts.join("\n")))
}

fn shell(script: &str) -> Command {
    let mut shell = command("sh");
    shell.args(["-c", script, "sh"]);
    shell
}
