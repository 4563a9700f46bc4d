//! Images in registries, and which blobs are sent.

use std::fs;
use std::path::Path;

use cnb_core::api::PlatformApi;
use cnb_lifecycle::image_store::ImageStore as _;
use cnb_lifecycle::image_store::registry::RegistryStore;
use cnb_lifecycle::phase::rebase::Inputs;
use cnb_lifecycle::phase::rebase::rebase;
use cnb_oci::registry::Options;
use cnb_oci::registry::Registry;
use serde_json::Value;
use serde_json::json;

use crate::done::run;
use crate::images::App;
use crate::images::RUN;
use crate::images::app_and_new_run;
use crate::images::blob;
use crate::images::blob_digest;
use crate::images::entry;
use crate::images::put_app;
use crate::images::put_index;
use crate::images::put_run;
use crate::images::read;
use crate::images::serve;
use crate::run::Place;
use crate::server::Fault;
use crate::server::Server;

/// Puts an application into `app:1` of a registry, on `run:1` of it, of which there is a newer one.
fn serve_app(server: &Server, place: &Place, mirrors: &[String]) {
    let layout = place.path("images");
    let old = put_run(&layout, Some("run"), "old run", "amd64");
    let run_image = json!({"image": server.image("run:1"), "mirrors": mirrors});
    put_app(&layout, Some("app"), &App { run_image, ..App::new("old run", &old) });
    serve(server, &layout, "app", "app", "1");
    put_run(&layout, Some("run"), "new run", "amd64");
    serve(server, &layout, "run", "run", "1");
}

fn manifest(server: &Server, repository: &str, tag: &str) -> Value {
    serde_json::from_slice(&server.manifest(repository, tag).expect("a manifest")).expect("JSON")
}

/// The digests of the blobs that were uploaded, and the bytes of all bodies.
fn sent(server: &Server) -> (Vec<String>, u64) {
    let seen = server.seen();
    let closed = seen.iter().filter(|seen| seen.method == "PUT" && seen.target.contains("/blobs/uploads/"));
    let digests = closed
        .filter_map(|seen| seen.target.split("digest=").nth(1))
        .map(|digest| digest.replace("%3A", ":"));
    let bytes = seen.iter().filter(|seen| ["PATCH", "PUT", "POST"].contains(&seen.method.as_str()));
    (digests.collect(), bytes.filter_map(|seen| seen.length).sum())
}

#[test]
fn layers_of_the_base_are_mounted_and_those_above_are_not_touched() {
    let (place, server) = (Place::new(), Server::start());
    serve_app(&server, &place, &[]);
    let app = format!("docker://{}", server.image("app:1"));
    let done = place.rebase(&[&app]);
    assert!(done.expect(0).stdout.ends_with(&format!("\nSaved     {app}\n")), "{done:#?}");

    let manifest = manifest(&server, "app", "1");
    let layers: Vec<_> = ["new run", "app", "launcher"].map(blob_digest).into();
    let digests = manifest["layers"].as_array().expect("a list").iter().map(|layer| &layer["digest"]);
    assert!(digests.eq(&layers), "{manifest}");
    let (uploaded, bytes) = sent(&server);
    assert_eq!(uploaded, [manifest["config"]["digest"].as_str().expect("a digest")]);
    assert!(bytes < 10_000, "{bytes}");
    assert_eq!(server.count("POST", "mount="), 1);
    for layer in ["app", "launcher"] {
        for method in ["GET", "HEAD", "POST", "PUT"] {
            let digest = blob_digest(layer);
            assert_eq!(
                server.count(method, &digest) + server.count(method, &digest.replace(':', "%3A")),
                0,
                "{layer}"
            );
        }
    }
    assert_eq!(server.count("GET", &blob_digest("new run")), 0);
    assert_eq!(server.open_uploads(), 0);

    let before = server.seen().len();
    assert!(place.rebase(&[&app]).expect(0).stdout.ends_with(&format!("\nUnchanged {app}\n")));
    let reads = server.seen()[before..].iter().all(|seen| ["GET", "HEAD"].contains(&seen.method.as_str()));
    assert!(reads, "nothing is written");
}

#[test]
fn a_mirror_in_the_registry_of_the_output_comes_first() {
    let (place, server, other) = (Place::new(), Server::start(), Server::start());
    serve_app(&server, &place, &[other.image("mirror/run")]);
    serve(&other, &place.path("images"), "run", "mirror/run", "latest");
    let (app, output) =
        (format!("docker://{}", server.image("app:1")), format!("docker://{}", other.image("app:1")));
    place.rebase(&[&app, "--output", &output]).expect(0);
    assert_eq!(server.count("GET", "/run/"), 0);
    assert_eq!(other.count("POST", "mount="), 1);
    // The layers above had to be sent, once.
    let (mut uploaded, _) = sent(&other);
    uploaded.sort();
    let config = manifest(&other, "app", "1")["config"]["digest"].as_str().expect("a digest").to_owned();
    let mut expected = vec![blob_digest("app"), blob_digest("launcher"), config];
    expected.sort();
    assert_eq!(uploaded, expected);
    assert_eq!(other.blob("app", &blob_digest("app")), Some(blob("app")));
    let label_has = |name: &str| {
        let config = manifest(&other, "app", "1")["config"]["digest"].as_str().expect("a digest").to_owned();
        let config = other.blob("app", &config).expect("a config");
        String::from_utf8(config).expect("text").contains(name)
    };
    assert!(label_has(&format!("{}@sha256:", server.image("run"))), "the label has the name, not the mirror");
}

#[test]
fn a_run_image_without_access_is_looked_for_in_mirrors() {
    let (place, server, other) = (Place::new(), Server::start(), Server::start());
    serve_app(&server, &place, &[server.image("none"), other.image("mirror/run")]);
    serve(&other, &place.path("images"), "run", "mirror/run", "latest");
    server.fail("GET", "/v2/run/manifests", Fault::Refusal(403, "not for you"));
    let app = format!("docker://{}", server.image("app:1"));
    place.rebase(&[&app]).expect(0);
    let (uploaded, _) = sent(&server);
    assert!(uploaded.contains(&blob_digest("new run")), "it comes from another registry");
    assert_eq!(server.unmet(), 0);
}

#[test]
fn the_name_of_a_run_image_must_be_known() {
    let (place, server) = (Place::new(), Server::start());
    serve_app(&server, &place, &[]);
    serve(&server, &place.path("images"), "run", "else", "1");
    let (app, run) =
        (format!("docker://{}", server.image("app:1")), format!("docker://{}", server.image("else:1")));
    let before = server.manifest("app", "1");
    let done = place.rebase(&[&app, "--run-image", &run]);
    done.expect(72).says(&app).says("not found in existing run image metadata").says("--force");
    assert_eq!(server.manifest("app", "1"), before);
    place.rebase(&[&app, "--run-image", &run, "--force"]).expect(0).says("warning: ");
    let done = place.rebase(&[&app, "--json"]).expect(0).json();
    let run_image = done["images"][0]["run_image"].as_str().expect("text");
    assert!(run_image.starts_with(&server.image("else@sha256:")), "{done}");
    assert_eq!(done["outputs"][0]["saved"], false, "the image knows its new run image");
}

#[test]
fn an_index_stays_one() {
    let (place, server) = (Place::new(), Server::start());
    let layout = place.path("images");
    let (mut apps, mut runs) = (Vec::new(), Vec::new());
    for architecture in ["amd64", "arm64"] {
        let layer = format!("old run {architecture}");
        let old = put_run(&layout, Some("part"), &layer, architecture);
        let run_image = json!({"image": server.image("run:1")});
        let app = App { architecture, run_image, ..App::new(&layer, &old) };
        let platform = format!("linux/{architecture}");
        apps.push(entry(&put_app(&layout, Some("part"), &app), &platform));
        let new = put_run(&layout, Some("part"), &format!("new run {architecture}"), architecture);
        runs.push(entry(&new, &platform));
    }
    put_index(&layout, "app", apps);
    put_index(&layout, "run", runs);
    serve(&server, &layout, "app", "app", "1");
    serve(&server, &layout, "run", "run", "1");
    place.rebase(&[&format!("docker://{}", server.image("app:1"))]).expect(0);
    let (uploaded, _) = sent(&server);
    assert_eq!(uploaded.len(), 2, "the configs");
    assert_eq!(server.count("POST", "mount="), 2);
    let written: Vec<_> = server.seen().into_iter().filter(|seen| seen.method == "PUT").collect();
    assert_eq!(written.last().expect("a request").target, "/v2/app/manifests/1");
    for (part, architecture) in
        manifest(&server, "app", "1")["manifests"].as_array().expect("a list").iter().zip(["amd64", "arm64"])
    {
        let image = manifest(&server, "app", part["digest"].as_str().expect("a digest"));
        assert_eq!(image["layers"][0]["digest"], blob_digest(&format!("new run {architecture}")));
        assert_eq!(part["platform"]["architecture"], architecture);
    }
}

#[test]
fn a_registry_that_refuses_keeps_the_image() {
    let (place, server) = (Place::new(), Server::start());
    serve_app(&server, &place, &[]);
    let before = server.manifest("app", "1");
    server.fail("PUT", "/v2/app/manifests", Fault::Refusal(403, "not for you"));
    let app = format!("docker://{}", server.image("app:1"));
    let done = place.rebase(&[&app]);
    done.expect(62).says(&format!("failed to write `{app}`")).says("not for you").says("--output");
    assert_eq!(server.manifest("app", "1"), before);
}

#[test]
fn who_may_not_is_told_how_to_log_in() {
    let (place, server) = (Place::new(), Server::start());
    serve_app(&server, &place, &[]);
    server.need_password("me", "secret");
    let (app, registry) = (format!("docker://{}", server.image("app:1")), server.address);
    let rebase = |name, value: &Path| run(place.cnb().env(name, value).args(["rebase", &app]));
    let login = format!("log in with `docker login {registry}`");
    let nowhere = rebase("DOCKER_CONFIG", &place.path("nowhere"));
    nowhere.expect(1).says("the request was anonymous").says(&login);
    nowhere.says(&format!("nor in {}, which is not there", place.path("nowhere/config.json").display()));
    run(place.cnb().args(["inspect", &app])).expect(4).says(&login);

    let config = json!({"auths": {registry.to_string(): {"username": "me", "password": "old"}}});
    fs::create_dir(place.path(".docker")).expect("a directory");
    fs::write(place.path(".docker/config.json"), config.to_string()).expect("a file");
    let of_docker = run(place.cnb().args(["rebase", &app]));
    of_docker.expect(1).says(&format!("the credentials for {registry} that ")).does_not_say("old");
    of_docker.says(&format!("`docker login {registry}` replaces them"));
    let variable = json!({registry.to_string(): "Bearer secret"}).to_string();
    let of_variable = rebase("CNB_REGISTRY_AUTH", Path::new(&variable));
    of_variable.expect(1).says("in CNB_REGISTRY_AUTH are not valid").does_not_say("Bearer");

    // Some who may read may not write.
    let variable = json!({registry.to_string(): "Basic bWU6c2VjcmV0"}).to_string();
    server.fail("PUT", "/v2/app/manifests", Fault::Refusal(403, "not for you"));
    let writing = rebase("CNB_REGISTRY_AUTH", Path::new(&variable));
    writing.expect(62).says("not for you").says("in CNB_REGISTRY_AUTH are not valid, or may not do this");
    rebase("CNB_REGISTRY_AUTH", Path::new(&variable)).expect(0);
}

#[test]
fn images_go_from_layouts_to_registries_and_back() {
    let (place, server) = (Place::new(), Server::start());
    app_and_new_run(&place.path("images"));
    let app = format!("docker://{}", server.image("app:1"));
    place.rebase(&["oci:images:app", "--output", &app]).expect(0);
    let (uploaded, _) = sent(&server);
    assert_eq!(uploaded.len(), 4, "three layers and the config");
    // And back; its run image is in a layout that is named.
    let run = format!("oci:images:{RUN}");
    place.rebase(&[&app, "--run-image", &run, "--output", "oci:back:app"]).expect(0);
    let image = |layout: &str| read(&place.path(layout), Some("app"), "amd64");
    assert_eq!(image("back").0["layers"], manifest(&server, "app", "1")["layers"]);
    assert_eq!(
        std::fs::read(place.path("back/blobs").join(blob_digest("app").replace(':', "/"))).expect("a blob"),
        blob("app")
    );
}

#[test]
fn the_bytes_of_the_go_lifecycle_are_those_of_the_phase() {
    let (place, server) = (Place::new(), Server::start());
    serve_app(&server, &place, &[]);
    let (app, run) = (server.image("app:1"), server.image("run:1"));
    place
        .rebase(&[
            &format!("docker://{app}"),
            "--compat=lifecycle",
            "--output",
            &format!("docker://{app}-cnb"),
        ])
        .expect(0);

    let store = RegistryStore::new(Registry::new(Options::new()).expect("a client"));
    let find = |name: &str| store.find(name).expect("a registry").expect("an image");
    let (app, new_base) = (find(&app), find(&run));
    let target = store.target(&[&server.image("app:1-phase")], &new_base, Some(&app)).expect("a target");
    let inputs = Inputs { api: PlatformApi::NEWEST, app: &app, new_base: &new_base, force: false };
    rebase(&inputs, &*target).expect("an image");
    assert!(server.manifest("app", "1-phase").is_some());
    assert_eq!(server.manifest("app", "1-cnb"), server.manifest("app", "1-phase"));
}
