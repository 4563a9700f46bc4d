use cnb_core::backend::Backend as _;
use cnb_core::backend::File;
use cnb_core::backend::Image;
use cnb_core::backend::ImagePlan;
use cnb_core::backend::ImageRequest;
use cnb_core::backend::Source;
use cnb_core::buildpack::order::Order;
use cnb_core::image_name::ImageName;
use cnb_core::labels::lifecycle::RunImageNames;
use cnb_core::memory::Memory;
use futures_lite::future::block_on;
use serde_json::Value;

use super::BuilderRequest;
use super::create;

const BASE: &str = "memory:base";
const BUILDER: &str = "memory:builder";

fn name(text: &str) -> ImageName {
    text.parse().expect(text)
}

/// A backend with a base image whose config has this environment.
fn base(env: &[&str]) -> (Memory, Image) {
    let backend = Memory::new().with_image(&name(BASE), vec![File::regular("/etc/os-release", "ID=x\n")]);
    let found = block_on(backend.resolve(ImageRequest::new(name(BASE)))).expect("a base");
    let mut config: Value = serde_json::from_slice(&found.config).expect("JSON");
    config["config"] = serde_json::json!({ "Env": env, "Shell": ["kept"] });
    let plan = ImagePlan::new(found, Vec::new(), config.to_string());
    block_on(backend.export(plan, &[name(BASE)])).expect("a base");
    let image = block_on(backend.resolve(ImageRequest::new(name(BASE)))).expect("a base");
    (backend, image)
}

fn buildpack(id: &str, version: &str, more: &str) -> (String, Source) {
    let text = format!("api = '0.10'\n[buildpack]\nid = '{id}'\nversion = '{version}'\n{more}");
    let files = vec![
        File::regular("/buildpack.toml", text),
        File::regular("/bin/build", "#!/bin/sh\n").with_mode(0o755),
    ];
    (format!("buildpacks/{id}"), Source::Files(files))
}

fn request(base: Image) -> BuilderRequest {
    let programs = ["/lifecycle", "/launcher"].map(|path| File::regular(path, path).with_mode(0o755));
    let mut request = BuilderRequest::new(base, Source::Files(programs.into()));
    request.description = "example".to_owned();
    request.buildpacks = vec![buildpack("b/c", "2", ""), buildpack("a", "1", "[[targets]]\nos = 'linux'\n")];
    request.order =
        order("[[order]]\n[[order.group]]\nid = 'b/c'\n[[order.group]]\nid = 'a'\noptional = true\n");
    request.run_images = vec![RunImageNames { image: "example.com/run".to_owned(), mirrors: Vec::new() }];
    request.build_env = vec![("A.default".to_owned(), "1".to_owned())];
    request
}

fn order(text: &str) -> Vec<cnb_core::buildpack::order::OrderGroup> {
    Order::read("order.toml".as_ref(), text).expect("an order").order
}

const USER: [&str; 3] = ["PATH=/bin", "CNB_USER_ID=1001", "CNB_GROUP_ID=1002"];

#[test]
fn a_builder_has_all_that_a_build_needs() {
    let (backend, base) = base(&USER);
    block_on(create(&backend, request(base), &[name(BUILDER)])).expect("a builder");
    let image = block_on(backend.resolve(ImageRequest::new(name(BUILDER)))).expect("a builder");
    let read = |path: &str| {
        let bytes =
            block_on(backend.read(&image.root, path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        String::from_utf8(bytes.to_vec()).expect("text")
    };

    assert!(read("/cnb/buildpacks/b_c/2/buildpack.toml").contains("'b/c'"));
    assert_eq!(read("/cnb/lifecycle/detector"), "/lifecycle");
    assert_eq!(read("/cnb/lifecycle/launcher"), "/launcher");
    assert!(read("/cnb/lifecycle/lifecycle.toml").contains("\"0.15\""));
    assert_eq!(read("/cnb/build-config/env/A.default"), "1");
    assert_eq!(read("/cnb/run.toml"), "[[images]]\n  image = \"example.com/run\"\n");
    assert_eq!(read("/cnb/stack.toml"), "[run-image]\n  image = \"example.com/run\"\n");
    let order = Order::read("order.toml".as_ref(), &read("/cnb/order.toml")).expect("an order");
    let elements: Vec<String> = order.order[0].group.iter().map(ToString::to_string).collect();
    assert_eq!(elements, ["b/c@2", "a@1"]);
    assert!(order.order[0].group[1].optional);

    let root = block_on(backend.list(&image.root, "/")).expect("a root");
    let owner = |name: &str| root.iter().find(|entry| entry.name == name).expect(name).owner;
    for (name, uid, gid) in
        [("workspace", 1001, 1002), ("layers", 1001, 1002), ("cnb", 0, 0), ("platform", 0, 0)]
    {
        assert_eq!((owner(name).uid, owner(name).gid), (uid, gid), "{name}");
    }
}

#[test]
fn the_labels_say_what_is_in_it() {
    let (backend, base) = base(&USER);
    block_on(create(&backend, request(base), &[name(BUILDER)])).expect("a builder");
    let image = block_on(backend.resolve(ImageRequest::new(name(BUILDER)))).expect("a builder");
    let config: Value = serde_json::from_slice(&image.config).expect("JSON");
    let label = |key: &str| -> Value {
        serde_json::from_str(config["config"]["Labels"][key].as_str().expect(key)).expect(key)
    };

    assert_eq!(config["config"]["User"], "1001:1002");
    assert_eq!(config["config"]["Shell"][0], "kept");
    let metadata = label("io.buildpacks.builder.metadata");
    assert_eq!(metadata["description"], "example");
    assert_eq!(metadata["buildpacks"][0]["id"], "a");
    assert_eq!(metadata["images"][0]["image"], "example.com/run");
    assert_eq!(metadata["stack"]["runImage"]["image"], "example.com/run");
    assert_eq!(metadata["lifecycle"]["api"]["platform"], "0.7");
    let order = label("io.buildpacks.buildpack.order");
    assert_eq!(order[0]["group"][0], serde_json::json!({ "id": "b/c", "version": "2" }));
    let layer = &label("io.buildpacks.buildpack.layers")["a"]["1"];
    assert_eq!(layer["targets"][0]["os"], "linux");
    let diff_ids = config["rootfs"]["diff_ids"].as_array().expect("a list");
    assert!(diff_ids.contains(&layer["layerDiffID"]));
}

#[test]
fn the_order_of_the_buildpacks_in_the_request_does_not_matter() {
    let image_id = |reversed: bool| {
        let (backend, base) = base(&USER);
        let mut request = request(base);
        if reversed {
            request.buildpacks.reverse();
        }
        block_on(create(&backend, request, &[name(BUILDER)])).expect("a builder")[0].image_id.clone()
    };
    assert_eq!(image_id(false), image_id(true));
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    type Change = fn(&mut BuilderRequest);
    let cases: [(Change, &str); 8] = [
        (
            |request| request.buildpacks[0].1 = Source::Files(vec![File::directory("/bin")]),
            "the buildpack `buildpacks/b/c` cannot be used: it has no buildpack.toml",
        ),
        (
            |request| request.buildpacks.push(buildpack("a", "1", "")),
            "the buildpack `a@1` cannot be used: the builder has it twice",
        ),
        (
            |request| {
                let composite = "[[order]]\n[[order.group]]\nid = 'x'\nversion = '3'\n";
                request.buildpacks.push(buildpack("d", "1", composite));
            },
            "the buildpack `d@1` cannot be used: the builder does not have its part x@3",
        ),
        (
            |request| {
                let text = "api = '0.1'\n[buildpack]\nid = 'old'\nversion = '1'\n";
                let files = vec![File::regular("/buildpack.toml", text)];
                request.buildpacks.push(("old".to_owned(), Source::Files(files)));
            },
            "the buildpack `old@1` cannot be used: it needs Buildpack API `0.1`, \
             the lifecycle knows 0.7, 0.8, 0.9, 0.10, 0.11, 0.12",
        ),
        (
            |request| request.order = order("[[order]]\n[[order.group]]\nid = 'x'\n"),
            "the order cannot be used: the builder does not have the buildpack x",
        ),
        (
            |request| request.order = order("[[order]]\n[[order.group]]\nid = 'a'\nversion = '2'\n"),
            "the order cannot be used: the builder does not have the buildpack a@2",
        ),
        (
            |request| {
                request.buildpacks.push(buildpack("a", "2", ""));
            },
            "the order cannot be used: the builder has several versions of a: give one",
        ),
        (
            |request| request.lifecycle = Source::Files(vec![File::regular("/lifecycle", "")]),
            "the lifecycle cannot be used: it has no program `launcher`",
        ),
    ];
    for (change, expected) in cases {
        let (backend, base) = base(&USER);
        let mut request = request(base);
        change(&mut request);
        let error = block_on(create(&backend, request, &[name(BUILDER)])).expect_err(expected);
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn the_base_names_the_user_of_the_builds() {
    for (env, expected) in [
        (&USER[..1], "the base image cannot be used: its config sets no CNB_USER_ID"),
        (
            &["CNB_USER_ID=cnb"],
            "the base image cannot be used: CNB_USER_ID is `cnb`, not the number of a user or group",
        ),
    ] {
        let (backend, base) = base(env);
        let error = block_on(create(&backend, request(base), &[name(BUILDER)])).expect_err(expected);
        assert_eq!(error.to_string(), expected);
    }
}
