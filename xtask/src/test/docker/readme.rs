//! What the README says of `docker build` and compose, done.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Place;
use super::Pushed;
use super::application::Application;
use super::application::FLASK;
use super::image::Image;
use crate::Result;
use crate::command::command;
use crate::command::read;
use crate::http;
use crate::test::step::timed;
use crate::workspace;

/// The registry of the README.
const REGISTRY: &str = "registry.example.com";
/// The port of the README.
const PORT: &str = "8080";
/// The image of the README.
const IMAGE: &str = "words";
/// `docker` as people call it. What only this machine needs comes before what the README says.
const DOCKER: &str = r#"docker() {
    if [ "$1" = build ]; then shift; eval "set -- build $OPTIONS \"\$@\""; fi
    "$DOCKER" "$@"
}
"#;

/// The lines after `$ ` work, and the compose file does.
pub(super) fn check(place: &Place<'_>) -> Result<()> {
    let readme = fs::read_to_string(workspace::root().join("README.md"))?;
    let home = place.scratch.join("readme");
    let application = Application::copy(FLASK, &home.join("examples/apps"), "flask")?;
    let lines: Vec<String> = block(&readme, "console", "docker build")?
        .lines()
        .filter_map(|line| line.strip_prefix("$ "))
        .map(|line| line.replace(REGISTRY, &place.pushed.address()))
        .collect();
    let [enter, name, build, run] = lines.as_slice() else {
        return Err(format!("the quick start has {} lines, not 4", lines.len()).into());
    };
    let script = [enter, name, build].map(String::as_str).join("\n");
    timed("the quick start of the README", || read(&mut shell(place, &home, &script)?))?;
    Image::inspect(place.engine, IMAGE)?.check(&Pushed::run_image())?;
    timed("its answer", || answers(place, &home, run))?;

    read(place.engine.docker().args(["image", "rm", "--force", IMAGE]))?;
    let file = application.directory.join("compose.yaml");
    fs::write(&file, block(&readme, "yaml", "dockerfile:")?.replace(REGISTRY, &place.pushed.address()))?;
    let own = place.scratch.join("compose-of-this-machine.json");
    fs::write(&own, of_this_machine(place)?.to_string())?;
    let mut compose = place.engine.compose();
    compose.current_dir(&application.directory).args(["--file", "compose.yaml", "--file"]).arg(&own);
    timed("the compose file of the README", || read(compose.arg("build")))?;
    Image::inspect(place.engine, IMAGE)?.check(&Pushed::run_image())
}

/// The first block of a language in which there is a text.
fn block<'a>(readme: &'a str, language: &str, text: &str) -> Result<&'a str> {
    let start = format!("```{language}\n");
    let blocks = readme.split(start.as_str()).skip(1).filter_map(|rest| rest.split("```").next());
    let missing = || format!("README.md has no block of {language} with `{text}`");
    Ok(blocks.into_iter().find(|block| block.contains(text)).ok_or_else(missing)?)
}

/// A shell in which `docker` is that of the engine.
fn shell(place: &Place<'_>, directory: &Path, script: &str) -> Result<Command> {
    let docker = place.engine.docker();
    let mut shell = command("sh");
    shell.args(["-eu", "-c", &format!("{DOCKER}{script}")]).current_dir(directory);
    for (name, value) in docker.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let mut options = String::new();
    let own = place.pushed.options()?;
    for (name, value) in own.build_args.iter().filter(|(name, _)| name != "builder") {
        write!(options, "--build-arg '{name}={value}' ")?;
    }
    for (id, file) in &own.secrets {
        write!(options, "--secret 'id={id},src={}' ", file.display())?;
    }
    shell.env("DOCKER", docker.get_program()).env("OPTIONS", options);
    Ok(shell)
}

/// The last line of the quick start starts a container that answers.
fn answers(place: &Place<'_>, directory: &Path, run: &str) -> Result<()> {
    let port = http::free_port()?;
    let mut container = shell(place, directory, &run.replace(PORT, &port.to_string()))?.spawn()?;
    let answer = http::await_listener(port, &mut container).and_then(|()| http::get_from(port, "/"));
    let running = read(place.engine.docker().args(["ps", "--quiet"]))?;
    read(place.engine.docker().args(["rm", "--force"]).args(running.split_whitespace()))?;
    container.wait()?;
    let answer = answer?;
    if answer.contains(FLASK.answer) { Ok(()) } else { Err(format!("it answers {answer}").into()) }
}

/// What builds need on this machine alone, as a compose file that is added to that of the README.
fn of_this_machine(place: &Place<'_>) -> Result<Value> {
    let options = place.pushed.options()?;
    let own = options.build_args.iter().filter(|(name, _)| name != "builder");
    let args: Map<String, Value> = own.map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let ids: Vec<&String> = options.secrets.iter().map(|(id, _)| id).collect();
    let secrets: Map<String, Value> =
        options.secrets.iter().map(|(id, file)| (id.clone(), json!({ "file": file }))).collect();
    let build = json!({ "args": args, "secrets": ids });
    Ok(json!({ "services": { "words": { "build": build } }, "secrets": secrets }))
}
