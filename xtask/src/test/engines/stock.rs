//! `cnb build` on a stock `buildkitd`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Result;
use crate::command::capture;
use crate::command::read;
use crate::debian;
use crate::engine::buildkitd::Buildkitd;
use crate::example;
use crate::test::docker::application::Application;
use crate::test::docker::application::FLASK;
use crate::test::docker::pushed::Pushed;
use crate::test::labels;
use crate::test::step::timed;

/// Builds the example through the socket, then over TLS, where nothing is left to do; then with a changed source.
pub(super) fn check(daemon: &Buildkitd) -> Result<()> {
    debian::ensure(&["skopeo"])?;
    timed("example builder made", example::builder::make)?;
    let scratch = daemon.scratch()?;
    let flask = Application::copy(FLASK, &scratch, "flask")?;
    let output = scratch.join("layout");
    let socket = ["--backend".to_owned(), format!("buildkit={}", daemon.address())];
    let port = ["--backend".to_owned(), format!("buildkit={}", daemon.tls_address())];
    let certificates = ["--buildkit-tls".to_owned(), daemon.certificates()?.display().to_string()];
    let made = timed("cnb build", || built(&flask, &output, &socket))?;
    labels::check(&output, FLASK.name, &Pushed::run_image())?;
    let over_tls = [port.as_slice(), &certificates].concat();
    let again = timed("cnb build over TLS", || built(&flask, &output, &over_tls))?;
    if again.iter().any(|event| event["event"] == "output") || exported(&again) != exported(&made) {
        return Err(format!("a second build does not do nothing, but: {again:?}").into());
    }
    flask.change(1)?;
    let changed = timed("cnb build with a changed source", || built(&flask, &output, &over_tls))?;
    labels::check(&output, FLASK.name, &Pushed::run_image())?;
    let said = |event: &Value| event["bytes"].as_str().is_some_and(|text| text.contains(FLASK.unchanged));
    if !changed.iter().any(said) || exported(&changed) == exported(&made) {
        return Err(format!("a changed source is not built as such: {changed:?}").into());
    }
    let refused = capture(&mut build(&flask, &output, &port)?)?;
    // Events go there, the failure among them.
    let why = String::from_utf8_lossy(&refused.stdout);
    if refused.status.success() || !why.contains("--buildkit-tls") {
        return Err(format!("without certificates, `cnb build` says:\n{why}").into());
    }
    Ok(())
}

/// Builds, and gives the events.
fn built(application: &Application, layout: &Path, backend: &[String]) -> Result<Vec<Value>> {
    let lines = read(&mut build(application, layout, backend)?)?;
    Ok(lines.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?)
}

fn build(application: &Application, layout: &Path, backend: &[String]) -> Result<Command> {
    let mut build = example::cnb();
    build.arg("build").arg(&application.directory).args(["--json", "--network", "host"]).args(backend);
    build.args(["--builder", &example::image("builder")]).args(example::bindings::arguments()?);
    build.arg("--output").arg(format!("oci:{}:{}", layout.display(), FLASK.name));
    Ok(build)
}

fn exported(events: &[Value]) -> Vec<&Value> {
    events.iter().filter(|event| event["event"] == "exported").collect()
}
