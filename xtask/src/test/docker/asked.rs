//! What `docker build` can be asked for beside an image of an application: each is witnessed by a buildpack of the test.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::Place;
use super::application::Application;
use super::application::FLASK;
use super::image::Image;
use super::witness::buildpack;
use super::witness::says;
use crate::Result;
use crate::engine::docker::Store;
use crate::example;
use crate::test::step::timed;

/// The content of a secret.
const SECRET: &str = "planted-file-51d0aa";

/// Fails unless everything is as the descriptor and the command line say.
const WITNESS: &str = "
test ! -e left-out || { echo 'the descriptor does not leave it out'; exit 1; }
test ! -e ignored || { echo '.dockerignore does not leave it out'; exit 1; }
test \"$(cat \"$CNB_PLATFORM_DIR/env/OF_DESCRIPTOR\")\" = 1
test \"$(cat \"$CNB_PLATFORM_DIR/env/OF_BOTH\")\" = 2
test \"$(wc -c </run/secrets/file)\" -eq 19
echo it is as it was asked for
";

const DESCRIPTOR: &str = "
exclude = ['left-out']

[[io.buildpacks.group]]
uri = './own'

[[io.buildpacks.group]]
uri = 'context:more'

[[io.buildpacks.build.env]]
name = 'OF_DESCRIPTOR'
value = '1'

[[io.buildpacks.build.env]]
name = 'OF_BOTH'
value = '1'
";

pub(super) fn check(place: &Place<'_>) -> Result<()> {
    let flask = prepare(place)?;
    timed("buildpacks, files and variables that were asked for", || image(place, &flask))?;
    timed("the same with the cache cleared", || {
        let mut build = build(place, &flask, &[])?;
        build.options.set("CNB_CLEAR_CACHE", "1");
        build.succeed().map(drop)
    })?;
    timed("target detect", || {
        let directory = files(place, &flask, "detect", |_| ())?;
        has(&directory.join("layers/group.toml"), "test/own")?;
        has(&directory.join("layers/plan.toml"), "")
    })?;
    timed("target build", || {
        let directory = files(place, &flask, "build", |_| ())?;
        has(&directory.join("workspace/app.py"), "")?;
        has(&directory.join("layers/test_more/kept/file"), "kept")
    })?;
    match place.store {
        Store::Containerd => timed("a builder in a layout of the client", || in_layout(place, &flask))?,
        // BuildKit of Docker Engine reads none without containerd's store.
        Store::Classic => timed("a layout of the client that cannot be read", || {
            let mut build = build(place, &flask, &[])?;
            in_context(&mut build);
            says(&build.fail()?, &["oci-layout", "containerd"])
        })?,
    }
    timed("a builder of a context", || {
        let mut build = build(place, &flask, &["--target=detect".to_owned()])?;
        for (context, argument, image) in
            [("builder", "builder", &place.pushed.builder), ("run-image", "CNB_RUN_IMAGE", &place.pushed.run)]
        {
            build.options.unset(argument);
            build.arguments.push(format!("--build-context={context}=docker-image://{image}"));
        }
        build.print().map(drop)
    })?;
    timed("a result by platform", || {
        let directory = files(place, &flask, "detect", |build| {
            build.options.set("BUILDKIT_MULTI_PLATFORM", "1");
            build.arguments.push("--platform=linux/amd64".to_owned());
        })?;
        has(&directory.join("linux_amd64/layers/group.toml"), "test/own")
    })?;
    timed("an unknown target", || unknown_target(place, &flask))?;
    timed("an unknown build argument", || refused(place, &flask, "CNB_BUILDR", "`CNB_BUILDER`"))
}

/// The application with two buildpacks, one of them in a directory of its own.
fn prepare(place: &Place<'_>) -> Result<Application> {
    let flask = Application::copy(FLASK, &place.scratch, "asked")?;
    fs::write(
        flask.directory.join("project.toml"),
        format!(
            "{}[_]\nschema-version = '0.2'\nid = 'test.asked'\n[io.buildpacks]{DESCRIPTOR}",
            place.pushed.syntax()
        ),
    )?;
    for name in ["left-out", "ignored"] {
        fs::write(flask.directory.join(name), "")?;
    }
    fs::write(flask.directory.join(".dockerignore"), "# not sent\n/ignored\n")?;
    fs::write(place.scratch.join("secret-file"), SECRET)?;
    buildpack(&flask.directory.join("own"), "test/own", WITNESS)?;
    let layer = "mkdir \"$CNB_LAYERS_DIR/kept\"\necho kept >\"$CNB_LAYERS_DIR/kept/file\"\n\
                 printf '[types]\\nlaunch = true\\n' >\"$CNB_LAYERS_DIR/kept.toml\"\n";
    buildpack(&place.scratch.join("more"), "test/more", layer)?;
    Ok(flask)
}

fn build<'a>(place: &Place<'a>, flask: &'a Application, arguments: &[String]) -> Result<super::Build<'a>> {
    let mut build = place.build(flask)?;
    build.options.set("OF_BOTH", "2");
    build.options.set("CNB_SECRETS", "file");
    build.options.secrets.push(("file".to_owned(), place.scratch.join("secret-file")));
    build.arguments.push(format!("--build-context=more={}", place.scratch.join("more").display()));
    build.arguments.extend_from_slice(arguments);
    Ok(build)
}

fn image(place: &Place<'_>, flask: &Application) -> Result<()> {
    let built = build(place, flask, &["--label=asked=for".to_owned()])?.succeed()?;
    let said = built.progress.output();
    if !said.contains("it is as it was asked for") {
        return Err(format!("the witness says\n{said}").into());
    }
    let image = Image::inspect(place.engine, flask.example.name)?;
    match image.label("asked") {
        Some("for") => Ok(()),
        other => Err(format!("the label is {other:?}").into()),
    }
}

/// The files that a target gives, in a directory that has nothing else.
fn files<'a>(
    place: &Place<'a>,
    flask: &'a Application,
    target: &str,
    change: impl FnOnce(&mut super::Build<'a>),
) -> Result<PathBuf> {
    let directory = place.scratch.join(format!("target-{target}"));
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    let output = format!("--output=type=local,dest={}", directory.display());
    let mut build = build(place, flask, &[format!("--target={target}"), output])?;
    change(&mut build);
    build.print()?;
    Ok(directory)
}

fn in_layout(place: &Place<'_>, flask: &Application) -> Result<()> {
    let directory = files(place, flask, "detect", in_context)?;
    has(&directory.join("layers/group.toml"), "test/own")
}

/// Takes the builder from a directory of the client.
fn in_context(build: &mut super::Build<'_>) {
    build.options.unset("builder");
    let layout = example::image("builder").replacen("oci:", "oci-layout://", 1);
    build.arguments.push(format!("--build-context=builder={layout}"));
}

fn has(file: &Path, text: &str) -> Result<()> {
    let found = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    if found.contains(text) { Ok(()) } else { Err(format!("{} is\n{found}", file.display()).into()) }
}

fn unknown_target(place: &Place<'_>, flask: &Application) -> Result<()> {
    let printed = build(place, flask, &["--target=test".to_owned()])?.fail()?;
    says(&printed, &["there is no target `test`: there are `detect`, `build` and `image`"])
}

fn refused(place: &Place<'_>, flask: &Application, name: &str, known: &str) -> Result<()> {
    let mut build = build(place, flask, &[])?;
    build.options.set(name, "value-of-it");
    let printed = build.fail()?;
    let says = printed.contains(name) && printed.contains(known) && !printed.contains("value-of-it");
    if says { Ok(()) } else { Err(format!("it says\n{printed}").into()) }
}
